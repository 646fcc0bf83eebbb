"""Messages and answers in the shapes that chat interfaces and traces give them."""

from __future__ import annotations

import json
from typing import Any
from typing import NamedTuple

from pytest_compiledai.audit.call import MESSAGE_CAP
from pytest_compiledai.audit.call import Message
from pytest_compiledai.audit.call import capped

_ROLES = {"developer": "system", "model": "assistant", "ai": "assistant", "human": "user"}
_KNOWN = frozenset({"system", "user", "assistant", "tool"})


class Answer(NamedTuple):
    """What a model said: a text, or the tools it called."""

    text: str
    tools: tuple[str, ...]


def read_messages(value: Any) -> tuple[Message, ...]:
    """Return the messages of a list, a single message, or a bare prompt."""
    if isinstance(value, str):
        loaded = loaded_json(value)
        if isinstance(loaded, list) and loaded and all(isinstance(each, dict) for each in loaded):
            value = loaded
        else:
            return (Message("user", capped(value)),) if value.strip() else ()
    if isinstance(value, dict):
        value = value["messages"] if isinstance(value.get("messages"), list) else [value]
    if not isinstance(value, list):
        return ()
    items = [item for item in value if isinstance(item, dict)]
    if len(items) > MESSAGE_CAP:
        items = [*items[: MESSAGE_CAP // 2], *items[-MESSAGE_CAP // 2 :]]
    return tuple(message for item in items if (message := read_message(item)) is not None)


def read_message(item: dict[str, Any]) -> Message | None:
    """Return one message; None for one that says nothing."""
    role = str(item.get("role") or "user")
    role = _ROLES.get(role, role)
    text = read_answer(item).text
    return Message(role if role in _KNOWN else "user", text) if text else None


def read_answer(item: Any) -> Answer:
    """Return the text of an answer; where tools were called, those as JSON."""
    if isinstance(item, str):
        return Answer(capped(item), ())
    if not isinstance(item, dict):
        return Answer("", ())
    parts = item.get("parts", item.get("content"))
    if isinstance(parts, str) and "tool_calls" not in item and "function_call" not in item:
        return Answer(capped(parts), ())
    calls = _tool_calls(item, parts)
    if calls:
        shown = calls[0] if len(calls) == 1 else calls
        names = tuple(str(call["name"]) for call in calls)
        return Answer(capped(json.dumps(shown, ensure_ascii=False)), names)
    return Answer(capped(_text(parts)), ())


def loaded_json(text: str) -> Any:
    """Return the value of a JSON text, or the text itself where it is none."""
    if text[:1] not in "[{" or not text:
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _tool_calls(item: dict[str, Any], parts: Any) -> list[dict[str, Any]]:
    found = []
    calls = item.get("tool_calls")
    for call in calls if isinstance(calls, list) else []:
        if isinstance(call, dict):
            function = call.get("function")
            found.append(_tool_call(function if isinstance(function, dict) else call, "arguments"))
    for part in parts if isinstance(parts, list) else []:
        if isinstance(part, dict) and part.get("type") == "tool_call":
            found.append(_tool_call(part, "arguments"))
        elif isinstance(part, dict) and part.get("type") == "tool_use":
            found.append(_tool_call(part, "input"))
    legacy = item.get("function_call")
    if isinstance(legacy, dict):
        found.append(_tool_call(legacy, "arguments"))
    return [call for call in found if call["name"]]


def _tool_call(call: dict[str, Any], key: str) -> dict[str, Any]:
    arguments = call.get(key)
    if isinstance(arguments, str):
        arguments = loaded_json(arguments.strip())
    return {"name": str(call.get("name") or ""), "arguments": arguments}


def _text(parts: Any) -> str:
    if isinstance(parts, str):
        return parts
    if isinstance(parts, dict):
        return json.dumps(parts, ensure_ascii=False)
    if not isinstance(parts, list):
        return ""
    texts = []
    for part in parts:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, dict):
            inner = part.get("text", part.get("content", part.get("response", part.get("result"))))
            if isinstance(inner, str):
                texts.append(inner)
            elif inner is not None:
                texts.append(json.dumps(inner, ensure_ascii=False))
    return "\n".join(texts)
