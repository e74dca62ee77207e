"""The same graph of commands, written for each tool."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

SHELL = "/bin/true && /bin/true"
SIMPLE = "/bin/true"


@dataclass
class Graph:
    """Steps by name, each with the names of those it comes after; all run the same command."""

    after: dict
    command: str = SIMPLE

    @property
    def needs_shell(self):
        return self.command != SIMPLE

    def ends(self):
        """The steps that nothing comes after."""
        before = {name for names in self.after.values() for name in names}
        return [name for name in self.after if name not in before]


def layered(steps, command=SIMPLE, width=100):
    """Layers of `width`; each step comes after two of the layer before."""
    after = {}
    for n in range(steps):
        layer, at = divmod(n, width)
        before = {at, (at + 1) % width} if layer else ()
        after[f"s{n}"] = [f"s{(layer - 1) * width + b}" for b in sorted(before)]
    return Graph(after, command)


def chain(steps):
    return Graph({f"s{n}": [f"s{n - 1}"] if n else [] for n in range(steps)})


def wide(steps):
    return Graph({f"s{n}": [] for n in range(steps)})


def write_ostler(folder, graph):
    lines = ['id = "graph"']
    if graph.needs_shell:
        lines.append('shell = "sh"')
    for name, after in graph.after.items():
        needs = f"\nneeds = {json.dumps(after)}" if after else ""
        lines.append(f'\n[[steps]]\nid = "{name}"\ncmd = "{graph.command}"{needs}')
    (folder / "workflows").mkdir()
    (folder / "workflows" / "graph.toml").write_text("\n".join(lines) + "\n")


def write_make(folder, graph):
    lines = ["SHELL = /bin/sh", f".PHONY: all {' '.join(graph.after)}", f"all: {' '.join(graph.ends())}"]
    lines += [f"{name}: {' '.join(after)}\n\t@{graph.command}" for name, after in graph.after.items()]
    (folder / "Makefile").write_text("\n".join(lines) + "\n")


def write_ninja(folder, graph):
    lines = ["rule run", f"  command = {graph.command}"]
    lines += [f"build {name}: run {' '.join(after)}" for name, after in graph.after.items()]
    (folder / "build.ninja").write_text("\n".join(lines) + "\n")


def write_just(folder, graph):
    lines = ['set shell := ["sh", "-c"]', f"all: {' '.join(graph.ends())}"]
    lines += [f"{name}: {' '.join(after)}\n\t@{graph.command}" for name, after in graph.after.items()]
    (folder / "justfile").write_text("\n".join(lines) + "\n")


def write_task(folder, graph):
    lines = ["version: '3'", "tasks:", f"  default: {{deps: [{', '.join(graph.ends())}]}}"]
    # Without `run: once` a task that several others need runs for each of them.
    lines += [
        f"  {name}: {{run: once, deps: [{', '.join(after)}], cmds: ['{graph.command}']}}"
        for name, after in graph.after.items()
    ]
    (folder / "Taskfile.yml").write_text("\n".join(lines) + "\n")


HELLO = {
    "ostler": ("workflows/hello.toml", """\
id = "hello"
shell = "sh"

[[steps]]
id = "look"
cmd = "uname -n"

[[steps]]
id = "greet"
needs = ["look"]
argv = ["echo", "Hello"]
"""),
    "make": ("Makefile", "greet: look\n\techo Hello\nlook:\n\tuname -n\n"),
    "ninja": ("build.ninja", "rule look\n  command = uname -n\nrule greet\n  command = echo Hello\n"
              "build look: look\nbuild greet: greet look\n"),
    "just": ("justfile", "greet: look\n\techo Hello\nlook:\n\tuname -n\n"),
    "task": ("Taskfile.yml", "version: '3'\ntasks:\n  default: {deps: [look], cmds: ['echo Hello']}\n"
             "  look: {cmds: ['uname -n']}\n"),
}


def write_hello(folder, tool):
    name, text = HELLO[tool]
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


WRITERS = {
    "ostler": write_ostler,
    "make": write_make,
    "ninja": write_ninja,
    "just": write_just,
    "task": write_task,
}


def clean(folder):
    """Forgets what a tool remembers of earlier runs."""
    for left in (".ostler", ".task"):
        shutil.rmtree(folder / left, ignore_errors=True)
    for left in (".ninja_log", ".ninja_deps"):
        (folder / left).unlink(missing_ok=True)
