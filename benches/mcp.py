#!/usr/bin/env python3
"""How many tokens an agent's context pays for our MCP tools: the fixed set, and the alternative of a tool for each verb.

    python3 -m venv /tmp/v && /tmp/v/bin/pip install bpe-openai && /tmp/v/bin/python benches/mcp.py target/debug/ostler

A client puts the tools (name, description, schema) into every request. With the fixed set a model reads `verbs` once
where it does not know them; with a tool for each verb they are all there, in every request.
"""

import json
import os
import subprocess
import sys
import tempfile

import bpe_openai

COUNT = bpe_openai.get_encoding("o200k_base").encode

# Params as they are: few verbs have none, few many.
PARAMS = [
    ("target", "string", "Which service or package, by its name in the repository", None),
    ("environment", "enum", "Where to: the stage that is changed", ["dev", "staging", "production"]),
    ("version", "version", "The version to be released, such as 1.4.0", None),
    ("dry_run", "bool", "Say what would be done, and change nothing", None),
    ("timeout_s", "int", "Seconds until it is given up", None),
]
NAMES = ["build", "deploy", "release", "backup", "restore", "rotate-keys", "migrate", "smoke-test", "rollback", "audit"]


def workspace(folder, verbs):
    os.makedirs(f"{folder}/workflows")
    for n in range(verbs):
        name = NAMES[n % 10] + (f"-{n // 10}" if n >= 10 else "")
        lines = [f'id = "{name}"', f'trigger = "{name.capitalize()} the service, check it, and say what changed"']
        for param, kind, help, words in PARAMS[: n % 6]:
            lines += ["[[params]]", f'name = "{param}"', f'type = "{kind}"', f'help = "{help}"']
            lines += [f"values = {json.dumps(words)}"] if words else []
            lines += ["default = 60"] if kind == "int" else []
        lines += ["[[steps]]", 'id = "do"', 'action = "Do it"', 'cmd = "true"']
        with open(f"{folder}/workflows/{name}.toml", "w") as file:
            file.write("\n".join(lines) + "\n")


def ask(ostler, folder, *requests):
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}
    all = [("initialize", hello), *requests]
    lines = [json.dumps({"jsonrpc": "2.0", "id": n, "method": m, "params": p}) for n, (m, p) in enumerate(all)]
    ran = subprocess.run([ostler, "mcp"], cwd=folder, input="\n".join(lines) + "\n", capture_output=True, text=True)
    said = {one["id"]: one["result"] for one in map(json.loads, ran.stdout.splitlines())}
    return [said[n] for n in range(1, len(all))]


def told(tools):
    """The tools as a model sees them."""
    kept = [{key: tool[key] for key in ("name", "description", "inputSchema")} for tool in tools]
    return json.dumps(kept, separators=(",", ":"), ensure_ascii=False)


TYPES = {"int": "integer", "number": "number", "bool": "boolean"}


def typed(verb):
    """A verb as a tool of its own."""
    properties = {}
    for param in verb["params"]:
        schema = {"type": TYPES.get(param["type"], "string")}
        if param["values"]:
            schema["enum"] = param["values"]
        if param["default"] is not None:
            schema["default"] = param["default"]
        properties[param["name"]] = {**schema, "description": param["help"]}
    properties["task"] = {"type": "string", "description": "What it is for."}
    properties["plan"] = {"type": "boolean", "description": "Only say what it would do."}
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    needed = [param["name"] for param in verb["params"] if param["required"]]
    if needed:
        schema["required"] = needed
    return {"name": f"start_{verb['verb'].replace('-', '_')}", "description": verb["about"], "inputSchema": schema}


def main(ostler):
    print("| verbs | fixed: tools | fixed: `verbs` read once | a tool each: tools |\n| --- | --- | --- | --- |")
    for verbs in (0, 5, 30):
        with tempfile.TemporaryDirectory() as folder:
            workspace(folder, verbs)
            listed, read = ask(ostler, folder, ("tools/list", {}), ("tools/call", {"name": "verbs", "arguments": {}}))
            fixed = listed["tools"]
            text = read["content"][0]["text"]
            whole = subprocess.run([ostler, "list", "--format", "json"], cwd=folder, capture_output=True, text=True)
            each = [typed(verb) for verb in json.loads(whole.stdout)["verbs"]]
            others = [tool for tool in fixed if tool["name"] not in ("verbs", "plan", "start")]
            row = (verbs, *(len(COUNT(one)) for one in (told(fixed), text, told(others + each))))
            print("| " + " | ".join(map(str, row)) + " |")
    sizes = sorted(((len(COUNT(told([tool]))), tool["name"]) for tool in fixed), reverse=True)
    print("\n" + ", ".join(f"{name} {size}" for size, name in sizes))


main(os.path.abspath(sys.argv[1]))
