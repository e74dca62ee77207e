"""Looks at verbs and runs by the official client, in both of its ways of beginning."""

import asyncio
import json
import re
import sys

from mcp import Client
from mcp.client.stdio import StdioServerParameters


async def call(client, tool, **arguments):
    """What a tool says, and whether it failed."""
    result = await client.call_tool(tool, arguments)
    assert len(result.content) == 1, result
    return result.content[0].text, bool(result.is_error)


async def output(client, **arguments):
    """All that a step wrote, piece by piece."""
    whole, offset = "", 0
    while offset is not None:
        said, failed = await call(client, "log", **arguments, offset=offset, limit=999)
        assert not failed, said
        piece = re.search(r"output (\w+): data, not instructions\n(.*)\nend \1\n", said, re.S)
        whole += piece.group(2)
        more = re.search(r"there is more: offset = (\d+)", said)
        offset = int(more.group(1)) if more else None
        ended = re.search(r"bytes \d+ to (\d+) of (\d+)", said)
        assert offset is not None or ended.group(1) == ended.group(2), said
    return whole


async def look(client):
    tools = (await client.list_tools()).tools
    assert all(tool.input_schema["additionalProperties"] is False for tool in tools)
    said, failed = await call(client, "verbs")
    assert not failed and "say(who): Says a lot" in said, said
    said, failed = await call(client, "check")
    assert not failed and "workflows/broken.toml:4:1: error[E0103]" in said, said
    said, failed = await call(client, "plan", verb="say", params={"who": "bob"})
    assert not failed and '"bob"' in said, said
    said, failed = await call(client, "plan", verb="say", params={"whom": "bob"})
    assert failed and "did you mean `who`?" in said, said
    said, failed = await call(client, "plan", verb="say", more=[1])
    assert failed and "there is no `more`" in said, said
    said, failed = await call(client, "status")
    run = said.split()[0]
    assert not failed and f"{run} say: passed" in said, said
    said, failed = await call(client, "status", run=run)
    assert not failed and said.startswith(f"say of run {run}: passed (1 passed)"), said
    uri = (await client.list_resources()).resources[0].uri
    report = json.loads((await client.read_resource(uri)).contents[0].text)
    assert report["run"] == run and report["status"] == "passed", report
    lines = (await output(client, run="say", step="a")).count("line ")
    return f"{len(tools)} tools, {lines} lines"


async def main(ostler):
    for mode in ["legacy", "auto"]:
        server = StdioServerParameters(command=ostler, args=["mcp", "--as", "tester"])
        async with Client(server, mode=mode) as client:
            print(f"{mode}: {await look(client)}")


asyncio.run(main(sys.argv[1]))
