"""Stored exchanges with language models, replayed by content address.

One file holds what one model answered to one request. Texts are lists of lines, so that a person
can read them and a diff shows what changed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from typing import Final

from pytest_compiledai.core.canonical import text_digest
from pytest_compiledai.core.errors import ModelError
from pytest_compiledai.core.files import atomic_write
from pytest_compiledai.core.paths import read_regular
from pytest_compiledai.core.strictjson import read_json
from pytest_compiledai.llm.listing import names_in
from pytest_compiledai.llm.pack import packed
from pytest_compiledai.llm.pack import packed_names
from pytest_compiledai.llm.request import Message
from pytest_compiledai.llm.request import Reply
from pytest_compiledai.llm.request import Request

MOST_BYTES: Final = 4_000_000
_PLAIN_MODEL = re.compile(r"[a-z0-9._/-]{1,80}")
_REPLY_KEYS: Final = {"text", "tokens_in", "tokens_out", "usage", "seconds", "finish"}


class Recordings:
    """A folder of recordings: one file a request and model, or packs of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, key: str) -> tuple[Reply, ...]:
        """Return the recorded replies to a request, by model. Raises ``ModelError``."""
        names = {*packed_names(self.folder, key), *names_in(self.folder).get(key, ())}
        replies = [self._exchange(name)[1] for name in sorted(names)]
        return tuple(sorted(replies, key=lambda reply: reply.model))

    def beginning(self, messages: Sequence[Message]) -> tuple[Reply, ...]:
        """Return every recorded reply whose request begins with ``messages``, in file order.

        Reads the whole folder. Raises ``ModelError`` for a broken recording.
        """
        loose = (name for names in names_in(self.folder).values() for name in names)
        exchanges = map(self._exchange, sorted({*packed(self.folder), *loose}))
        return tuple(
            reply
            for request, reply in exchanges
            if request.messages[: len(messages)] == tuple(messages)
        )

    def choose(self, request: Request, *, model: str | None, preferred: str | None) -> Reply | None:
        """Return the asked model's reply, else the preferred one's, else the only one.

        Raises ``ModelError`` for a broken recording, and for several models where none is named.
        """
        if model is not None:
            name = self.path(request.key, model).name
            return self._exchange(name)[1] if self._has(name) else None
        found = self.find(request.key)
        for reply in found:
            if reply.model == preferred:
                return reply
        if len(found) > 1:
            names = ", ".join(reply.model for reply in found)
            raise ModelError(
                where=f"{self.folder.name}/{request.key[:16]}",
                found=f"answers of several models: {names}",
                expected="one model to choose",
                next=f"pytest --compile --compile-record none --compile-model {found[0].model}",
            )
        return found[0] if found else None

    def store(self, request: Request, reply: Reply) -> None:
        """Write a recording; equal exchanges are equal bytes."""
        data = f"{json.dumps(_as_json(request, reply), ensure_ascii=False, indent=1)}\n".encode()
        path = self.path(request.key, reply.model)
        if len(data) > MOST_BYTES:
            raise ModelError(
                where=path.name,
                found=f"an exchange of {len(data)} bytes",
                expected=f"at most {MOST_BYTES}",
                next="lower `shown:` or shorten the rows of the spec",
            )
        atomic_write(path, data)

    def path(self, key: str, model: str) -> Path:
        """Return where the answer of ``model`` to a request is stored."""
        return self.folder / f"{key}.{_slug(model)}.json"

    def _has(self, name: str) -> bool:
        return (self.folder / name).exists() or name in packed(self.folder)

    def _exchange(self, name: str) -> tuple[Request, Reply]:
        path = self.folder / name
        raw = b"" if path.exists() else packed(self.folder)[name]
        return _exchange(path, name.partition(".")[0], raw)


def _slug(model: str) -> str:
    """Return a model's name as part of a file's, different for different models on any disk."""
    plain = re.sub(r"[^a-z0-9._-]", "+", model.lower())
    return plain if _PLAIN_MODEL.fullmatch(model) else f"{plain[:80]}+{text_digest(model)[:8]}"


def _as_json(request: Request, reply: Reply) -> dict[str, Any]:
    turns = [{"role": m.role, "content": m.content.split("\n")} for m in request.messages]
    return {
        "model": reply.model,
        "request": {
            "messages": turns,
            "parameters": dict(sorted(request.parameters.items())),
            "sample": request.sample,
        },
        "reply": {
            "text": reply.text.split("\n"),
            "tokens_in": reply.tokens_in,
            "tokens_out": reply.tokens_out,
            "usage": reply.usage,
            "seconds": reply.seconds,
            "finish": reply.finish,
        },
    }


def _exchange(path: Path, key: str, raw: bytes = b"") -> tuple[Request, Reply]:
    """Return a stored exchange, of a file or of a pack that holds ``raw`` under its name.

    Raises ``ModelError`` unless it is just what we wrote.
    """
    try:
        data = _load(raw or read_regular(path, cap=MOST_BYTES))
        request, reply = _request(data["request"]), _reply(data["reply"], data["model"])
    except OSError as error:
        raise _broken(path, (error.strerror or str(error)).lower()) from None
    except (ValueError, KeyError, TypeError) as error:
        raise _broken(path, f"{error}" if isinstance(error, ValueError) else repr(error)) from None
    if request.key != key:
        raise _broken(path, f"a request whose digest is {request.key[:16]}")
    if path.name != f"{key}.{_slug(reply.model)}.json":
        raise _broken(path, f"an answer of {reply.model}")
    return request, reply


def _load(raw: bytes) -> dict[str, Any]:
    return _keyed(read_json(raw.decode("utf-8")), {"model", "request", "reply"})


def _request(value: Any) -> Request:
    fields = _keyed(value, {"messages", "parameters", "sample"})
    turns = [_keyed(turn, {"role", "content"}) for turn in _typed(fields["messages"], list)]
    return Request(
        messages=tuple(Message(role=t["role"], content=_text(t["content"])) for t in turns),
        parameters=_typed(fields["parameters"], dict),
        sample=_typed(fields["sample"], int),
    )


def _reply(value: Any, model: Any) -> Reply:
    fields = _keyed(value, _REPLY_KEYS)
    seconds = fields["seconds"]
    if seconds is not None and (type(seconds) not in (int, float) or seconds < 0):
        raise ValueError(f"seconds: {seconds!r}")
    if fields["usage"] not in ("reported", "estimated"):
        raise ValueError(f"usage: {fields['usage']!r}")
    return Reply(
        text=_text(fields["text"]),
        model=_typed(model, str),
        tokens_in=_count(fields["tokens_in"]),
        tokens_out=_count(fields["tokens_out"]),
        usage=fields["usage"],
        seconds=seconds,
        finish=_typed(fields["finish"], str),
    )


def _keyed(value: Any, keys: set[str]) -> dict[str, Any]:
    found: Mapping[str, Any] = _typed(value, dict)
    if set(found) != keys:
        odd = ", ".join(sorted(set(found) ^ keys))
        raise ValueError(f"keys that are missing or unknown: {odd}")
    return dict(found)


def _text(value: Any) -> str:
    return "\n".join(_typed(line, str) for line in _typed(value, list))


def _count(value: Any) -> int:
    if _typed(value, int) < 0:
        raise ValueError(f"a count of {value}")
    return int(value)


def _typed(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise ValueError(f"{type(value).__name__} where {kind.__name__} belongs")
    return value


def _broken(path: Path, found: str) -> ModelError:
    return ModelError(
        where=f"{path.parent.name}/{path.name}",
        found=found,
        expected="a recording as it was written",
        next=f"git checkout -- {path.name} in that folder, or delete the file and compile with "
        "--compile-model NAME",
    )
