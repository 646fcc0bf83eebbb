"""Each format of log gives the same call; what is no call is counted, never lost in silence."""

from __future__ import annotations

import gzip
import json

import pytest

from pytest_compiledai.audit.reading import Tally
from pytest_compiledai.audit.reading import log_files
from pytest_compiledai.audit.reading import read_calls
from pytest_compiledai.core.errors import SettingsError

SENT = [{"role": "system", "content": "Sort."}, {"role": "user", "content": "my card is lost"}]
SAID = '{"queue": "cards"}'
COMPLETION = {
    "choices": [{"message": {"role": "assistant", "content": SAID}}],
    "usage": {"prompt_tokens": 12, "completion_tokens": 5},
}
PARTS = [
    {"role": each["role"], "parts": [{"type": "text", "content": each["content"]}]} for each in SENT
]
GEN_AI = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "m",
    "gen_ai.usage.input_tokens": 12,
    "gen_ai.usage.output_tokens": 5,
    "code.function.name": "app.sort",
}


def otlp(attributes, events=()):
    """Return OTLP JSON of one span."""
    pairs = [
        {
            "key": key,
            "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value},
        }
        for key, value in attributes.items()
    ]
    span = {"name": "chat m", "attributes": pairs, "events": list(events)}
    times = {"startTimeUnixNano": "1750000000000000000", "endTimeUnixNano": "1750000001500000000"}
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span | times]}]}]}


def event(name, **attributes):
    """Return a span's event."""
    pairs = [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()]
    return {"name": name, "attributes": pairs}


CHOICE = event("gen_ai.choice", message=json.dumps({"role": "assistant", "content": SAID}))
FORMS = {
    "litellm": {
        "call_type": "acompletion",
        "status": "success",
        "model": "m",
        "messages": SENT,
        "response": COMPLETION,
        "prompt_tokens": 12,
        "completion_tokens": 5,
        "startTime": 1750000000.0,
        "endTime": 1750000001.5,
        "metadata": {"requester_metadata": {"site": "app.sort"}},
    },
    "openai": {
        "request": {"model": "m", "messages": SENT, "metadata": {"site": "app.sort"}},
        "response": COMPLETION,
        "time": 1750000000,
        "latency_ms": 1500,
    },
    "otel attributes": otlp(
        GEN_AI
        | {
            "gen_ai.input.messages": json.dumps(PARTS),
            "gen_ai.output.messages": json.dumps(
                [{"role": "assistant", "parts": [{"type": "text", "content": SAID}]}]
            ),
        }
    ),
    "otel events": otlp(
        GEN_AI,
        [event(f"gen_ai.{each['role']}.message", content=each["content"]) for each in SENT]
        + [CHOICE],
    ),
    "otel flat": {
        "name": "chat m",
        "start_time": "2025-06-15T15:06:40Z",
        "end_time": "2025-06-15T15:06:41.5Z",
        "attributes": GEN_AI
        | {
            f"gen_ai.prompt.{n}.{key}": value
            for n, each in enumerate(SENT)
            for key, value in each.items()
        }
        | {"gen_ai.completion.0.content": SAID},
    },
    "plain": {
        "site": "app.sort",
        "system": "Sort.",
        "input": "my card is lost",
        "output": {"queue": "cards"},
        "time": "2025-06-15T15:06:40Z",
        "model": "m",
        "tokens_in": 12,
        "tokens_out": 5,
        "latency_s": 1.5,
    },
}


@pytest.mark.parametrize("form", FORMS)
def test_every_format_gives_the_same_call(read, form):
    """Messages, answer, site, model, time, tokens and latency are read from each format."""
    (call,), tally = read(FORMS[form])

    assert [tuple(each.values()) for each in SENT] == [tuple(each) for each in call.messages]
    assert {"queue": "cards"} == json.loads(call.answer)
    assert ("app.sort", "m", 1750000000.0) == (call.site, call.model, call.time_s)
    assert (12, 5, 1.5) == (call.usage.tokens_in, call.usage.tokens_out, call.usage.latency_s)
    assert 0 == tally.unreadable


def test_a_batch_is_joined_by_its_ids(read):
    """The two halves of a batch make one call, in whatever order their lines come."""
    asked = {"custom_id": "sort-17", "method": "POST", "body": {"model": "m", "messages": SENT}}
    answered = {
        "custom_id": "sort-17",
        "response": {"status_code": 200, "body": COMPLETION},
        "error": None,
    }
    alone = {"custom_id": "sort-18", "method": "POST", "body": {"model": "m", "messages": SENT}}

    calls, tally = read(answered, asked, alone)

    assert [("sort", SAID)] == [(call.site, call.answer) for call in calls]
    assert 1 == tally.unpaired


def test_tool_calls_are_the_answer(read):
    """An answer that calls a tool is the tool's name and arguments."""
    function = {"name": "find", "arguments": '{"city": "Oslo"}'}
    message = {"role": "assistant", "content": None, "tool_calls": [{"function": function}]}
    record = {"request": {"messages": SENT}, "response": {"choices": [{"message": message}]}}

    (call,), _ = read(record)

    assert {"name": "find", "arguments": {"city": "Oslo"}} == json.loads(call.answer)
    assert ("find",) == call.tools


def test_log_records_of_one_span_are_one_call(read):
    """Messages logged as events of their own are put together by their span."""

    def record(name, body):
        return {"spanId": "a1", "eventName": name, "body": {"kvlistValue": {"values": body}}}

    def pair(key, value):
        return {"key": key, "value": {"stringValue": value}}

    logs = [
        record("gen_ai.user.message", [pair("content", "my card is lost")]),
        record(
            "gen_ai.choice", [pair("message", json.dumps({"role": "assistant", "content": SAID}))]
        ),
    ]

    (call,), _ = read({"resourceLogs": [{"scopeLogs": [{"logRecords": logs}]}]})

    assert ("my card is lost", SAID) == (call.asked, call.answer)


def test_what_cannot_be_read_is_counted_with_its_first_place(read):
    """A broken line and an unknown record are counted; the first one is named by file and line."""
    good = {"input": "a", "output": "b"}

    calls, tally = read(good, "{broken", {"level": "info", "message": "started"}, "[1]", good)

    assert (2, 3) == (len(calls), tally.unreadable)
    assert tally.first_unreadable.endswith("calls.jsonl:2: no JSON")


def test_failed_calls_and_other_spans_are_counted_apart(read):
    """A failed call and a span of something else are no calls and no faults."""
    failed = FORMS["litellm"] | {"status": "failure", "response": None}
    other = {"name": "GET /", "span_id": "1", "attributes": {"http.method": "GET"}}

    calls, tally = read(failed, other, FORMS["plain"])

    assert (1, 1, 1, 0) == (len(calls), tally.failed, tally.other, tally.unreadable)


@pytest.mark.parametrize(
    "record",
    [
        {"input": None, "output": None},
        {"request": {"messages": {"a": [1]}}, "response": {"choices": [None]}},
        {"resourceSpans": [{"scopeSpans": [{"spans": [{"attributes": [{"value": 1}]}]}]}]},
        {"messages": 3, "response": [], "startTime": "x"},
        {"attributes": {"gen_ai.prompt.x": 1, "gen_ai.input.messages": "[[["}},
        {"custom_id": 7, "response": 9},
    ],
)
def test_a_strange_record_ends_nothing(read, record):
    """Whatever stands inside a record, the calls after it are read."""
    calls, _ = read(record, FORMS["plain"])

    assert "my card is lost" == calls[-1].asked


def test_a_file_of_another_format_is_an_error(log):
    """A file in which no line is known says which formats are."""
    path = log({"level": "info", "message": "started"})

    with pytest.raises(SettingsError) as caught:
        list(read_calls([path], Tally()))

    assert "keys: level, message" in str(caught.value)
    assert "LiteLLM" in caught.value.expected


def test_folders_compressed_files_and_whole_documents_are_read(tmp_path):
    """A folder's logs are read in order, unpacked where needed, also a file that is one list."""
    record = {"input": "a", "output": "b"}
    with gzip.open(tmp_path / "one.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")
    (tmp_path / "two.json").write_text(json.dumps([record, record], indent=1), encoding="utf-8")
    (tmp_path / "notes.txt").write_text("nothing", encoding="utf-8")

    assert 3 == len(list(read_calls(log_files([tmp_path]), Tally())))


def test_a_path_without_logs_is_an_error(tmp_path):
    """A folder without logs and a path that is not there are errors."""
    for path in (tmp_path, tmp_path / "none.jsonl"):
        with pytest.raises(SettingsError):
            log_files([path])


def test_the_file_without_a_known_line_is_the_one_that_is_named(log):
    """An unreadable line of another file before it is not blamed."""
    files = [log("no json", {"input": "a", "output": "b"}), log("none", name="other.jsonl")]

    with pytest.raises(SettingsError, match=r"other\.jsonl: found a file in which no line"):
        list(read_calls(files, Tally()))


def test_a_log_without_a_line_is_an_error(log):
    """Nothing to judge is not a judgement."""
    with pytest.raises(SettingsError, match="calls\\.jsonl: found no line"):
        list(read_calls([log()], Tally()))
