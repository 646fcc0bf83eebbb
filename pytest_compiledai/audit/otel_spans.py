"""OpenTelemetry spans and log records that follow the conventions for generative AI.

Read are OTLP JSON (`resourceSpans`, `resourceLogs`) and spans with flat attributes; message content
in attributes (`gen_ai.input.messages`, `gen_ai.prompt.0.content`) and in events.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pytest_compiledai.audit.call import Call
from pytest_compiledai.audit.call import Message
from pytest_compiledai.audit.call import Usage
from pytest_compiledai.audit.call import real_or_none
from pytest_compiledai.audit.call import text_or_none
from pytest_compiledai.audit.messages import Answer
from pytest_compiledai.audit.messages import loaded_json
from pytest_compiledai.audit.messages import read_answer
from pytest_compiledai.audit.messages import read_message
from pytest_compiledai.audit.messages import read_messages
from pytest_compiledai.audit.moments import seconds
from pytest_compiledai.audit.moments import span_s

PREFIX = "gen_ai."
_EVENT_ROLES = ("system", "user", "assistant", "tool")
#: Operations that generate text; embeddings and tool runs are no calls to compile.
_OPERATIONS = (None, "chat", "text_completion", "generate_content")
_SITE_KEYS = (
    "compiledai.site",
    "gen_ai.prompt.name",
    "code.function.name",
    "code.function",
    "gen_ai.agent.name",
    "traceloop.entity.name",
)

Attributes = dict[str, Any]


def is_otel(record: dict[str, Any]) -> bool:
    """Return whether a record is OTLP JSON, or a span with attributes for generative AI."""
    if "resourceSpans" in record or "resourceLogs" in record:
        return True
    return any(key.startswith(PREFIX) for key in _attributes(record))


def read_otel(record: dict[str, Any]) -> Iterator[Call | None]:
    """Yield the calls of a record; None for one that failed. Other spans yield nothing."""
    for span in _spans(record):
        yield from _read_span(span)
    yield from _read_logs(record)


def _spans(record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "resourceSpans" not in record and "resourceLogs" not in record:
        yield record
    for resource in _dicts(record.get("resourceSpans")):
        for scope in _dicts(resource.get("scopeSpans")):
            yield from _dicts(scope.get("spans"))


def _read_span(span: dict[str, Any]) -> Iterator[Call | None]:
    attributes = _attributes(span)
    if attributes.get("gen_ai.operation.name") not in _OPERATIONS:
        return
    events = [(_event_name(event), _attributes(event)) for event in _dicts(span.get("events"))]
    for _, extra in events:
        # The one event that carries all details repeats the span's keys and adds the messages.
        attributes |= {key: extra[key] for key in extra if key not in attributes}
    call = _call(span, attributes, events)
    if call.answer or call.messages:
        status = span.get("status")
        code = status.get("code", status.get("status_code")) if isinstance(status, dict) else None
        failed = code in (2, "STATUS_CODE_ERROR", "ERROR") or not call.answer
        yield None if failed else call


def _read_logs(record: dict[str, Any]) -> Iterator[Call | None]:
    """Yield the calls whose messages are log records, those of one span together."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for resource in _dicts(record.get("resourceLogs")):
        for scope in _dicts(resource.get("scopeLogs")):
            for number, log in enumerate(_dicts(scope.get("logRecords"))):
                groups.setdefault(str(log.get("spanId") or number), []).append(log)
    for logs in groups.values():
        events = [(_event_name(log), _body(log) | _attributes(log)) for log in logs]
        attributes: Attributes = {}
        for _, extra in events:
            attributes |= extra
        call = _call(logs[0], attributes, events)
        if call.messages and call.answer:
            yield call


def _call(span: dict[str, Any], attributes: Attributes, events: list[Any]) -> Call:
    messages, answer = _content(attributes, events)
    start = seconds(_of(span, "startTimeUnixNano", "start_time", "startTime", "timeUnixNano"))
    end = seconds(_of(span, "endTimeUnixNano", "end_time", "endTime"))
    return Call(
        messages=messages,
        answer=answer.text,
        tools=answer.tools,
        site=_site(span, attributes),
        model=text_or_none(_of(attributes, "gen_ai.request.model", "gen_ai.response.model")),
        time_s=start,
        conversation=text_or_none(_of(attributes, "gen_ai.conversation.id", "session.id")),
        usage=Usage(
            tokens_in=_count(
                _of(attributes, "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens")
            ),
            tokens_out=_count(
                _of(attributes, "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens")
            ),
            cost_usd=real_or_none(attributes.get("gen_ai.usage.cost")),
            latency_s=span_s(start, end),
        ),
    )


def _content(attributes: Attributes, events: list[Any]) -> tuple[tuple[Message, ...], Answer]:
    system = read_messages(
        [{"role": "system", "content": _loaded(attributes, "system_instructions")}]
    )
    sent = read_messages(_loaded(attributes, "input.messages"))
    said = _loaded(attributes, "output.messages")
    answer = read_answer(said[0] if isinstance(said, list) and said else said)
    if not sent:
        sent = _numbered(attributes, "gen_ai.prompt.") or _one(attributes.get("gen_ai.prompt"))
    if not answer.text:
        spoken = _numbered(attributes, "gen_ai.completion.") or _one(
            attributes.get("gen_ai.completion")
        )
        answer = Answer(spoken[0].text, _tool_names(attributes)) if spoken else answer
    if not sent or not answer.text:
        from_events, said_in_events = _from_events(events)
        sent, answer = sent or from_events, answer if answer.text else said_in_events
    return (*system, *sent), answer


def _from_events(events: list[Any]) -> tuple[tuple[Message, ...], Answer]:
    messages: list[Message] = []
    answer = Answer("", ())
    for name, attributes in events:
        role = name.removeprefix(PREFIX).removesuffix(".message")
        if role in _EVENT_ROLES:
            fields = {key.removeprefix(PREFIX): _parsed(value) for key, value in attributes.items()}
            found = read_message({"role": role} | fields)
            messages += [found] if found else []
        elif name == "gen_ai.choice":
            said = _parsed(attributes.get("message", attributes.get("gen_ai.choice.message")))
            answer = read_answer(
                said if isinstance(said, dict) else attributes if said is None else said
            )
        elif name == "gen_ai.content.prompt":
            messages += read_messages(attributes.get("gen_ai.prompt"))
        elif name == "gen_ai.content.completion":
            spoken = read_messages(attributes.get("gen_ai.completion"))
            answer = Answer(spoken[0].text, ()) if spoken else answer
    return tuple(messages), answer


def _numbered(attributes: Attributes, prefix: str) -> tuple[Message, ...]:
    """Return the messages of keys such as `gen_ai.prompt.0.content`."""
    items: dict[int, dict[str, Any]] = {}
    for key, value in attributes.items():
        if not key.startswith(prefix):
            continue
        number, _, name = key.removeprefix(prefix).partition(".")
        if number.isdigit() and len(number) < 5:  # noqa: PLR2004 - no trace has more messages
            items.setdefault(int(number), {})[name] = value
    for item in items.values():
        if "tool_calls.0.name" in item:
            arguments = item.get("tool_calls.0.arguments")
            item["tool_calls"] = [{"name": item["tool_calls.0.name"], "arguments": arguments}]
    return read_messages([items[number] for number in sorted(items)])


def _tool_names(attributes: Attributes) -> tuple[str, ...]:
    name = text_or_none(attributes.get("gen_ai.completion.0.tool_calls.0.name"))
    return (name,) if name else ()


def _one(value: Any) -> tuple[Message, ...]:
    return read_messages(value) if value is not None else ()


def _site(span: dict[str, Any], attributes: Attributes) -> str | None:
    for key in _SITE_KEYS:
        if name := text_or_none(attributes.get(key)):
            return name
    name = text_or_none(span.get("name"))
    # By the conventions a span is named `chat MODEL`: that names no place in the program.
    operation = str(attributes.get("gen_ai.operation.name") or "chat")
    model = str(attributes.get("gen_ai.request.model") or "")
    plain = {operation, f"{operation} {model}".strip(), model, "chat", "completion"}
    client = (
        name is None or name in plain or name.lower().endswith((".chat", ".completion", "_request"))
    )
    return None if client else name


def _attributes(item: dict[str, Any]) -> Attributes:
    """Return the attributes of a span or an event as a flat mapping."""
    found = item.get("attributes")
    if isinstance(found, dict):
        return {str(key): _any_value(value) for key, value in found.items()}
    if isinstance(found, list):
        return {str(pair.get("key")): _any_value(pair.get("value")) for pair in _dicts(found)}
    lead = "attributes."
    flat = {key.removeprefix(lead): value for key, value in item.items()}
    return flat if any(key.startswith(PREFIX) for key in flat) else {}


def _any_value(value: Any) -> Any:
    """Return the value of an OTLP `AnyValue`; other values as they are."""
    if not isinstance(value, dict) or len(value) != 1:
        return value
    ((kind, inner),) = value.items()
    if kind == "intValue":
        return _count(inner)
    if kind in ("stringValue", "boolValue", "doubleValue"):
        return inner
    if kind == "arrayValue" and isinstance(inner, dict):
        return [_any_value(each) for each in inner.get("values", [])]
    if kind == "kvlistValue" and isinstance(inner, dict):
        return {
            str(pair.get("key")): _any_value(pair.get("value"))
            for pair in _dicts(inner.get("values"))
        }
    return value


def _body(log: dict[str, Any]) -> Attributes:
    body = _any_value(log.get("body"))
    return body if isinstance(body, dict) else {"content": body} if isinstance(body, str) else {}


def _event_name(event: dict[str, Any]) -> str:
    named = event.get("eventName") or event.get("name") or _attributes(event).get("event.name")
    return str(named or "")


def _loaded(attributes: Attributes, name: str) -> Any:
    return _parsed(attributes.get(f"{PREFIX}{name}"))


def _parsed(value: Any) -> Any:
    return loaded_json(value.strip()) if isinstance(value, str) else value


def _count(value: Any) -> int | None:
    if isinstance(value, str) and value.isdigit() and len(value) < 19:  # noqa: PLR2004 - 64 bits
        return int(value)
    return value if type(value) is int and value >= 0 else None


def _of(item: dict[str, Any], *keys: str) -> Any:
    return next((item[key] for key in keys if item.get(key) is not None), None)


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
