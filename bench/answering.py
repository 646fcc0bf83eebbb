"""Ask a model the requests that a bench listed, and record the answers.

    python -m bench.answering REQUESTS --recordings DIR --model NAME

REQUESTS is what `--requests` of another bench wrote: a JSON line each, whose `body` is what an
endpoint is asked. `bridge/NAME` is a model behind OPENAI_API_BASE, such as a bridge to files. What
is recorded already is not asked again; what cannot be had is left out, and said.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

from pytest_compiledai.llm.client import Client
from pytest_compiledai.llm.client import LiteLLMClient
from pytest_compiledai.llm.fault import Fault
from pytest_compiledai.llm.recording import Recordings
from pytest_compiledai.llm.request import Message
from pytest_compiledai.llm.request import Request


def request_from(body: dict[str, Any]) -> Request:
    """Return the request that an endpoint's body states."""
    parameters = {key: value for key, value in body.items() if key not in ("messages", "seed")}
    messages = tuple(Message(role=m["role"], content=m["content"]) for m in body["messages"])
    return Request(messages=messages, parameters=parameters, sample=body["seed"])


async def answered(lines: list[str], recordings: Recordings, client: Client) -> Counter[str]:
    """Record what has no answer of this model yet; return how many of which came to what."""
    counts: Counter[str] = Counter()
    for line in lines:
        item = json.loads(line)
        request = request_from(item["body"])
        if recordings.choose(request, model=client.model, preferred=None):
            counts["had"] += 1
            continue
        try:
            reply = await client.ask(request)
        except Fault as fault:
            print(f"{item['unit']}: {fault.found}")
            counts["missing"] += 1
            continue
        recordings.store(request, reply)
        counts["recorded"] += 1
    return counts


def main() -> None:
    """Ask, record, and print how many."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("requests", type=Path)
    parser.add_argument("--recordings", type=Path, required=True)
    parser.add_argument("--model", required=True)
    options = parser.parse_args()
    lines = options.requests.read_text(encoding="utf-8").splitlines()
    options.recordings.mkdir(parents=True, exist_ok=True)
    client = LiteLLMClient(options.model)
    counts = asyncio.run(answered(lines, Recordings(options.recordings), client))
    print(", ".join(f"{counts[name]} {name}" for name in ("recorded", "had", "missing")))


if __name__ == "__main__":
    main()
