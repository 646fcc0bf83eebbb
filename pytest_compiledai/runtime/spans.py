"""OpenTelemetry spans of calls, where that library is present; without contents.

This text becomes a part of ``compiled/__init__.py``.
"""

from __future__ import annotations

import time as _time

from pytest_compiledai.runtime.serving import _Call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable as _Callable
    from typing import Any as _Any


# From here on this text is spliced into compiled/__init__.py.
def _spans(digest_of: _Callable[[str], str]) -> _Callable[[_Call], None] | None:
    """Return a watcher that makes a span of each call; None where the library is absent.

    Attributes follow the semantic conventions for generative AI where they have a word.
    """
    try:
        from opentelemetry import trace
    except ImportError:
        return None
    tracer = trace.get_tracer("compiledai")

    def watch(call: _Call) -> None:
        ended_ns = _time.time_ns()
        begun_ns = ended_ns - round((call.ended_s - call.started_s) * 1e9)
        span = tracer.start_span(f"execute_tool {call.name}", start_time=begun_ns)
        attributes: dict[str, _Any] = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": call.name,
            "gen_ai.tool.type": "function",
            "compiledai.artifact.sha256": digest_of(call.name),
            "compiledai.outcome": call.outcome,
            "compiledai.fallback": call.fell_back,
        }
        if call.error is not None:
            attributes["error.type"] = type(call.error).__name__
            span.set_status(trace.StatusCode.ERROR)
        span.set_attributes(attributes)
        span.end(ended_ns)

    return watch
