"""Logs of OpenAI-style requests and responses, among them the two files of a batch."""

from __future__ import annotations

import re
from typing import Any

from pytest_compiledai.audit.call import Call
from pytest_compiledai.audit.call import Usage
from pytest_compiledai.audit.call import first_text
from pytest_compiledai.audit.call import real_or_none
from pytest_compiledai.audit.call import text_or_none
from pytest_compiledai.audit.call import whole_or_none
from pytest_compiledai.audit.messages import Answer
from pytest_compiledai.audit.messages import loaded_json
from pytest_compiledai.audit.messages import read_answer
from pytest_compiledai.audit.messages import read_messages
from pytest_compiledai.audit.moments import seconds

#: Where a program may have written which place of it made a call.
SITE_KEYS = ("site", "function", "call_site", "generation_name", "prompt_name", "tag")
_ID_CAP = 200  # characters of a batch line's id that may name a site
_OK = 400  # the first status of HTTP that is an error
_NUMBERING = re.compile(r"[-_.:/#]*\d[\w-]*$")


def is_exchange(record: dict[str, Any]) -> bool:
    """Return whether a record has a request and its response."""
    request = _request(record)
    return request is not None and "response" in record and _asks(request)


def read_exchange(record: dict[str, Any]) -> Call | None:
    """Return the call of a record with request and response; None for one that failed."""
    request = _request(record)
    assert request is not None
    return join(record, request, record["response"])


def is_batch_request(record: dict[str, Any]) -> bool:
    """Return whether a record is a line of a batch's input file."""
    request = record.get("body")
    return "custom_id" in record and isinstance(request, dict) and _asks(request)


def is_batch_answer(record: dict[str, Any]) -> bool:
    """Return whether a record is a line of a batch's output file, without its request."""
    return "custom_id" in record and ("response" in record or record.get("error") is not None)


def join(record: dict[str, Any], request: dict[str, Any], response: Any) -> Call | None:
    """Return the call of a request and a response; None for one that failed."""
    response = loaded_json(response.strip()) if isinstance(response, str) else response
    if record.get("error") or _failed(response):
        return None
    body = response["body"] if isinstance(response, dict) and "body" in response else response
    answer = read_response(body)
    body = body if isinstance(body, dict) else {}
    return Call(
        messages=_sent(request),
        answer=answer.text,
        tools=answer.tools,
        site=_site(record, request),
        model=text_or_none(request.get("model")) or text_or_none(body.get("model")),
        time_s=seconds(_first(record, body, "time", "timestamp", "created_at", "created")),
        conversation=_conversation(record, request),
        usage=_usage(record, body),
    )


def read_response(response: Any) -> Answer:
    """Return the answer of a response: chat completion, response, message or bare text."""
    if not isinstance(response, dict):
        return read_answer(response)
    choices = response.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        return read_answer(choices[0].get("message", choices[0].get("text")))
    output = response.get("output")
    if isinstance(output, list):
        return _response_items(output)
    return read_answer(response)


def _response_items(items: list[Any]) -> Answer:
    kept = [item for item in items if isinstance(item, dict)]
    calls = [item for item in kept if item.get("type") == "function_call"]
    if calls:
        return read_answer({"tool_calls": calls})
    texts = [read_answer(item).text for item in kept if item.get("type", "message") == "message"]
    return Answer("\n".join(texts), ())


def _request(record: dict[str, Any]) -> dict[str, Any] | None:
    for key in ("request", "body"):
        request = record.get(key)
        request = loaded_json(request.strip()) if isinstance(request, str) else request
        if isinstance(request, dict):
            inner = request.get("body")
            return inner if isinstance(inner, dict) and not _asks(request) else request
    return record if "response" in record and _asks(record) else None


def _asks(request: dict[str, Any]) -> bool:
    return any(key in request for key in ("messages", "input", "prompt"))


def _sent(request: dict[str, Any]) -> Any:
    found = read_messages(request.get("messages", request.get("input", request.get("prompt"))))
    system = request.get("instructions", request.get("system"))
    return (*read_messages([{"role": "system", "content": system}]), *found) if system else found


def _failed(response: Any) -> bool:
    if not isinstance(response, dict):
        return not response
    status = response.get("status_code")
    return bool(response.get("error")) or (type(status) is int and status >= _OK)


def _site(record: dict[str, Any], request: dict[str, Any]) -> str | None:
    if name := first_text((record, record.get("metadata"), request.get("metadata")), SITE_KEYS):
        return name
    # `ticket-00017` of a batch: what stands before the number names the kind of row.
    custom = text_or_none(record.get("custom_id"))
    return (_NUMBERING.sub("", custom[:_ID_CAP]) or None) if custom else None


def _conversation(record: dict[str, Any], request: dict[str, Any]) -> str | None:
    sources = (record, record.get("metadata"), request.get("metadata"))
    return first_text(sources, ("conversation", "conversation_id", "session_id", "thread_id"))


def _usage(record: dict[str, Any], body: dict[str, Any]) -> Usage:
    usage = body.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    latency_ms = real_or_none(record.get("latency_ms"))
    return Usage(
        tokens_in=whole_or_none(usage.get("prompt_tokens", usage.get("input_tokens"))),
        tokens_out=whole_or_none(usage.get("completion_tokens", usage.get("output_tokens"))),
        cost_usd=real_or_none(record.get("cost_usd")),
        latency_s=latency_ms / 1000
        if latency_ms is not None
        else real_or_none(record.get("latency_s")),
    )


def _first(record: dict[str, Any], body: dict[str, Any], *keys: str) -> Any:
    return next((source[key] for source in (record, body) for key in keys if key in source), None)
