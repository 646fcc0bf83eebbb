"""A small OpenAI-compatible endpoint on the loopback that fails as planned.

    python faulty_endpoint.py --fault 429:2 --fault cut:1

prints the port it listens on, then answers each request with the next planned fault, and with one
fixed text when none is left. ``GET /seen`` returns the requests so far. Not a model, and not meant
to be reached from another machine.
"""

from __future__ import annotations

import argparse
import gzip
import json
import threading
import time
from http.server import BaseHTTPRequestHandler
from http.server import ThreadingHTTPServer
from typing import Any

ANSWER = "def answer(data):\n    return {'ok': True}\n"
FLOOD_BYTES = 50_000_000
FAULTS = (
    *("429", "500", "hang", "cut", "junk", "empty", "length", "flood", "usage"),
    # What a model's bridge does not do, and other endpoints may.
    *("401", "404", "big", "drip", "gzip", "lone", "none", "redirect", "reset", "secret", "wait"),
)


class Plan:
    """What is still to go wrong, and what was asked so far."""

    def __init__(self, items: list[str]) -> None:
        self.guard = threading.Lock()
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
            return self.queue.pop(0) if self.queue else None


def completion(model: str, fault: str | None) -> dict[str, Any]:
    """Return a completion's body, with the fault where it lies in the body."""
    text, finish, usage = ANSWER, "stop", (11, 17)
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
            data = json.dumps(completion(body.get("model", ""), fault)).encode()
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
