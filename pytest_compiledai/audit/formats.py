"""The formats of logs: each record is read by the first one that knows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from typing import Final

from pytest_compiledai.audit import litellm_log
from pytest_compiledai.audit import openai_log
from pytest_compiledai.audit import otel_spans
from pytest_compiledai.audit import plain_log
from pytest_compiledai.audit.call import Call

EXPECTED: Final = (
    "a LiteLLM standard logging payload, an OpenAI-style request with its response, "
    "OpenTelemetry gen_ai spans, or objects with `input` and `output`"
)
PENDING_CAP: Final = 200_000  # lines of a batch that wait for the other half


class UnknownRecordError(ValueError):
    """A record that no format knows."""


class Formats:
    """Reads records; remembers the halves of batches until the other half is there."""

    def __init__(self) -> None:
        self.requests: dict[str, dict[str, Any]] = {}
        self.answers: dict[str, dict[str, Any]] = {}

    @property
    def unpaired(self) -> int:
        """How many lines of batches are without their other half."""
        return len(self.requests) + len(self.answers)

    def read(self, record: dict[str, Any]) -> Iterator[tuple[str, Call | None]]:
        """Yield (format, call) for each call in a record, None for a failed one.

        A span that is no call and one half of a batch yield nothing. Raises
        ``UnknownRecordError`` where no format fits.
        """
        if litellm_log.is_litellm(record):
            yield "litellm", litellm_log.read_litellm(record)
        elif openai_log.is_exchange(record):
            yield "openai", openai_log.read_exchange(record)
        elif openai_log.is_batch_request(record) or openai_log.is_batch_answer(record):
            yield from self._batch(record)
        elif otel_spans.is_otel(record):
            for call in otel_spans.read_otel(record):
                yield "otel", call
        elif plain_log.is_plain(record):
            yield "plain", plain_log.read_plain(record)
        elif not _is_other_span(record):
            raise UnknownRecordError

    def _batch(self, record: dict[str, Any]) -> Iterator[tuple[str, Call | None]]:
        key = str(record["custom_id"])
        asks = openai_log.is_batch_request(record)
        mine, theirs = (self.requests, self.answers) if asks else (self.answers, self.requests)
        other = theirs.pop(key, None)
        if other is None:
            if len(mine) < PENDING_CAP:
                mine[key] = record
            return
        request, answer = (record, other) if asks else (other, record)
        yield "openai", openai_log.join(answer, request["body"], answer.get("response"))


def _is_other_span(record: dict[str, Any]) -> bool:
    return any(key in record for key in ("spanId", "span_id", "traceId", "trace_id"))
