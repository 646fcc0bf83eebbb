"""The page on recordings, followed from top to bottom against an endpoint of our own."""

from __future__ import annotations

import importlib.util
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from http.server import ThreadingHTTPServer
from typing import Any

import pytest

from pytest_compiledai.llm.patience import Patience
from pytest_compiledai.llm.redact import LEAST_VALUE_CHARACTERS
from pytest_compiledai.settings import DEFAULT_ATTEMPTS

ADDRESS = "http://127.0.0.1:8080/v1"
CODE = """```python
def reverse(data: ReverseInput) -> ReverseOutput:
    return {"word": data["word"][::-1]}
```"""


class Endpoint(BaseHTTPRequestHandler):
    """Answers every question with the same function."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        message = {"role": "assistant", "content": CODE}
        usage = {"prompt_tokens": len(body) // 4, "completion_tokens": 40, "total_tokens": 40}
        answer = {
            "id": "1",
            "object": "chat.completion",
            "created": 0,
            "model": "local",
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": usage | {"total_tokens": sum(usage.values())},
        }
        data = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        """Print nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    """Return the address of an endpoint that lives as long as the test."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    server.shutdown()
    server.server_close()
    thread.join()


def shape(value: Any) -> Any:
    """Return the keys and types of a JSON value; of a list those of its first element."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    return [shape(item) for item in value[:1]] if isinstance(value, list) else type(value).__name__


@pytest.mark.skipif(
    importlib.util.find_spec("litellm") is None, reason="the extra `llm` is missing"
)
def test_the_page_holds_from_top_to_bottom(page, reader, address):
    """Replay, miss, and ask; what is stored looks as the page shows it."""
    words = [f"word{number}" for number in range(60)]
    rows = [{"id": word, "input": {"word": word}, "output": {"word": word[::-1]}} for word in words]
    reader.write("specs/reverse.jsonl", "".join(f"{json.dumps(row)}\n" for row in rows))
    reader.changed[ADDRESS] = address

    reader.follow(page("recordings.md"), without=("json",))

    (path,) = (reader.folder / "specs/recordings").glob("*.bridge+local.json")
    stored = json.loads(path.read_bytes())
    assert shape(json.loads(page("recordings.md").block("json"))) == shape(stored)
    assert stored["model"] == "bridge/local"
    assert stored["reply"]["text"] == CODE.split("\n")


def test_the_numbers_are_the_codes(page):
    """Tries, proposals and the shortest secret are those of the code."""
    text = page("recordings.md").text

    assert Patience().tries == 4
    assert "four times in all" in text
    assert f"({DEFAULT_ATTEMPTS} where neither is given)" in text
    assert f"shorter than {LEAST_VALUE_CHARACTERS} characters" in text
