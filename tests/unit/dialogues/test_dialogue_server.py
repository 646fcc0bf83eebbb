"""`compiledai serve` on the wire: what a proxy could take for two requests is refused and cut off."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from typing import Any

import pytest

from pytest_compiledai.commands import serve

Ask = Callable[[bytes], list[int]]
CHAT = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
BODY = json.dumps({"messages": [{"role": "user", "content": "hi"}]}).encode()
NEXT = b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n"


class Counting(serve._Handler):
    """Says how many texts a user has said; a conversation keeps its own count."""

    artifact = "counting"

    def reply(self, messages: Any) -> serve.Said:
        """Return the reply of the machine below."""
        return serve.replied(_turn, RuntimeError, messages)


def _turn(data: dict[str, Any]) -> dict[str, Any]:
    said = [] if data["state"] is None else [*data["state"], data["text"]]
    return {"state": said, "reply": " ".join(said), "terminal": None}


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, int]]:
    """The address of a server."""
    made = ThreadingHTTPServer(("127.0.0.1", 0), Counting)
    thread = threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield "127.0.0.1", made.server_address[1]
    made.shutdown()
    thread.join()
    made.server_close()


def _sent(address: tuple[str, int], data: bytes) -> bytes:
    """Return all that the server says until it hangs up."""
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        told = b""
        while part := connection.recv(65_536):
            told += part
    return told


@pytest.fixture
def ask(server: tuple[str, int]) -> Ask:
    """Return the statuses of the answers to what is sent on one connection."""
    return lambda data: [
        int(part.split()[0]) for part in _sent(server, data).split(b"HTTP/1.1 ")[1:]
    ]


def _with(*headers: bytes, body: bytes = BODY) -> bytes:
    return CHAT + b"".join(header + b"\r\n" for header in headers) + b"\r\n" + body


LENGTH = b"Content-Length: %d" % len(BODY)


def test_two_requests_of_one_connection_are_answered(ask: Ask) -> None:
    """A sound request leaves the connection open for the next."""
    assert ask(_with(LENGTH) + NEXT) == [200, 200]


@pytest.mark.parametrize(
    "request_",
    [
        _with(LENGTH, b"Transfer-Encoding: chunked"),
        _with(b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
        _with(LENGTH, b"Content-Length: 0"),
        _with(LENGTH, LENGTH),
        _with(b"Content-Length: +%d" % len(BODY)),
        _with(b"Content-Length: -1"),
        _with(b"Content-Length: 00000000099999999999"),
        _with(b"Content-Length: 99999999"),
        _with(b"Content-Length: 1_0"),
        _with(),
        b"GET /v1/models HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY,
        b"GET /v1/models HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
def test_a_body_of_no_plain_length_is_refused_and_ends_the_connection(
    ask: Ask, request_: bytes
) -> None:
    """Nothing that follows is taken for a request."""
    (status,) = ask(request_ + NEXT)

    assert status in (400, 413)


@pytest.mark.parametrize(
    "body",
    [
        {"stream": True, "messages": []},
        {"model": "another", "messages": []},
        {"messages": [{"role": "user", "content": ["hi"]}]},
        {"messages": [{"role": "user"}]},
        {"messages": [{"role": "user", "content": "hi"}] * 401},
        {"messages": "hi"},
        [],
    ],
)
def test_a_request_of_another_form_is_refused(ask: Ask, body: Any) -> None:
    """Streams, other models and other messages are told, not guessed at."""
    data = json.dumps(body).encode()

    assert ask(_with(b"Content-Length: %d" % len(data), body=data)) == [400]


@pytest.mark.parametrize("text", ["[" * 50_000, '{"a": "\\ud800"}', '{"a": 1e999}', "\xff"])
def test_what_is_no_strict_json_is_refused(ask: Ask, text: str) -> None:
    """Depth, half a pair and numbers beyond any are told as bad requests."""
    data = text.encode("latin-1")

    assert ask(_with(b"Content-Length: %d" % len(data), body=data)) == [400]


def test_conversations_at_once_keep_apart(server: tuple[str, int]) -> None:
    """Twelve users at once each get back what they said themselves, in its order."""
    told: dict[int, str] = {}

    def talk(user: int) -> None:
        texts = [f"{user}-{turn}" for turn in range(8)]
        body = json.dumps({"messages": [{"role": "user", "content": t} for t in texts]}).encode()
        answer = _sent(server, _with(b"Content-Length: %d" % len(body), body=body))
        value = json.loads(answer.partition(b"\r\n\r\n")[2])
        told[user] = value["choices"][0]["message"]["content"]

    threads = [threading.Thread(target=talk, args=(user,)) for user in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert told == {user: " ".join(f"{user}-{turn}" for turn in range(8)) for user in range(12)}
