"""LiteLLM's standard logging payload, a record a call."""

from __future__ import annotations

from typing import Any

from pytest_compiledai.audit.call import Call
from pytest_compiledai.audit.call import Usage
from pytest_compiledai.audit.call import first_text
from pytest_compiledai.audit.call import real_or_none
from pytest_compiledai.audit.call import text_or_none
from pytest_compiledai.audit.call import whole_or_none
from pytest_compiledai.audit.messages import read_messages
from pytest_compiledai.audit.moments import seconds
from pytest_compiledai.audit.moments import span_s
from pytest_compiledai.audit.openai_log import SITE_KEYS
from pytest_compiledai.audit.openai_log import read_response

#: Tags that the proxy adds by itself say nothing about the place in the program.
_PROXY_TAGS = ("User-Agent:", "Credential:")


def is_litellm(record: dict[str, Any]) -> bool:
    """Return whether a record is a standard logging payload, or carries one."""
    payload = record.get("standard_logging_object", record)
    return (
        isinstance(payload, dict)
        and "messages" in payload
        and "response" in payload
        and ("call_type" in payload or "startTime" in payload)
    )


def read_litellm(record: dict[str, Any]) -> Call | None:
    """Return the call of a payload; None for one that failed."""
    payload = record.get("standard_logging_object", record)
    if payload.get("status") == "failure" or payload.get("error_str"):
        return None
    answer = read_response(payload["response"])
    start, end = seconds(payload.get("startTime")), seconds(payload.get("endTime"))
    cost = real_or_none(payload.get("response_cost"))
    return Call(
        messages=read_messages(payload["messages"]),
        answer=answer.text,
        tools=answer.tools,
        site=_site(payload),
        model=text_or_none(payload.get("model")),
        time_s=start,
        conversation=text_or_none(payload.get("session_id")),
        usage=Usage(
            tokens_in=whole_or_none(payload.get("prompt_tokens")),
            tokens_out=whole_or_none(payload.get("completion_tokens")),
            cost_usd=cost or None,  # 0 is what an unpriced model or a cache hit is logged with
            latency_s=span_s(start, end) or real_or_none(payload.get("response_time")),
        ),
    )


def _site(payload: dict[str, Any]) -> str | None:
    metadata = payload.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    asked = metadata.get("requester_metadata")
    if name := first_text((asked, metadata), SITE_KEYS):
        return name
    managed = metadata.get("prompt_management_metadata")
    if isinstance(managed, dict) and (name := text_or_none(managed.get("prompt_id"))):
        return name
    tags = payload.get("request_tags")
    for tag in tags if isinstance(tags, list) else []:
        if text_or_none(tag) and not tag.startswith(_PROXY_TAGS):
            return str(tag)
    return None
