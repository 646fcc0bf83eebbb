"""Whole live runs over real HTTP, against an endpoint of our own that answers from a table.

Each run is a process of its own and pays for LiteLLM's import, so a few runs are made once and many
tests look at them.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import replace
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pytest_compiledai.ci.merging import merge

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("litellm") is None, reason="the extra `llm` is not installed"
)

HERE = Path(__file__).parent
MODEL = "bridge/tester"
KEY = "planted-endpoint-key-55301"
SECRET = "planted-canary-value-91827"
TRAIN = ("alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel")
VALIDATION = ("vcanone", "vcantwo", "vcanthree", "7vcanfour", "8vcanfive", "9vcansix")
TEST = tuple(f"{letter}canary-of-a-test-row-{letter}" for letter in "abcdefghijklmnopqrstu")
SPEC = """\
compiledai: 1
kind: function
name: {name}
description: Return the word with its letters in reverse order.
input: {{type: object, properties: {{word: {{type: string, maxLength: 60}}}}, required: [word]}}
output: {{type: object, properties: {{word: {{type: string}}}}, required: [word]}}
golden: {golden}
{more}gates:
  accuracy: {{threshold: {threshold}}}
  latency: {{p50_ms: 50, p99_ms: 500}}
  fuzz: {{examples: 5, reference: {reference}}}
"""


def reply(name: str, *lines: str) -> str:
    """Return a model's answer: a function of these lines, in a fence."""
    camel = "".join(part.title() for part in name.split("_"))
    body = "".join(f"    {line}\n" for line in lines)
    return f"```python\ndef {name}(data: {camel}Input) -> {camel}Output:\n{body}```"


def right(name: str) -> str:
    return reply(name, 'return {"word": data["word"][::-1]}')


def wrong(name: str, condition: str = "True") -> str:
    """Return an answer that forgets to reverse where ``condition`` holds."""
    return reply(
        name,
        f"# the key of the deployment is {SECRET}",
        'word = data["word"]',
        f'return {{"word": word if {condition} else word[::-1]}}',
    )


LONG = "len(word) > 20"
DIGIT = 'word[:1] in ("7", "8")'


def write_unit(
    root: Path,
    name: str,
    more: str = "",
    *,
    threshold: float = 0.95,
    reference: str = "none",
    golden: str = "rows.jsonl",
) -> None:
    """Write a spec whose code comes from the model."""
    text = SPEC.format(
        name=name, more=more, threshold=threshold, reference=reference, golden=golden
    )
    (root / "specs").mkdir(exist_ok=True)
    (root / "specs" / f"{name}.yaml").write_text(text, encoding="utf-8")


def write_rows(root: Path, name: str = "rows.jsonl", *, more: tuple[str, ...] = ()) -> None:
    """Write golden rows; each word outside the train rows is a canary of its own."""
    rows = [
        {
            "id": f"{split}-id-{number}",
            "input": {"word": word},
            "output": {"word": word[::-1]},
            "split": split,
        }
        for split, words in (
            ("train", (*TRAIN, *more)),
            ("validation", VALIDATION),
            ("test", TEST),
        )
        for number, word in enumerate(words)
    ]
    (root / "specs").mkdir(exist_ok=True)
    text = "".join(f"{json.dumps(row)}\n" for row in rows)
    (root / "specs" / name).write_text(text, encoding="utf-8")


@dataclass(frozen=True)
class Seen:
    """A request as the endpoint got it."""

    unit: str
    seed: int
    turn: int
    messages: list[dict[str, str]]
    text: str
    together: bool
    watched: str


@dataclass(frozen=True)
class Done:
    """A finished run of pytest, and the requests that it sent."""

    code: int
    out: str
    err: str
    seen: tuple[Seen, ...]
    root: Path

    @property
    def places(self) -> list[tuple[str, int, int]]:
        return sorted((seen.unit, seen.seed, seen.turn) for seen in self.seen)

    def of(self, unit: str) -> list[Seen]:
        return [seen for seen in self.seen if seen.unit == unit]

    def report(self) -> dict[str, dict[str, Any]]:
        """Return the units of the JSON report by name."""
        units = json.loads((self.root / "report.json").read_bytes())["units"]
        return {unit["id"].split("::")[1]: unit for unit in units}

    def frozen(self) -> dict[str, bytes]:
        """Return the bytes of the lock and of everything below ``compiled/``."""
        files = [*(self.root / "compiled").rglob("*"), self.root / "compiledai.lock"]
        return {path.name: path.read_bytes() for path in files if path.is_file()}


@pytest.fixture(scope="module")
def endpoint() -> Any:
    """Return the module of the endpoint, which is a command of its own as well."""
    spec = importlib.util.spec_from_file_location("live_endpoint", HERE / "faulty_endpoint.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


Run = Callable[..., Done]


@pytest.fixture(scope="module")
def run(endpoint: Any) -> Iterator[Run]:
    """Run pytest in a project, against an endpoint that gives the answers of a table."""
    servers: list[ThreadingHTTPServer] = []

    def run(
        root: Path,
        answers: dict[tuple[str, int, int], str],
        *arguments: str,
        together: int = 1,
        model: bool = True,
    ) -> Done:
        errors = root / "stderr.txt"
        plan = endpoint.Plan([], answers=answers, together=together, watch=errors.read_text)
        server = ThreadingHTTPServer(("127.0.0.1", 0), endpoint.handler_of(plan))
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        base = f"http://127.0.0.1:{server.server_port}/v1"
        environ = os.environ | {
            "OPENAI_API_BASE": base,
            "OPENAI_API_KEY": KEY,
            "DEPLOY_TOKEN": SECRET,
            "PYTEST_ADDOPTS": "-p no:randomly -p no:anyio -p no:hypothesispytest",
        }
        named = ("--compile-model", MODEL) if model else ()
        command = ("-m", "pytest", "-p", "no:cacheprovider", *named)
        with errors.open("wb") as sink:
            done = subprocess.run(
                [sys.executable, *command, "--compile-report", "report.json", *arguments],
                cwd=root,
                env=environ,
                stdout=subprocess.PIPE,
                stderr=sink,
                timeout=120,
                check=False,
            )
        return Done(
            done.returncode,
            done.stdout.decode(),
            errors.read_text(encoding="utf-8"),
            tuple(seen_of(endpoint, item) for item in plan.seen),
            root,
        )

    yield run
    for server in servers:
        server.shutdown()
        server.server_close()


def seen_of(endpoint: Any, item: dict[str, Any]) -> Seen:
    unit, seed, turn = endpoint.place_of(item["body"])
    messages = item["body"]["messages"]
    return Seen(
        unit=unit,
        seed=seed,
        turn=turn,
        messages=messages,
        text="\n".join(message["content"] for message in messages),
        together=item["together"],
        watched=item["watched"],
    )


UNITS = ("mends", "gives_up", "picks", "overfits")
ANSWERS = {
    ("mends", 0, 0): wrong("mends"),
    ("mends", 0, 1): right("mends"),
    ("gives_up", 0, 0): wrong("gives_up"),
    ("gives_up", 0, 1): wrong("gives_up"),
    ("picks", 0, 0): wrong("picks", DIGIT),
    ("picks", 1, 0): right("picks"),
    ("overfits", 0, 0): wrong("overfits", LONG),
    # What is asked for after this is asked for too much.
    **{("overfits", seed, 0): right("overfits") for seed in range(1, 4)},
    **{("gives_up", seed, 0): right("gives_up") for seed in range(1, 4)},
    **{("mends", seed, 0): right("mends") for seed in range(1, 4)},
}


def write_project(root: Path) -> Path:
    """Write four units, one for each way a live compile can go."""
    root.mkdir(exist_ok=True)
    (root / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n", encoding="utf-8")
    write_rows(root)
    write_unit(root, "mends")
    write_unit(root, "gives_up", "attempts: 2\n")
    write_unit(root, "picks", "candidates: 2\n", threshold=0.5)
    write_unit(root, "overfits")
    return root


@pytest.fixture(scope="module")
def first(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Done:
    """Return the first live run of the four units; its folder is not to be changed."""
    root = write_project(tmp_path_factory.mktemp("live") / "project")
    return run(root, ANSWERS, "--compile", "specs", together=4)


@pytest.fixture
def again(first: Done, tmp_path: Path) -> Path:
    """Return a copy of the project as the first run left it."""
    return Path(shutil.copytree(first.root, tmp_path / "project"))


@pytest.fixture(scope="module")
def workers(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Done:
    """Return the first live run of the same units, by two workers, as CI records it."""
    root = write_project(tmp_path_factory.mktemp("workers") / "project")
    recorded = ("-p", "pytest_compiledai.ci.plugin", "--ci-folder=ci", "--junit-xml=ci/junit.xml")
    return run(root, ANSWERS, "--compile", "specs", "-n", "2", "--dist", "load", *recorded)


@pytest.fixture(scope="module")
def refused(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Done:
    """Return a live run that may ask nothing: one unit costs too much, one holds a secret."""
    root = tmp_path_factory.mktemp("refused") / "project"
    root.mkdir()
    write_rows(root)
    write_rows(root, "leaks.jsonl", more=(SECRET,))
    write_unit(root, "mends")
    write_unit(root, "leaks", golden="leaks.jsonl")
    return run(root, ANSWERS, "--compile", "specs", "--compile-budget-tokens", "1000")


def recordings(root: Path) -> list[Path]:
    return list((root / "specs" / "recordings").glob("*.json"))


def recordings_of(root: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_bytes()) for path in recordings(root)]


def test_a_wrong_answer_is_repaired_in_the_second_request(first: Done) -> None:
    """The repair carries the answer before it and is frozen as the second attempt."""
    opening, repair = first.of("mends")

    assert (opening.turn, repair.turn) == (0, 1)
    assert [message["role"] for message in repair.messages] == [
        "system",
        "user",
        "assistant",
        "user",
    ]
    assert first.report()["mends"]["attempts"] == 2
    assert first.report()["mends"]["outcome"] == "frozen"


def test_a_repair_quotes_train_rows(first: Done) -> None:
    """The finding that goes back names a train row, what was expected and what came."""
    (repair,) = (seen for seen in first.of("mends") if seen.turn)

    told = repair.messages[-1]["content"]

    assert "The `accuracy` gate refused it." in told
    assert "specs/rows.jsonl:1 word: expected ahpla, got alpha" in told


def test_no_request_holds_anything_of_a_row_kept_back(first: Done, workers: Done) -> None:
    """Ids, inputs and outputs of validation and test rows never reach the model."""
    text = "".join(json.dumps(seen.messages) for seen in (*first.seen, *workers.seen))
    words = (*VALIDATION, *TEST)

    kept_back = {part for word in words for part in (word, word[::-1])} | {
        "validation-id",
        "test-id",
    }

    assert "alpha" in text
    assert [part for part in sorted(kept_back) if part in text] == []


def test_attempts_bound_the_requests_of_a_unit(first: Done) -> None:
    """Where no proposal passes, the model is asked `attempts` times and not once more."""
    assert [(seen.seed, seen.turn) for seen in first.of("gives_up")] == [(0, 0), (0, 1)]
    assert first.report()["gives_up"]["outcome"] == "rejected"


def test_a_pool_is_chosen_from_by_its_validation_rows(first: Done) -> None:
    """Of two candidates that pass, the one with more validation rows right is frozen."""
    assert sorted((seen.seed, seen.turn) for seen in first.of("picks")) == [(0, 0), (1, 0)]
    assert b"[::-1]" in first.frozen()["picks.py"]
    assert b"if word[:1]" not in first.frozen()["picks.py"]


def test_a_failure_on_test_rows_ends_the_compile(first: Done) -> None:
    """Once the test rows were opened no further request is made."""
    assert [(seen.seed, seen.turn) for seen in first.of("overfits")] == [(0, 0)]
    gates = first.report()["overfits"]["gates"]
    assert gates["accuracy"]["figures"]["split"] == "test"
    assert gates["latency"]["outcome"] == "skipped"


def test_what_is_rejected_is_not_frozen(first: Done) -> None:
    """Only units whose every gate passed have an artifact."""
    names = {name for name in first.frozen() if name.endswith(".py")}

    assert names == {"__init__.py", "mends.py", "picks.py"}


def test_the_bill_comes_before_the_first_request(first: Done, workers: Done) -> None:
    """The worst case stands on the terminal before anything is sent, and once."""
    for done in (first, workers):
        assert all("worst case for 4 units" in seen.watched for seen in done.seen)
        assert done.err.count("worst case") == 1


def test_the_bill_bounds_what_was_asked(first: Done) -> None:
    """No more calls are made and no more tokens are spent than the bill says."""
    found = re.search(r"([0-9,]+) calls, ([0-9,]+) tokens in, ([0-9,]+) out", first.err)
    assert found is not None
    calls, tokens_in, tokens_out = (int(group.replace(",", "")) for group in found.groups())

    spent = [unit["tokens"] for unit in first.report().values()]

    assert len(first.seen) <= calls
    assert sum(tokens["in"] for tokens in spent) <= tokens_in
    assert sum(tokens["out"] for tokens in spent) <= tokens_out


def test_first_proposals_are_asked_for_together(first: Done) -> None:
    """The openings of four chains are under way before the first answer comes."""
    openings = [seen for seen in first.seen if seen.together]

    assert len(openings) == 4
    assert {seen.turn for seen in openings} == {0}
    assert len({seen.unit for seen in openings}) >= 3


def test_another_job_can_write_what_a_live_run_froze(workers: Done, tmp_path: Path) -> None:
    """What the job with the key hands on is its lock, its artifacts and its recordings."""
    fresh = write_project(tmp_path / "fresh")

    merge([workers.root / "ci"], tmp_path / "merged", root=fresh, write=True)

    assert workers.frozen() == replace(workers, root=fresh).frozen()
    recorded = {path.name: path.read_bytes() for path in recordings(workers.root)}
    assert recorded == {path.name: path.read_bytes() for path in recordings(fresh)}
    assert len(recorded) >= len(UNITS)


def test_no_secret_is_written_or_sent(first: Done, workers: Done, refused: Done) -> None:
    """What the environment keeps secret stands in no request, recording, report, lock or output."""
    for done in (first, workers, refused):
        files = [path for path in done.root.rglob("*") if path.is_file()]
        kept = [path for path in files if path.name != "leaks.jsonl"]
        texts = [path.read_text("utf-8", "replace") for path in kept]
        texts += [done.out, done.err, *(seen.text for seen in done.seen)]
        assert not [text for text in texts if SECRET in text or KEY in text]
    assert "[redacted:DEPLOY_TOKEN]" in json.dumps(recordings_of(first.root))


def test_a_request_with_a_secret_is_refused(refused: Done) -> None:
    """A golden row that holds a secret stops its unit, which says where the secret stands."""
    assert refused.code == 1
    assert refused.of("leaks") == []
    assert "a secret (DEPLOY_TOKEN) in message 2 (user)" in refused.report()["leaks"]["error"]


def test_a_budget_stops_before_the_call(refused: Done) -> None:
    """A call that could exceed the bound is not made, and the bound that would do is named."""
    assert refused.of("mends") == []
    error = refused.report()["mends"]["error"]
    assert error.startswith("--compile-budget-tokens: found ")
    assert "at most 1,000" in error
    assert "next: pytest --compile --compile-budget-tokens " in refused.out


def test_a_bridge_gives_no_seconds(first: Done) -> None:
    """Recordings made through a bridge carry no time, and nothing is said of a speed-up."""
    recordings = recordings_of(first.root)

    assert len(recordings) == len(first.seen)
    assert {made["reply"]["seconds"] for made in recordings} == {None}
    assert "faster" not in first.out


def test_two_workers_send_no_request_twice(workers: Done) -> None:
    """Workers that collect the same units share what was asked."""
    assert [place for place, times in Counter(workers.places).items() if times > 1] == []


def test_two_workers_ask_and_freeze_what_one_process_does(first: Done, workers: Done) -> None:
    """Whoever asked, a failure on test rows ends the compile, and the bytes are the same."""
    assert workers.places == first.places
    assert workers.frozen() == first.frozen()


def test_two_workers_count_each_token_once(first: Done, workers: Done) -> None:
    """What another worker bought ahead counts as asked in this run."""
    assert total_line(workers) == total_line(first)


def total_line(done: Done) -> str:
    (line,) = (line for line in done.out.splitlines() if line.startswith("tokens "))
    return line


def test_a_replay_without_a_model_gives_equal_bytes(first: Done, again: Path, run: Run) -> None:
    """Recordings alone bring back artifacts and lock, byte for byte."""
    shutil.rmtree(again / "compiled")
    (again / "compiledai.lock").unlink()

    done = run(again, {}, "--compile", "specs", model=False)

    assert done.seen == ()
    assert done.frozen() == first.frozen()
    assert "(all replayed)" in done.out


def test_record_none_asks_nobody(again: Path, run: Run) -> None:
    """With a model configured and recording off, what is missing is an error with its command."""
    write_unit(again, "newcomer")

    done = run(again, ANSWERS, "--compile", "specs", "--compile-record", "none")

    assert done.seen == ()
    assert done.report()["mends"]["outcome"] == "unchanged"
    assert "no recording by bridge/tester of request" in done.report()["newcomer"]["error"]
    assert "next: pytest --compile --compile-model NAME specs/newcomer.yaml::newcomer" in done.out


def test_the_next_live_run_of_what_was_rejected_asks_anew(again: Path, run: Run) -> None:
    """A rejected unit goes on with a fresh seed; what is frozen asks nobody and costs nothing."""
    done = run(again, ANSWERS, "--compile", "specs")

    assert done.places == [("gives_up", 1, 0), ("overfits", 1, 0)]
    assert "worst case for 2 units" in done.err
    assert done.report()["gives_up"]["outcome"] == "frozen"
    assert done.report()["overfits"]["outcome"] == "frozen"


def test_update_asks_with_a_fresh_seed(again: Path, run: Run) -> None:
    """What is fresh is proposed again, and not from the recording."""
    done = run(again, ANSWERS, "--compile-update", "specs/mends.yaml")

    assert done.places == [("mends", 1, 0)]
    assert done.report()["mends"]["attempts"] == 1
