"""OpenTelemetry spans: one a call where the library is present, nothing where it is not."""

from __future__ import annotations

import sys
import types

import pytest

TWICE = "def twice(data):\n    if data is None:\n        raise Abstain('no')\n    return data * 2\n"


class Tracer:
    """Stands in for a tracer of the library and keeps the spans."""

    def __init__(self) -> None:
        self.spans: list[types.SimpleNamespace] = []

    def start_span(self, name: str, start_time: int) -> types.SimpleNamespace:
        """Return a span that notes what is done to it."""
        span = types.SimpleNamespace(name=name, begun=start_time, facts={}, status=None)
        span.set_attributes = span.facts.update
        span.set_status = lambda status: setattr(span, "status", status)
        span.end = lambda at: setattr(span, "ended", at)
        self.spans.append(span)
        return span


@pytest.fixture
def tracer(monkeypatch):
    made = Tracer()
    trace = types.ModuleType("opentelemetry.trace")
    trace.get_tracer = lambda _: made
    trace.StatusCode = types.SimpleNamespace(ERROR="error")
    library = types.ModuleType("opentelemetry")
    library.trace = trace
    monkeypatch.setitem(sys.modules, "opentelemetry", library)
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", trace)
    return made


@pytest.fixture
def compiled(package):
    package.freeze("twice", TWICE)
    return package.load()


def test_a_call_is_a_span(compiled, tracer):
    """Named and described by the conventions, without what went in or came out."""
    assert compiled.trace()

    compiled.twice(2)

    (span,) = tracer.spans
    assert span.name == "execute_tool twice"
    assert span.facts["gen_ai.operation.name"] == "execute_tool"
    assert span.facts["gen_ai.tool.name"] == "twice"
    assert span.facts["compiledai.outcome"] == "value"
    assert span.facts["compiledai.fallback"] is False
    assert span.status is None
    assert span.begun <= span.ended
    assert set(map(type, span.facts.values())) == {str, bool}


def test_an_error_is_marked(compiled, tracer):
    """What reaches the caller is the span's error."""
    compiled.trace("twice")

    with pytest.raises(compiled.Abstain):
        compiled.twice(None)

    (span,) = tracer.spans
    assert span.status == "error"
    assert span.facts["error.type"] == "Abstain"
    assert span.facts["compiledai.outcome"] == "abstain"


def test_without_the_library_functions_stay_bare(compiled, monkeypatch):
    """`trace` says so, and costs nothing."""
    monkeypatch.setitem(sys.modules, "opentelemetry", None)

    assert not compiled.trace()
    assert compiled.twice.__class__.__name__ == "function"
