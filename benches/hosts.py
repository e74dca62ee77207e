#!/usr/bin/env python3
"""Ostler beside its peers on many hosts: the same commands over ssh, run in turns. See README.md here."""

import argparse
import os
import pwd
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
USER = "ostler-bench"
PEERS = ["ostler", "floor", "xargs", "clush", "pyinfra", "ansible"]
TICK = os.sysconf("SC_CLK_TCK")


@dataclass
class Entry:
    """One tool with what it is to do."""

    name: str
    argv: list
    wall: list = field(default_factory=list)
    here: list = field(default_factory=list)
    there: list = field(default_factory=list)


def make(path, text, mode=0o644):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


class Hosts:
    """One sshd on loopback that is many hosts by name, and a user with a plain shell and no start-up files."""

    def __init__(self, root, count):
        self.root, self.home = root, root / "home"
        self.names = [f"h{n:03}" for n in range(count)]
        self.home.mkdir()
        root.chmod(0o711)
        self.user = USER if os.geteuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
        for key in ("host", "client"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", root / key], check=True)
        make(root / "authorized", (root / "client.pub").read_text())
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.server = self.serve()
        key = " ".join((root / "host.pub").read_text().split()[:2])
        known = make(root / "known", f"[127.0.0.1]:{self.port} {key}\n")
        self.config = make(
            root / "ssh_config",
            f"Host h*\n  HostName 127.0.0.1\n  Port {self.port}\n  User {self.user}\n"
            f"  IdentityFile {root / 'client'}\n  IdentitiesOnly yes\n  IdentityAgent none\n"
            f"  UserKnownHostsFile {known}\n  GlobalKnownHostsFile /dev/null\n",
        )

    def serve(self):
        config = make(
            self.root / "sshd_config",
            f"ListenAddress 127.0.0.1\nPort {self.port}\nHostKey {self.root / 'host'}\nPidFile none\nUsePAM no\n"
            f"AuthorizedKeysFile {self.root / 'authorized'}\nStrictModes no\nPrintMotd no\nPrintLastLog no\n"
            # The same key exchange for all, and nobody is turned away.
            "KexAlgorithms curve25519-sha256,curve25519-sha256@libssh.org\nMaxStartups 1000\n"
            # paramiko copies files by it.
            "Subsystem sftp internal-sftp\n",
        )
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
            # Locked, an account is let in by no key.
            subprocess.run(["useradd", "-M", "-d", self.home, "-s", "/bin/sh", "-p", "*", USER], check=True)
            shutil.chown(self.home, USER)
        server = subprocess.Popen(["/usr/sbin/sshd", "-D", "-f", config], stderr=subprocess.DEVNULL)
        while socket.socket().connect_ex(("127.0.0.1", self.port)) != 0:
            if server.poll() is not None:
                sys.exit("sshd does not start: see /usr/sbin/sshd -D -e")
            time.sleep(0.01)
        return server

    def spent(self):
        """Processor time of all sessions that have ended."""
        fields = Path(f"/proc/{self.server.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[13]) + int(fields[14])) / TICK

    def quiet(self):
        """Waits until no session is left."""
        children = Path(f"/proc/{self.server.pid}/task/{self.server.pid}/children")
        while children.read_text().strip():
            time.sleep(0.01)

    def close(self):
        self.server.terminate()
        self.server.wait()
        if self.user == USER:
            subprocess.run(["userdel", "-f", USER], check=False, stderr=subprocess.DEVNULL)


class Bench:
    def __init__(self, args, hosts):
        self.args, self.hosts, self.root = args, hosts, hosts.root
        path = os.pathsep.join(filter(None, [args.peers and str(args.peers / "bin"), os.environ["PATH"]]))
        self.found = {name: shutil.which(name, path=path) for name in ("xargs", "clush", "pyinfra", "ansible")}
        self.found["ostler"] = shutil.which(Path(args.ostler).resolve())
        self.found["floor"] = self.found["xargs"]
        self.env = {
            **os.environ,
            "PATH": path,
            "HOME": str(make(self.root / "here/.keep", "").parent),
            "OSTLER_SSH_CONFIG": str(hosts.config),
            "ANSIBLE_SSH_ARGS": f"-F {hosts.config} -o ControlMaster=auto -o ControlPersist=60s",
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.root / "cp"),
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        }

    def entries(self, commands):
        """How an operator would have each tool run `true` so many times on every host."""
        at_once = str(self.args.at_once)
        folder = self.root / f"x{commands}"
        names = "\n".join(self.hosts.names) + "\n"
        hosts = make(folder / "hosts", names)
        ssh = f"ssh -F {self.hosts.config} -o BatchMode=yes"

        steps = ["id = 'all'\n"]
        for n in range(commands):
            after = f"needs = ['s{n - 1}']\n" if n else ""
            steps.append(f"[[steps]]\nid = 's{n}'\nhosts = 'all'\ncmd = 'true'\n{after}")
        make(folder / "workflows/all.toml", "\n".join(steps))
        for name in self.hosts.names:
            make(folder / f"fleet/{name}.toml", "")

        loop = f"for n in $(seq {commands}); do sh -c true; done"
        each = f"xargs -P {at_once} -I@ {ssh} @ true <{hosts}"
        clush = f"clush -q -S -f {at_once} -o '-F {self.hosts.config}' --hostfile {hosts} true"
        data = f"{{'ssh_config_file': '{self.hosts.config}', 'ssh_known_hosts_file': '{self.root / 'known'}'}}"
        make(folder / "inventory.py", f"hosts = ([(h, {data}) for h in open('{hosts}').read().split()], {{}})\n")
        deploy = "from pyinfra.operations import server\n" + "server.shell(commands=['true'])\n" * commands
        make(folder / "deploy.py", deploy)
        tasks = "".join("    - raw: 'true'\n" for _ in range(commands))
        make(folder / "play.yml", f"- hosts: all\n  gather_facts: false\n  tasks:\n{tasks}")
        one = commands == 1
        pyinfra = ["exec", "--", "true"] if one else ["deploy.py"]
        argv = {
            "ostler": [self.found["ostler"], "run", "all"],
            # What nobody who uses ssh can be below: one connection for each host, and one loop there.
            "floor": ["sh", "-ec", f"xargs -P {at_once} -I@ {ssh} @ '{loop}' <{hosts}"],
            "xargs": ["sh", "-ec", "\n".join([each] * commands)],
            "clush": ["sh", "-ec", "\n".join([clush] * commands)],
            "pyinfra": ["pyinfra", "-y", "--parallel", at_once, "inventory.py", *pyinfra],
            "ansible": ["ansible", "-i", hosts, "-f", at_once, "all", "-m", "raw", "-a", "true"]
            if one
            else ["ansible-playbook", "-i", hosts, "-f", at_once, "play.yml"],
        }
        missing = [name for name in PEERS if not self.found[name]]
        return folder, [Entry(n, argv[n]) for n in PEERS if n not in missing and n not in self.args.without]

    def run(self, folder, entry):
        """Runs it once, with nothing left of the time before: wall time, processor time here, and there."""
        shutil.rmtree(folder / ".ostler", ignore_errors=True)
        self.hosts.quiet()
        before, start = self.hosts.spent(), time.perf_counter()
        with open(self.root / "said", "wb") as said:
            child = subprocess.Popen(
                entry.argv, cwd=folder, env=self.env, stdin=subprocess.DEVNULL, stdout=said, stderr=said
            )
            _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            text = (self.root / "said").read_text(errors="replace")[-2000:]
            sys.exit(f"{entry.name} failed: {' '.join(map(str, entry.argv))}\n{text}")
        # What it would keep open for the next time.
        for control in (self.root / "cp").glob("*"):
            subprocess.run(["ssh", "-O", "exit", "-S", control, "x"], check=False, stderr=subprocess.DEVNULL)
        self.hosts.quiet()
        return wall, usage.ru_utime + usage.ru_stime, self.hosts.spent() - before

    def case(self, commands):
        folder, entries = self.entries(commands)
        for _ in range(self.args.rounds):
            for entry in entries:
                for kept, value in zip((entry.wall, entry.here, entry.there), self.run(folder, entry)):
                    kept.append(value)
        table(f"{len(self.hosts.names)} hosts, {commands} commands each, cold", entries)


def table(title, entries):
    """Prints the medians in seconds, and how many times Ostler's each is."""
    middle = {e.name: [statistics.median(kept) for kept in (e.wall, e.here, e.there)] for e in entries}
    base = middle.get("ostler", [1, 1, 1])
    heads = ["wall s", "from", "to", "x ostler", "cpu here", "cpu there", "cpu all", "x ostler"]
    print(f"\n{title}\n{'':10}" + "".join(f"{head:>11}" for head in heads))
    for entry in entries:
        wall, here, there = middle[entry.name]
        cells = [wall, min(entry.wall), max(entry.wall), wall / base[0]]
        cells += [here, there, here + there, (here + there) / (base[1] + base[2])]
        print(f"{entry.name:10}" + "".join(f"{cell:11.2f}" for cell in cells), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("commands", nargs="*", type=int, default=[1, 10], help="how many on each host; 1 and 10")
    parser.add_argument("--ostler", default=HERE.parent / "target/release/ostler")
    parser.add_argument("--peers", type=Path, help="a virtual environment with peers, beside the path")
    parser.add_argument("--hosts", type=int, default=100)
    parser.add_argument("--at-once", type=int, default=24, help="hosts at once, for tools that ask")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--without", nargs="*", default=[], help="tools to leave out, such as ansible")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        hosts = Hosts(Path(root), args.hosts)
        try:
            bench = Bench(args, hosts)
            missing = [name for name, path in bench.found.items() if not path]
            if missing:
                print(f"not found, so left out: {' '.join(missing)}")
            for commands in args.commands:
                bench.case(commands)
        finally:
            hosts.close()


if __name__ == "__main__":
    main()
