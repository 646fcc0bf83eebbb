"""`compiledai serve`: a frozen conversation behind an OpenAI-compatible address.

    POST /v1/chat/completions   the conversation so far in, the next reply out
    GET  /v1/models             the artifact's name

The server keeps nothing: a conversation's state is found again from the user messages of the
request, each taken in turn. It has no key, no TLS and no rate limit, so it listens on this machine
unless told otherwise; a proxy in front of it has to add them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any
from typing import Final
from typing import NamedTuple

from pytest_compiledai.commands.attempt import load_loader
from pytest_compiledai.core.errors import ArtifactError
from pytest_compiledai.core.errors import ToolError
from pytest_compiledai.core.strictjson import read_json

BODY_CAP: Final = 1 << 20  # bytes of a request
MESSAGES_CAP: Final = 400  # messages of a conversation
RECORD: Final = "dialogue.json"  # the file that weights have beside their tensors
SORRY: Final = "I did not understand that."
_LENGTH: Final = re.compile(r"[0-9]{1,9}")
_TIMEOUT_S: Final = 30  # of one connection that says nothing


class BadRequest(ValueError):
    """A request that no reply can be made for; the text says why."""


class Said(NamedTuple):
    """The reply to the last message of a conversation."""

    text: str
    finish: str  # stop | content_filter, where nothing was understood
    state: Any


def replied(turn: Callable[[Any], Any], abstain: type[Exception], messages: Any) -> Said:
    """Return the reply to ``messages``, the whole conversation. Raises ``BadRequest``.

    A message that is not understood leaves the state as it is, and the last reply is said again.
    """
    answer = turn({"state": None, "text": ""})
    reply, finish = str(answer["reply"]), "stop"
    for text in _user_texts(messages):
        if answer["terminal"] is not None:
            answer = turn({"state": None, "text": ""})
        try:
            answer = turn({"state": answer["state"], "text": text})
        except abstain:
            reply, finish = f"{SORRY} {answer['reply']}", "content_filter"
        else:
            reply, finish = str(answer["reply"]), "stop"
    return Said(text=reply, finish=finish, state=answer["state"])


def _user_texts(messages: Any) -> list[str]:
    if not isinstance(messages, list) or len(messages) > MESSAGES_CAP:
        raise BadRequest(f"messages: expected a list of at most {MESSAGES_CAP}")
    texts = []
    for message in messages:
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise BadRequest("messages: expected a role and a content each")
        if message["role"] == "user":
            if not isinstance(message.get("content"), str):
                raise BadRequest("messages: expected the content of a user to be a text")
            texts.append(message["content"])
    return texts


def completion(name: str, said: Said) -> dict[str, Any]:
    """Return the body of a chat completion; no time is in it, so equal requests get equal bytes."""
    message = {"role": "assistant", "content": said.text}
    return {
        "id": f"chatcmpl-{name}",
        "object": "chat.completion",
        "created": 0,
        "model": name,
        "choices": [{"index": 0, "message": message, "finish_reason": said.finish}],
        "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        "compiledai": {"state": said.state},
    }


def server(out: Path, name: str, *, host: str, port: int) -> ThreadingHTTPServer:
    """Return a server of the frozen conversation ``name``, bound and not yet serving.

    Raises ``ArtifactError`` for an artifact that is not there, or is no conversation.
    """
    loader = load_loader(out.resolve())
    try:
        turn = _called(loader.load(name), loader.Abstain)
        first = turn({"state": None, "text": ""}) if callable(turn) else None
    except (loader.NotCompiled, loader.IntegrityError, loader.Abstain, LookupError) as error:
        raise _amiss(out, name, str(error)) from error
    except ModuleNotFoundError as error:
        raise ToolError(
            where=f"{out.name}/{name}",
            found=f"no {error.name}",
            expected="the extra `weights`, which runs the weights of a conversation",
            next='pip install "pytest-compiledai[weights]"',
        ) from error
    if not isinstance(first, dict) or set(first) < {"state", "reply", "terminal"}:
        raise _amiss(out, name, "no conversation")

    class Handler(_Handler):
        """What answers for this artifact."""

        artifact = name

        def reply(self, messages: Any) -> Said:
            """Return the artifact's reply."""
            return replied(turn, loader.Abstain, messages)

    made = ThreadingHTTPServer((host, port), Handler)
    made.daemon_threads = True
    return made


def _called(artifact: Any, abstain: type[Exception]) -> Any:
    """Return what takes turns: code does by itself, weights are opened first."""
    if callable(artifact) or RECORD not in artifact:
        return artifact
    from pytest_compiledai.dialogues.weights.talking import opened  # torch, where it is needed

    return opened(artifact, abstain=abstain)


def serve(root: Path, out_name: Path, name: str, *, host: str, port: int) -> int:
    """Serve until interrupted."""
    with server(root / out_name, name, host=host, port=port) as made:
        where = f"http://{host}:{made.server_address[1]}/v1"
        print(f"serving {name} at {where}", flush=True)  # noqa: T201 - a command speaks
        try:
            made.serve_forever()
        except KeyboardInterrupt:
            return 0
    return 0


def _amiss(out: Path, name: str, found: str) -> ArtifactError:
    return ArtifactError(
        where=f"{out.name}/{name}",
        found=found,
        expected="a frozen unit of kind dialogue",
        next="pytest --compile specs/",
    )


class _Handler(BaseHTTPRequestHandler):
    """The two addresses; every other request is an error with a body that says so."""

    artifact = ""
    timeout = _TIMEOUT_S
    protocol_version = "HTTP/1.1"

    def reply(self, messages: Any) -> Said:
        """Return the reply to a conversation."""
        raise NotImplementedError

    def do_GET(self) -> None:
        """Answer with the list of models."""
        if self.path != "/v1/models":
            self._refuse(404, f"found {self.path[:80]}; expected /v1/models")
            return
        if self._size() != 0:
            self._refuse(400, "found a body; expected none")
            return
        models = [{"id": self.artifact, "object": "model", "owned_by": "compiledai"}]
        self._send(200, {"object": "list", "data": models})

    def do_POST(self) -> None:
        """Answer with a chat completion."""
        if self.path != "/v1/chat/completions":
            self._refuse(404, f"found {self.path[:80]}; expected /v1/chat/completions")
            return
        size = self._size()
        if not size:
            self._refuse(413, f"found no one length of 1 to {BODY_CAP} bytes")
            return
        try:
            body = read_json(self.rfile.read(size).decode("utf-8"))
            if not isinstance(body, dict) or body.get("stream"):
                raise BadRequest("expected a mapping with `messages`, and no `stream`")
            if body.get("model") not in (None, self.artifact):
                raise BadRequest(f"model: expected {self.artifact}")
            said = self.reply(body.get("messages"))
        except ValueError as error:
            self._refuse(400, str(error)[:300])
            return
        self._send(200, completion(self.artifact, said))

    def _size(self) -> int | None:
        """Return the length of the body; None where it is not plain how much of it is one.

        A proxy that goes by another header, or by another of two lengths, would take the rest for
        a request of somebody else.
        """
        told = self.headers.get_all("Content-Length", ["0"])
        (size, *more) = told
        if more or "Transfer-Encoding" in self.headers or not _LENGTH.fullmatch(size):
            return None
        return int(size) if int(size) <= BODY_CAP else None

    def _refuse(self, status: int, message: str) -> None:
        # What was not read of the body would be taken for the next request.
        self.close_connection = True
        self._send(status, {"error": {"message": message, "type": "invalid_request_error"}})

    def _send(self, status: int, value: dict[str, Any]) -> None:
        data = json.dumps(value, ensure_ascii=False).encode("utf-8")
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as http.server has it
        """Log nothing: what users write stays with them."""
