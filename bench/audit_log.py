"""A generated log whose truth is known: many sites, four formats, the noise of real calls."""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import audit_words as w
from bench.audit_sites import FAMILIES
from bench.audit_sites import Made

MODELS = ("gpt-4o-mini", "gpt-4o", "gpt-4.1-mini")
FORMATS = ("litellm", "openai", "batch", "otel", "otel_events", "otel_flat", "plain")
START_S = 1_750_000_000
MONTH_S = 30 * 86_400

Messages = list[dict[str, str]]


@dataclass(frozen=True, kw_only=True)
class Truth:
    """A site as it was made."""

    number: int
    made: Made
    named: bool
    format: str


@dataclass(frozen=True, kw_only=True)
class Event:
    """One call, before it is written in a format."""

    truth: Truth
    messages: Messages
    answer: Any
    time_s: float
    conversation: str | None
    model: str


class Prompt:
    """How a site wraps what it asks: a system prompt, a template round the input, or both."""

    def __init__(self, rng: random.Random, task: str) -> None:
        words = w.vocabulary(rng, 40)
        rules = " ".join(
            w.sentence(rng, words, rng.randint(6, 10)) for _ in range(rng.randint(1, 4))
        )
        self.rng = rng
        self.style = rng.choice(("system", "system", "template", "named_system", "both"))
        self.head = (
            f"You are the {rng.choice(words)} assistant of {rng.choice(words)}. {task} {rules}"
        )
        self.tail = rng.choice(("", "", f"\n\nAnswer briefly. {w.sentence(rng, words, 7)}"))
        self.before = f"{task} {w.sentence(rng, words, 6)}\n\n"

    def wrap(self, text: str) -> Messages:
        """Return the messages of an input."""
        if self.style == "template":
            return [{"role": "user", "content": f"{self.head}\n\n{text}{self.tail}"}]
        head = (
            f"{self.head} The user is {w.person(self.rng)}."
            if self.style == "named_system"
            else self.head
        )
        user = f"{self.before}{text}{self.tail}" if self.style == "both" else text
        return [{"role": "system", "content": head}, {"role": "user", "content": user}]


def make(seed: int, sites: int, *, size: float = 1.0) -> list[Event]:
    """Return the calls of ``sites`` sites in order of time; ``size`` scales the calls a site."""
    rng = random.Random(seed)
    events: list[Event] = []
    for number in range(sites):
        own = random.Random(rng.randrange(2**63))
        families = FAMILIES[number % len(FAMILIES)][1]
        made = families[number // len(FAMILIES) % len(families)](own)
        kind = own.choice(FORMATS)
        named = kind != "batch" and own.random() < 0.5
        truth = Truth(
            number=number,
            made=made,
            named=named or (made.talk is not None and kind == "plain"),
            format=kind,
        )
        events += _talks(own, truth, size) if made.talk else _asks(own, truth, size)
    return sorted(events, key=lambda event: event.time_s)


def _asks(rng: random.Random, truth: Truth, size: float) -> list[Event]:
    made, prompt = truth.made, Prompt(rng, truth.made.task)
    assert made.ask is not None
    models = rng.sample(MODELS, rng.choice((1, 1, 2)))
    count = rng.randint(*made.calls)
    count = count if made.family == "small" else max(60, int(count * size))
    repeats = rng.choice((0.0, 0.05, 0.15))
    asked: list[tuple[str, Any]] = []
    events = []
    for _ in range(count):
        if asked and rng.random() < repeats:
            text, answer = rng.choice(asked)
            if made.truth in ("demos", "keep") and made.ask is not None:
                answer = made.ask()[1]
        else:
            text, answer = made.ask()
            asked.append((text, answer))
        if rng.random() < made.slips:
            answer = made.ask()[1]
        events.append(
            Event(
                truth=truth,
                messages=prompt.wrap(w.noisy(rng, text) if made.family != "table" else text),
                answer=answer,
                time_s=START_S + rng.random() * MONTH_S,
                conversation=None,
                model=rng.choice(models),
            )
        )
    return events


def _talks(rng: random.Random, truth: Truth, size: float) -> list[Event]:
    made, prompt = truth.made, Prompt(rng, truth.made.task)
    assert made.talk is not None
    prompt.style = "system"
    with_id = truth.format == "plain" or rng.random() < 0.5
    model = rng.choice(MODELS)
    events = []
    for number in range(max(40, int(rng.randint(*made.calls) * size))):
        time_s = START_S + rng.random() * MONTH_S
        messages: Messages = prompt.wrap("")[:1]
        talk = made.talk()
        if rng.random() < made.slips:
            talk.insert(rng.randrange(len(talk)), made.talk()[-1])
        for heard, said in talk:
            messages = [*messages, {"role": "user", "content": heard}]
            time_s += rng.uniform(3, 60)
            events.append(
                Event(
                    truth=truth,
                    messages=messages,
                    answer=said,
                    time_s=time_s,
                    conversation=f"talk-{truth.number}-{number}" if with_id else None,
                    model=model,
                )
            )
            messages = [*messages, {"role": "assistant", "content": said}]
    return events


def write(events: list[Event], folder: Path, seed: int) -> dict[str, set[int]]:
    """Write the log, a file a format; return input text -> the sites that it was asked at."""
    rng = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    files = {name: (folder / f"{name}.jsonl").open("w", encoding="utf-8") for name in FORMATS}
    requests = (folder / "batch_requests.jsonl").open("w", encoding="utf-8")
    asked: dict[str, set[int]] = {}
    for number, event in enumerate(events):
        text = said(event.answer, rng)
        record = _WRITERS[event.truth.format](event, text, number)
        if event.truth.format == "batch":
            requests.write(json.dumps(record.pop("asked")) + "\n")
        files[event.truth.format].write(json.dumps(record, ensure_ascii=rng.random() < 0.5) + "\n")
        key = key_of(event.messages[-1]["content"])
        asked.setdefault(key, set()).add(event.truth.number)
    for file in (*files.values(), requests):
        file.close()
    return asked


def key_of(text: str) -> str:
    """Return what finds an input again, spacing aside."""
    return re.sub(r"\s+", " ", text).strip()[:1500]


def said(answer: Any, rng: random.Random) -> str:
    """Return an answer as a model writes it: spacing, order of keys and fences vary."""
    if isinstance(answer, str):
        return answer
    if rng.random() < 0.3:
        return json.dumps(answer, indent=2)
    text = json.dumps(answer)
    return f"```json\n{text}\n```" if rng.random() < 0.05 else text


def _usage(event: Event, text: str) -> tuple[int, int]:
    return sum(len(each["content"]) for each in event.messages) // 4, max(1, len(text) // 4)


def _message(text: str, event: Event) -> dict[str, Any]:
    """Return the answer's message; tool calls as such."""
    if (
        event.truth.made.family in ("tool_arguments", "wandering_agent", "flow")
        and text.lstrip("`json\n")[:1] == "{"
    ):
        call = json.loads(re.sub(r"^```json|```$", "", text))
        function = {"name": call["name"], "arguments": json.dumps(call["arguments"])}
        return {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"type": "function", "function": function}],
        }
    return {"role": "assistant", "content": text}


def _completion(event: Event, text: str) -> dict[str, Any]:
    tokens_in, tokens_out = _usage(event, text)
    return {
        "object": "chat.completion",
        "model": event.model,
        "choices": [{"index": 0, "finish_reason": "stop", "message": _message(text, event)}],
        "usage": {"prompt_tokens": tokens_in, "completion_tokens": tokens_out},
    }


def _name(event: Event) -> str | None:
    return f"app.site_{event.truth.number}" if event.truth.named else None


def _litellm(event: Event, text: str, number: int) -> dict[str, Any]:
    tokens_in, tokens_out = _usage(event, text)
    name = _name(event)
    return {
        "id": f"call-{number}",
        "call_type": "acompletion",
        "status": "success",
        "model": event.model,
        "messages": event.messages,
        "response": _completion(event, text),
        "prompt_tokens": tokens_in,
        "completion_tokens": tokens_out,
        "response_cost": tokens_in * 1.5e-7 + tokens_out * 6e-7,
        "startTime": event.time_s,
        "endTime": event.time_s + 0.8,
        "session_id": event.conversation,
        "metadata": {"requester_metadata": {"site": name} if name else {}},
        "request_tags": ["User-Agent: python"],
    }


def _openai(event: Event, text: str, number: int) -> dict[str, Any]:
    request: dict[str, Any] = {"model": event.model, "messages": event.messages}
    if name := _name(event):
        request["metadata"] = {"site": name}
    record = {
        "request": request,
        "response": _completion(event, text),
        "time": event.time_s,
        "id": number,
    }
    return record | ({"conversation": event.conversation} if event.conversation else {})


def _batch(event: Event, text: str, number: int) -> dict[str, Any]:
    key = str(number)
    body = {"model": event.model, "messages": event.messages}
    response = {
        "status_code": 200,
        "body": _completion(event, text) | {"created": int(event.time_s)},
    }
    return {
        "asked": {"custom_id": key, "method": "POST", "url": "/v1/chat/completions", "body": body},
        "id": f"batch-{number}",
        "custom_id": key,
        "response": response,
        "error": None,
    }


def _otel_attributes(event: Event, text: str) -> dict[str, Any]:
    tokens_in, tokens_out = _usage(event, text)
    found: dict[str, Any] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": event.model,
        "gen_ai.usage.input_tokens": tokens_in,
        "gen_ai.usage.output_tokens": tokens_out,
    }
    if event.conversation:
        found["gen_ai.conversation.id"] = event.conversation
    if name := _name(event):
        found["code.function.name"] = name
    return found


def _parts(message: dict[str, Any]) -> dict[str, Any]:
    calls = [
        {
            "type": "tool_call",
            "name": call["function"]["name"],
            "arguments": json.loads(call["function"]["arguments"]),
        }
        for call in message.get("tool_calls", [])
    ]
    return {
        "role": message["role"],
        "parts": calls or [{"type": "text", "content": message["content"]}],
    }


def _otlp(value: Any) -> dict[str, Any]:
    return {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}


def _span(event: Event, attributes: dict[str, Any], events: list[Any]) -> dict[str, Any]:
    pairs = [{"key": key, "value": _otlp(value)} for key, value in attributes.items()]
    span = {
        "name": f"chat {event.model}",
        "startTimeUnixNano": str(int(event.time_s * 1e9)),
        "endTimeUnixNano": str(int((event.time_s + 1.1) * 1e9)),
        "attributes": pairs,
        "events": events,
    }
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}


def _otel(event: Event, text: str, _number: int) -> dict[str, Any]:
    attributes = _otel_attributes(event, text)
    sent = [_parts(message) for message in event.messages]
    attributes["gen_ai.input.messages"] = json.dumps(sent)
    attributes["gen_ai.output.messages"] = json.dumps([_parts(_message(text, event))])
    return _span(event, attributes, [])


def _otel_events(event: Event, text: str, _number: int) -> dict[str, Any]:
    events = [
        {
            "name": f"gen_ai.{message['role']}.message",
            "attributes": [{"key": "content", "value": {"stringValue": message["content"]}}],
        }
        for message in event.messages
    ]
    said_text = json.dumps(_message(text, event))
    events.append(
        {
            "name": "gen_ai.choice",
            "attributes": [{"key": "message", "value": {"stringValue": said_text}}],
        }
    )
    return _span(event, _otel_attributes(event, text), events)


def _otel_flat(event: Event, text: str, number: int) -> dict[str, Any]:
    attributes = _otel_attributes(event, text)
    for index, message in enumerate(event.messages):
        attributes[f"gen_ai.prompt.{index}.role"] = message["role"]
        attributes[f"gen_ai.prompt.{index}.content"] = message["content"]
    attributes["gen_ai.completion.0.content"] = text
    return {
        "name": f"chat {event.model}",
        "span_id": str(number),
        "start_time": event.time_s,
        "attributes": attributes,
    }


def _plain(event: Event, text: str, _number: int) -> dict[str, Any]:
    record: dict[str, Any] = {
        "input": event.messages,
        "output": text,
        "time": event.time_s,
        "model": event.model,
    }
    if event.conversation:
        record |= {"input": event.messages[-1]["content"], "conversation": event.conversation}
    if name := _name(event):
        record["site"] = name
    return record


_WRITERS = {
    "litellm": _litellm,
    "openai": _openai,
    "batch": _batch,
    "otel": _otel,
    "otel_events": _otel_events,
    "otel_flat": _otel_flat,
    "plain": _plain,
}
