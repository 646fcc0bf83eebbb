"""A model as the fallback: what it is told, and which of its answers are taken."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import types
from http.server import BaseHTTPRequestHandler
from http.server import ThreadingHTTPServer
from importlib.util import find_spec

import pytest

ROUTE = '''# route: compiled
# compiledai spec@1, template function@2, guard@1

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict


class RouteInput(TypedDict):
    text: str


RouteOutputQueue = Literal["tech", "sales"]


class RouteOutput(TypedDict):
    queue: RouteOutputQueue
    parts: NotRequired[list[int | None]]
    rates: NotRequired[dict[str, float]]


_TABLE = {"secret": "constant"}


def _helper(value: str) -> str:
    return value


def route(data: RouteInput) -> RouteOutput:
    """Choose the queue of a ticket.

    Anything about money is `sales`.
    """
    raise Abstain("unsure")
'''


@pytest.fixture
def compiled(package):
    package.freeze("route", ROUTE)
    return package.load()


@pytest.fixture
def litellm(monkeypatch):
    """A module in the place of LiteLLM that answers what a test puts into ``answer``."""
    module = types.ModuleType("litellm")
    module.answer = '{"queue": "tech"}'
    module.asked = []

    def completion(**options):
        module.asked.append(options)
        message = types.SimpleNamespace(content=module.answer)
        return types.SimpleNamespace(choices=[types.SimpleNamespace(message=message)])

    async def acompletion(**options):
        return completion(**options)

    module.completion, module.acompletion = completion, acompletion
    monkeypatch.setitem(sys.modules, "litellm", module)
    return module


def test_a_model_is_told_types_signature_and_docstring(compiled, litellm):
    """And the input as data; no constant and no helper of the artifact."""
    compiled.fallback("route", model="some/model", temperature=0)

    assert compiled.route({"text": "hi"}) == {"queue": "tech"}

    (asked,) = litellm.asked
    told, said = asked["messages"]
    assert asked["model"] == "some/model"
    assert asked["temperature"] == 0
    assert asked["timeout"] == 30
    assert 'RouteOutputQueue = Literal["tech", "sales"]' in told["content"]
    assert "def route(data: RouteInput) -> RouteOutput:" in told["content"]
    assert "Anything about money" in told["content"]
    assert "constant" not in told["content"]
    assert "_helper" not in told["content"]
    assert "unsure" not in told["content"]
    assert json.loads(said["content"]) == {"text": "hi"}


def test_a_model_can_be_awaited(compiled, litellm):
    """`ask` uses the asynchronous call of LiteLLM."""
    compiled.fallback("route", model="some/model")

    assert asyncio.run(compiled.ask("route", {"text": "hi"})) == {"queue": "tech"}


@pytest.mark.parametrize(
    "answer",
    [
        '```json\n{"queue": "sales"}\n```',
        ' {"queue": "sales", "parts": [1, null], "rates": {"a": 1, "b": 0.5}} ',
    ],
)
def test_an_answer_of_the_return_type_is_taken(compiled, litellm, answer):
    """With or without a fence."""
    litellm.answer = answer
    compiled.fallback("route", model="some/model")

    assert compiled.route({"text": "hi"})["queue"] == "sales"


@pytest.mark.parametrize(
    ("answer", "match"),
    [
        ("tech", "no JSON"),
        ("", "no JSON"),
        ('"tech"', "expected an object"),
        ('{"queue": "legal"}', r"the answer\.queue: found 'legal'"),
        ("{}", "found the fields"),
        ('{"queue": "tech", "more": 1}', "found the fields"),
        ('{"queue": "tech", "parts": 1}', "expected a list"),
        ('{"queue": "tech", "parts": ["x"]}', r"parts\[0\]"),
        ('{"queue": "tech", "parts": [true]}', r"parts\[0\]"),
        ('{"queue": "tech", "rates": {"a": "1"}}', r"rates\.a"),
    ],
)
def test_an_answer_of_another_type_is_refused(compiled, litellm, answer, match):
    """It reaches nobody: the caller gets an error that says what is wrong."""
    litellm.answer = answer
    compiled.fallback("route", model="some/model")

    with pytest.raises(compiled.BadAnswer, match=match):
        compiled.route({"text": "hi"})


def test_bad_answers_open_the_circuit(compiled, litellm):
    """A model that answers nonsense is left alone like one that fails."""
    litellm.answer = "nonsense"
    compiled.fallback("route", model="some/model", failures=1)
    with pytest.raises(compiled.BadAnswer):
        compiled.route({"text": "hi"})

    with pytest.raises(compiled.NoFallback, match="BadAnswer"):
        compiled.route({"text": "hi"})


def test_a_missing_library_names_the_command(compiled, monkeypatch):
    """Production that was promised a model says what to install."""
    monkeypatch.setitem(sys.modules, "litellm", None)
    compiled.fallback("route", model="some/model")

    with pytest.raises(ImportError, match="pip install litellm"):
        compiled.route({"text": "hi"})


class _Endpoint(BaseHTTPRequestHandler):
    """Answers every request for a completion with one queue."""

    def do_POST(self) -> None:
        """Read the request and answer it."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        said = json.dumps({"queue": "sales" if "hi" in asked["messages"][1]["content"] else "tech"})
        choice = {"index": 0, "finish_reason": "stop"}
        choice["message"] = {"role": "assistant", "content": said}
        body = {"id": "1", "object": "chat.completion", "created": 1, "model": "m"}
        body |= {"choices": [choice], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_a_model_answers_over_http(package, compiled):
    """The library itself, in a process of its own, asks a real endpoint."""
    if find_spec("litellm") is None:
        pytest.skip("litellm is not installed")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Endpoint)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}/v1"
    code = (
        f"import sys; sys.path.insert(0, '.'); import {package.name} as compiled\n"
        f"compiled.fallback('route', model='openai/m', api_base={base!r}, api_key='unused')\n"
        "print(compiled.route({'text': 'hi'}))"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            cwd=package.root,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    finally:
        server.shutdown()
        server.server_close()

    assert done.stdout == "{'queue': 'sales'}\n", done.stderr
