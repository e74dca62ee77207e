// The floor: starts COUNT commands, at most SLOTS at once, and waits for them. It keeps no graph and no record.
//
// usage: bare SLOTS COUNT PROGRAM [ARGUMENT]...
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>

extern char **environ;

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    int slots = atoi(argv[1]), left = atoi(argv[2]), running = 0, failed = 0;
    while (left > 0 || running > 0) {
        while (left > 0 && running < slots) {
            pid_t pid;
            if (posix_spawn(&pid, argv[3], NULL, NULL, argv + 3, environ)) return 1;
            left--, running++;
        }
        int status;
        if (wait(&status) < 0) return 1;
        failed |= status, running--;
    }
    return failed != 0;
}
