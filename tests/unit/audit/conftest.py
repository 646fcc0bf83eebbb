"""Logs written for a test, and the calls read from them."""

from __future__ import annotations

import json

import pytest

from pytest_compiledai.audit.call import Call
from pytest_compiledai.audit.call import Message
from pytest_compiledai.audit.reading import Tally
from pytest_compiledai.audit.reading import log_files
from pytest_compiledai.audit.reading import read_calls
from pytest_compiledai.audit.site import Row


@pytest.fixture
def log(tmp_path):
    """Write records as a log, one a line; a text is a line as it is."""

    def write(*records, name: str = "calls.jsonl"):
        lines = [each if isinstance(each, str) else json.dumps(each) for each in records]
        path = tmp_path / name
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return path

    return write


@pytest.fixture
def read(log):
    """Return the calls of records, and the tally."""

    def calls(*records):
        tally = Tally()
        return list(read_calls(log_files([log(*records)]), tally)), tally

    return calls


@pytest.fixture
def call():
    """Make a call from an input and an answer."""

    def make(text: str, answer: str, *, history=(), system: str = "Sort.", **facts) -> Call:
        messages = (Message("system", system), *(Message(*each) for each in history))
        return Call(messages=(*messages, Message("user", text)), answer=answer, **facts)

    return make


@pytest.fixture
def rows():
    """Make sampled rows from pairs of input and answer."""

    def make(pairs):
        return [
            Row(
                key=(number * 0x9E3779B97F4A7C15) % 2**64,
                order=number,
                system="",
                text=text,
                output=answer if isinstance(answer, str) else json.dumps(answer),
                conflicting=False,
            )
            for number, (text, answer) in enumerate(pairs)
        ]

    return make
