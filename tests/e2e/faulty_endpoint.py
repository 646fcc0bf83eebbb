"""A small OpenAI-compatible endpoint on the loopback that fails as planned.

    python faulty_endpoint.py --fault 429:2 --fault cut:1

prints the port it listens on, then answers each request with the next planned fault, and with one
fixed text when none is left. ``GET /seen`` returns the requests so far. Not a model, and not meant
to be reached from another machine.

A test that loads this file may hand ``Plan`` a table of answers of its own in the place of the one
text, have it hold back the first requests until some came together, and look on at each request.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import threading
import time
from collections.abc import Callable
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from http.server import ThreadingHTTPServer
from typing import Any

ANSWER = "def answer(data):\n    return {'ok': True}\n"
FLOOD_BYTES = 50_000_000
TOGETHER_S = 5.0
FAULTS = (
    *("429", "500", "hang", "cut", "junk", "empty", "length", "flood", "usage"),
    # What a model's bridge does not do, and other endpoints may.
    *("401", "404", "big", "drip", "gzip", "lone", "none", "redirect", "reset", "secret", "wait"),
)


class Plan:
    """What is still to go wrong, and what was asked so far."""

    def __init__(
        self,
        items: list[str],
        *,
        answers: Mapping[tuple[str, int, int], str] | None = None,  # unit, seed, turn -> text
        together: int = 1,  # so many first requests are answered only once all of them came
        watch: Callable[[], Any] | None = None,  # asked at each request, kept as its `watched`
    ) -> None:
        self.guard = threading.Lock()
        self.answers = answers
        self.watch = watch
        self.gate = threading.Barrier(together)
        self.seen: list[dict[str, Any]] = []
        self.queue: list[str] = []
        for item in items:
            kind, _, count = item.partition(":")
            if kind not in FAULTS:
                raise SystemExit(f"{item}: expected one of {', '.join(FAULTS)}")
            self.queue += [kind] * int(count)

    def next(self, seen: dict[str, Any]) -> str | None:
        with self.guard:
            self.seen.append(seen)
            number = len(self.seen)
            fault = self.queue.pop(0) if self.queue else None
        if self.watch is not None:
            seen["watched"] = self.watch()
        seen["together"] = number <= self.gate.parties and self.came()
        return fault

    def came(self) -> bool:
        """Wait for the other first requests; False when they do not come."""
        try:
            self.gate.wait(TOGETHER_S)
        except threading.BrokenBarrierError:
            return False
        return True

    def text(self, body: dict[str, Any]) -> str:
        """Return the planned answer to a request."""
        if self.answers is None:
            return ANSWER
        place = place_of(body)
        return self.answers.get(place, f"no answer is planned for {place}")


def place_of(body: dict[str, Any]) -> tuple[str, int, int]:
    """Return the unit that a request asks for, its seed, and how many answers went before."""
    asked = body["messages"][1]["content"]
    found = re.search(r"^def (\w+)\(", asked, re.MULTILINE)
    turn = sum(message["role"] == "assistant" for message in body["messages"])
    return (found[1] if found else "reference", body["seed"], turn)


def completion(model: str, fault: str | None, text: str = ANSWER) -> dict[str, Any]:
    """Return a completion's body, with the fault where it lies in the body."""
    finish, usage = "stop", (11, 17)
    if fault == "length":
        text, finish = ANSWER[: len(ANSWER) // 2], "length"
    elif fault == "lone":
        text = "half a pair: \ud800"
    elif fault == "big":
        text = ANSWER + "#" * 300_000
    elif fault == "secret":
        text = "the key is AKIA" + "IOSFODNN7CANARY1"
    elif fault == "usage":
        usage = (-1, 10**12)
    choice = {
        "index": 0,
        "finish_reason": finish,
        "message": {"role": "assistant", "content": None if fault == "none" else text},
    }
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [] if fault == "empty" else [choice],
        "usage": {
            "prompt_tokens": usage[0],
            "completion_tokens": usage[1],
            "total_tokens": sum(usage),
        },
    }


def handler_of(plan: Plan) -> type[BaseHTTPRequestHandler]:  # noqa: C901 - a class of small methods
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            """Print nothing."""

        def reply(self, status: int, data: bytes, **headers: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self) -> None:
            self.reply(200, json.dumps(plan.seen).encode())

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen = {"path": self.path, "body": body, "headers": dict(self.headers)}
            fault = plan.next(seen)
            data = json.dumps(completion(body.get("model", ""), fault, plan.text(body))).encode()
            if fault in STATUSES:
                self.reply(STATUSES[fault], ERROR, **HEADERS.get(fault, {}))
            elif fault == "hang":
                time.sleep(3_600)
            elif fault == "reset":
                self.close_connection = True
            elif fault == "cut":
                self.cut(data)
            elif fault == "junk":
                self.reply(200, b"<html>not json</html>")
            elif fault == "gzip":
                self.reply(200, gzip.compress(data), Content_Encoding="gzip")
            elif fault in ("flood", "drip"):
                self.flood(chunked=fault == "drip")
            else:
                self.reply(200, data)

        def cut(self, data: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[: len(data) // 2])
            self.close_connection = True

        def flood(self, *, chunked: bool) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            if chunked:
                self.send_header("Transfer-Encoding", "chunked")
            else:
                self.send_header("Content-Length", str(FLOOD_BYTES))
            self.end_headers()
            self.close_connection = True
            piece = b"x" * 65_536
            try:
                for _ in range(FLOOD_BYTES // len(piece)):
                    self.wfile.write(b"10000\r\n" + piece + b"\r\n" if chunked else piece)
            except OSError:
                return  # the client had enough, as it should

    return Handler


ERROR = json.dumps({"error": {"message": "planned fault"}}).encode()
STATUSES = {"429": 429, "500": 500, "401": 401, "404": 404, "redirect": 307, "wait": 429}
HEADERS = {
    "429": {"Retry_After": "1"},
    "wait": {"Retry_After": "86400"},
    "redirect": {"Location": "/v1/elsewhere"},
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--fault", action="append", default=[], metavar="KIND:N")
    plan = Plan(parser.parse_args().fault)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(plan))
    server.daemon_threads = True
    print(server.server_port, flush=True)  # noqa: T201 - this is a command
    server.serve_forever()


if __name__ == "__main__":
    main()
