"""Plain logs: a JSON object a line with `input` and `output`."""

from __future__ import annotations

import json
from typing import Any

from pytest_compiledai.audit.call import Call
from pytest_compiledai.audit.call import Usage
from pytest_compiledai.audit.call import real_or_none
from pytest_compiledai.audit.call import text_or_none
from pytest_compiledai.audit.call import whole_or_none
from pytest_compiledai.audit.messages import read_answer
from pytest_compiledai.audit.messages import read_messages
from pytest_compiledai.audit.moments import seconds

SITE_KEYS = ("site", "function", "tag", "name")


def is_plain(record: dict[str, Any]) -> bool:
    """Return whether a record has an input and an output."""
    return "input" in record and "output" in record


def read_plain(record: dict[str, Any]) -> Call:
    """Return the call of a plain record."""
    answer = _answer(record["output"])
    return Call(
        messages=_messages(record),
        answer=answer.text,
        tools=answer.tools,
        site=next((name for key in SITE_KEYS if (name := text_or_none(record.get(key)))), None),
        model=text_or_none(record.get("model")),
        time_s=seconds(record.get("time", record.get("timestamp"))),
        conversation=_identity(record.get("conversation", record.get("session"))),
        turnwise=True,
        usage=Usage(
            tokens_in=whole_or_none(record.get("tokens_in")),
            tokens_out=whole_or_none(record.get("tokens_out")),
            cost_usd=real_or_none(record.get("cost_usd")),
            latency_s=real_or_none(record.get("latency_s")),
        ),
    )


def _messages(record: dict[str, Any]) -> Any:
    value = record["input"]
    chat = isinstance(value, list) and value and all(_is_message(item) for item in value)
    if not (chat or isinstance(value, str) or _is_message(value)):
        value = json.dumps(value, ensure_ascii=False)
    found = (
        read_messages(value)
        if chat or isinstance(value, dict)
        else read_messages([{"content": value}])
    )
    system = record.get("system")
    return (*read_messages([{"role": "system", "content": system}]), *found) if system else found


def _is_message(value: Any) -> bool:
    return isinstance(value, dict) and "role" in value and ("content" in value or "parts" in value)


def _answer(output: Any) -> Any:
    if isinstance(output, dict) and (_is_message(output) or "tool_calls" in output):
        return read_answer(output)
    return read_answer(
        output if isinstance(output, str) else json.dumps(output, ensure_ascii=False)
    )


def _identity(value: Any) -> str | None:
    return str(value) if type(value) is int else text_or_none(value)
