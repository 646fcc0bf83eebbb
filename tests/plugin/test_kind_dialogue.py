"""The kind `dialogue` through pytest: a small flow compiles, locks, is served and cannot be bent."""

from __future__ import annotations

import http.client
import json
import threading

import pytest

from pytest_compiledai.commands.serve import SORRY
from pytest_compiledai.commands.serve import server

pytest.importorskip("numpy", reason="the extra `linear` is not installed")

SPEC = "specs/table.yaml"
TABLE = """\
compiledai: 1
kind: dialogue
name: table
description: Books a table.
start: greet
slots:
  city: {values: {boston: [beantown], dallas: []}}
intents:
  book: {examples: [book a table, "a table in {city}", reserve a table], holdout: [have a table]}
  give_city: {examples: ["{city}", "in {city}"], holdout: ["{city} then"]}
  quit: {examples: [stop, forget it, bye], holdout: [stop it]}
anywhere: {quit: bye}
nodes:
  greet: {say: [hello], edges: {book: check}}
  check: {route: [{when: not city, to: ask_city}, {to: done}]}
  ask_city: {say: [which city], edges: {give_city: check}}
  done: {say: ["booked in {city}"], terminal: success}
  bye: {say: [bye], terminal: abandonment}
gates:
  accuracy: {right: 0.5, coverage: 0.1, wording: 0.1, wording_coverage: 0.1}
  fuzz: {conversations: 5, steps: 8}
"""


def test_a_flow_is_frozen_served_and_not_bent(project):
    """What passed is served over HTTP, and another flow than the frozen one is stale."""
    (project.root / "specs").mkdir(exist_ok=True)
    project.write(SPEC, TABLE)
    project.run("--compile", SPEC).assert_outcomes(passed=8)
    assert 'kind = "dialogue"' in project.lock
    _is_served(project)
    project.write(SPEC, TABLE.replace("which city", "which town"))
    stale = project.run("--compile-locked", SPEC)

    stale.stdout.fnmatch_lines(["*the entry of table is stale*"])


def _is_served(project):
    """Conversations go over HTTP; what is not understood is asked again; bad requests are told."""
    with server(project.root / "compiled", "table", host="127.0.0.1", port=0) as made:
        thread = threading.Thread(target=made.serve_forever, daemon=True)
        thread.start()
        try:
            port = made.server_address[1]
            replies = [
                _asked(port, ["book a table"]),
                _asked(port, ["book a table", "beantown"]),
                _asked(port, ["zzzz"]),
            ]
            refused = _post(port, b"{}")
            models = _get(port, "/v1/models")
        finally:
            made.shutdown()
            thread.join()

    assert replies == ["which city", "booked in boston", f"{SORRY} hello"]
    assert refused[0] == 400
    assert models[1]["data"][0]["id"] == "table"


def _asked(port: int, texts: list[str]) -> str:
    messages = [{"role": "user", "content": text} for text in texts]
    status, body = _post(port, json.dumps({"model": "table", "messages": messages}).encode())
    assert status == 200
    return body["choices"][0]["message"]["content"]


def _post(port: int, data: bytes) -> tuple[int, dict]:
    return _get(port, "/v1/chat/completions", method="POST", data=data)


def _get(port: int, path: str, *, method: str = "GET", data: bytes | None = None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body=data)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()
