#!/usr/bin/env python3
"""Ostler beside its peers: the same graphs, run in turns. See README.md here."""

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import graphs

HERE = Path(__file__).resolve().parent
SLOTS = 2
PEERS = ["bare", "ostler", "make", "ninja", "just", "task"]
# What takes many times longer than the others is measured once.
SLOW = {"just", "task"}


@dataclass
class Entry:
    """One command that is measured."""

    name: str
    argv: list
    folder: Path
    # Whether each time is the first: nothing is left of the time before.
    fresh: bool = True
    once: bool = False
    wall: list = field(default_factory=list)
    cpu: list = field(default_factory=list)
    engine_mb: float = 0
    all_mb: float = 0
    syncs: float = None


def spawn(entry, prefix=()):
    if entry.fresh:
        graphs.clean(entry.folder)
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([*prefix, *entry.argv], cwd=entry.folder, **quiet)


def run(entry):
    """Runs it once: seconds of wall time, and of processor time with all its children."""
    start = time.perf_counter()
    child = spawn(entry)
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"{entry.name} failed: {' '.join(map(str, entry.argv))} in {entry.folder}")
    return wall, usage.ru_utime + usage.ru_stime


def rounds(entries, count):
    """Runs all of them in turns, so that a slow minute of the machine is a slow minute for each."""
    for entry in entries:
        run(entry)
    for n in range(count):
        for entry in entries:
            if n == 0 or not entry.once:
                wall, cpu = run(entry)
                entry.wall.append(wall)
                entry.cpu.append(cpu)


def below(root):
    """A process and all its descendants."""
    children = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, IndexError):
            continue
        children.setdefault(parent, []).append(int(path.parent.name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def kilobytes(path, key):
    try:
        return int(re.search(rf"^{key}:\s+(\d+)", Path(path).read_text(), re.M).group(1))
    except (OSError, AttributeError):
        return 0


def measure_memory(entry):
    """The peak of the tool's own process, and of all it started together, shared pages counted once."""
    child = spawn(entry)
    done = threading.Event()

    def look():
        while not done.wait(0.02):
            own = kilobytes(f"/proc/{child.pid}/status", "VmHWM")
            total = sum(kilobytes(f"/proc/{pid}/smaps_rollup", "Pss") for pid in below(child.pid))
            entry.engine_mb = max(entry.engine_mb, own / 1024)
            entry.all_mb = max(entry.all_mb, total / 1024)

    watcher = threading.Thread(target=look)
    watcher.start()
    child.wait()
    done.set()
    watcher.join()


def measure_syncs(entry, steps):
    """How often anything is forced to disk, for each step."""
    with tempfile.NamedTemporaryFile("r") as out:
        calls = "fsync,fdatasync,sync_file_range,msync,syncfs"
        spawn(entry, ["strace", "-f", "--seccomp-bpf", "-c", "-e", f"trace={calls}", "-o", out.name]).wait()
        total = re.search(r"^100\.00 .* (\d+) +(?:\d+ +)?total$", out.read(), re.M)
        entry.syncs = int(total.group(1)) / steps if total else 0.0


class Bench:
    """What is there to compare, and where it is put."""

    def __init__(self, args, root):
        self.args, self.root = args, root
        self.found = {name: shutil.which(name) for name in ("make", "ninja", "just", "task")}
        self.found["ostler"] = str(Path(args.ostler).resolve())
        self.found["bare"] = str(root / "bare")
        subprocess.run(["cc", "-O2", "-o", self.found["bare"], HERE / "bare.c"], check=True)

    def tools(self):
        return [name for name in PEERS if self.found[name] and name not in self.args.without]

    def folder(self, case, name):
        folder = self.root / case / name
        folder.mkdir(parents=True)
        return folder

    def argv(self, name, steps, command, slots):
        jobs = str(slots)
        shell = ["/bin/sh", "-c"] if command != graphs.SIMPLE else []
        arguments = {
            "bare": [jobs, str(steps), *shell, command],
            "ostler": ["run", "graph", "-j", jobs],
            "make": ["-j", jobs],
            "ninja": ["-j", jobs],
            "just": [],
            "task": ["--concurrency", jobs],
        }
        return [self.found[name], *arguments[name]]

    def graph(self, case, graph, slots=SLOTS):
        """Runs a graph from a clean start with every tool."""
        steps, entries = len(graph.after), []
        for name in self.tools():
            folder = self.folder(case, name)
            if name != "bare":
                graphs.WRITERS[name](folder, graph)
            argv = self.argv(name, steps, graph.command, slots)
            entries.append(Entry(name, argv, folder, once=name in SLOW))
        rounds(entries, self.args.rounds)
        for entry in entries:
            if entry.name not in SLOW:
                measure_memory(entry)
            # The others keep no record, and to watch all that they start takes long.
            if entry.name == "ostler":
                measure_syncs(entry, steps)
        what = "shell" if graph.needs_shell else "one command each"
        table(f"{case}: {steps} steps, {what}, {slots} at once", entries, "bare", graph=True)

    def hello(self):
        """Two steps: what a tool takes to start."""
        entries = []
        for name in self.tools():
            if name == "bare":
                continue
            folder = self.folder("hello", name)
            graphs.write_hello(folder, name)
            argv = [self.found[name], *(["run", "hello"] if name == "ostler" else [])]
            if name == "make":
                argv += ["greet"]
            if name == "ostler":
                first = self.folder("hello", "first")
                graphs.write_hello(first, name)
                entries.append(Entry("ostler, the first run", argv, first))
            entries.append(Entry(name, argv, folder, fresh=name != "ostler"))
        rounds(entries, self.args.rounds * 8)
        table("hello: start-up, two steps", entries, "just")

    def plan(self, graph):
        """A look at what would be done."""
        entries = []
        arguments = {"ostler": ["plan", "graph"], "make": ["-n"], "ninja": ["-n"], "just": ["-n"]}
        for name in (name for name in self.tools() if name in arguments):
            folder = self.folder("plan", name)
            graphs.WRITERS[name](folder, graph)
            argv = [self.found[name], *arguments[name]]
            if name == "ostler":
                # Plans are kept where there is a state to keep them in.
                known = self.folder("plan", "known")
                graphs.WRITERS[name](known, graph)
                (known / ".ostler").mkdir()
                entries.append(Entry("ostler, unchanged files", argv, known, fresh=False))
            entries.append(Entry(name, argv, folder, once=name in SLOW))
        rounds(entries, self.args.rounds * 2)
        table(f"plan: {len(graph.after)} steps looked at, none run", entries, "ninja")


def table(title, entries, base, graph=False):
    """Prints the medians, and how many times the others' each is: first of wall time, then of processor time."""
    wall = {entry.name: statistics.median(entry.wall) for entry in entries}
    cpu = {entry.name: statistics.median(entry.cpu) for entry in entries}
    against = [name for name in dict.fromkeys((base, "make", "ninja")) if name in wall]
    heads = ["wall ms", "spread", *(f"x {name}" for name in against)]
    heads += ["cpu ms", *(f"x {name}" for name in against)]
    heads += ["engine MB", "all MB", "syncs/step"] if graph else []
    print(f"\n{title}\n{'':24}" + "".join(f"{head:>11}" for head in heads))
    for entry in entries:
        name, spread = entry.name, max(entry.wall) - min(entry.wall)
        cells = [f"{wall[name] * 1000:.1f}", f"{spread / wall[name]:.0%}"]
        cells += [f"{wall[name] / wall[other]:.2f}" for other in against]
        cells += [f"{cpu[name] * 1000:.1f}", *(f"{cpu[name] / cpu[other]:.2f}" for other in against)]
        if graph and entry.all_mb:
            cells += [f"{entry.engine_mb:.1f}", f"{entry.all_mb:.1f}"]
            cells += [f"{entry.syncs:.3f}"] if entry.syncs is not None else []
        print(f"{name:24}" + "".join(f"{cell:>11}" for cell in cells), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", help="which; all if none: layered shell chain wide hello plan")
    parser.add_argument("--ostler", default=HERE.parent / "target/release/ostler")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--without", nargs="*", default=[], help="tools to leave out, such as just task")
    args = parser.parse_args()
    few = max(1, args.steps // 10)
    with tempfile.TemporaryDirectory() as root:
        bench = Bench(args, Path(root))
        missing = [name for name, path in bench.found.items() if not path]
        if missing:
            print(f"not found, so left out: {' '.join(missing)}")
        cases = {
            "layered": lambda: bench.graph("layered", graphs.layered(args.steps)),
            "shell": lambda: bench.graph("shell", graphs.layered(args.steps, graphs.SHELL)),
            "chain": lambda: bench.graph("chain", graphs.chain(few), slots=1),
            "wide": lambda: bench.graph("wide", graphs.wide(few)),
            "hello": bench.hello,
            "plan": lambda: bench.plan(graphs.layered(args.steps)),
        }
        for name in args.cases or cases:
            cases[name]()


if __name__ == "__main__":
    main()
