"""Requests that a bench listed, asked and recorded."""

from __future__ import annotations

import asyncio
import json

from bench import answering
from bench import packs
from pytest_compiledai.asking import request_of
from pytest_compiledai.llm.fault import Fault
from pytest_compiledai.llm.fault import FaultKind
from pytest_compiledai.llm.recording import Recordings
from pytest_compiledai.llm.request import Reply


class Client:
    """Answers every request but those that speak of silence."""

    model = "bridge/llm"

    def __init__(self):
        self.asked = []

    async def ask(self, request):
        self.asked.append(request)
        if "silence" in request.messages[0].content:
            raise Fault(kind=FaultKind.REFUSED, found="no answer")
        return Reply(text="yes", model=self.model, tokens_in=1, tokens_out=1)


def line(text: str) -> str:
    request = request_of([("user", text)], 0)
    body = {"messages": [{"role": "user", "content": text}], **request.parameters, "seed": 0}
    return json.dumps({"unit": "t", "key": request.key, "body": body})


def test_what_was_listed_is_recorded_where_a_run_looks_for_it(tmp_path):
    """Once; what cannot be had is left out and asked again the next time."""
    recordings, client = Recordings(tmp_path), Client()
    lines = [line("hello"), line("silence")]

    first = asyncio.run(answering.answered(lines, recordings, client))
    second = asyncio.run(answering.answered(lines, recordings, client))

    assert {"recorded": 1, "missing": 1} == first
    assert {"had": 1, "missing": 1} == second
    (reply,) = recordings.find(request_of([("user", "hello")], 0).key)
    assert "yes" == reply.text
    assert ["hello", "silence", "silence"] == [r.messages[0].content for r in client.asked]


def test_every_exchange_is_read_from_packs_that_were_joined():
    """The bench of packs reads what each of three people recorded, in a smaller file."""
    found = packs.measured(9, 3, seed=1)

    assert 0 < found["pack_bytes"] < 9 * (packs.SHARED + packs.ASKED + packs.ANSWERED)
    assert {"exchanges": 9, "parts": 3}.items() <= found.items()
