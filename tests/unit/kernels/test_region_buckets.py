"""A search is recorded and replayed; where length matters each bucket of context has its kernel."""

from __future__ import annotations

import contextlib
import json
from types import SimpleNamespace

import pytest

pytest.importorskip("torch", reason="the extra `kernels` is not installed")

from pytest_compiledai.core.candidate import Candidate
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.kind import Answered
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.kernels import choosing
from pytest_compiledai.kernels import families
from pytest_compiledai.kernels import measured
from pytest_compiledai.kernels import ordering
from pytest_compiledai.kernels import searching
from pytest_compiledai.kernels.choosing import RegionForm
from pytest_compiledai.kernels.description import Description
from pytest_compiledai.kernels.runtime.step import Buckets
from pytest_compiledai.kernels.runtime.step import Step

GATES = ("security", "latency")
FAMILY = families.family("decode_attention")
CONTRACT = FAMILY.contract({"H": 4, "KV": 2, "D": 16, "L": 288, "pos": 287})
SPACE = FAMILY.candidates(CONTRACT, language="cpp")
#: How long the kernels of a variant take, as a share of the framework's time, up to 64 and to 288.
SHARES = {"plain": (0.9, 0.9), "passes": (0.3, 0.8), "online": (0.7, 0.4)}


class Asking:
    """Answers what is given, counts nothing."""

    live = False
    is_ahead = False

    def __init__(self, folder, text=None):
        self.folder, self.text, self.asked = folder, text, 0

    def peek(self, messages, *, sample):
        """Return the answer."""
        del messages, sample
        self.asked += 1
        facts = {"model": "m", "tokens_in": 1, "tokens_out": 1, "seconds": None}
        return None if self.text is None else Answered(text=self.text, **facts)

    def exclusive(self):
        """Hold nothing."""
        return contextlib.nullcontext()


def verdict(share):
    """Return a verdict on time beside the framework's."""
    figures = {"cpu.ratio_low": share, "cpu.ratio": share, "cpu.ratio_high": share}
    slow = (Finding(rule="latency.region", message="found it slow"),) if share > 0.98 else ()
    return Verdict(gate="latency", figures=figures, findings=slow)


@pytest.fixture
def unit(monkeypatch):
    """A region of attention in two buckets, whose kernels take what SHARES says."""
    monkeypatch.setattr(searching, "_space", lambda _: (CONTRACT, SPACE))
    monkeypatch.setattr(ordering, "_on_processor", lambda one: float(len(one.source)))
    known = {one.source: one.parameters["variant"] for one in SPACE}
    judged = []

    def judge(body, text, exclusive):
        del body, exclusive
        judged.append(text.sha256)
        near, far = SHARES[known[text.source]]
        passed = {"security": Verdict(gate="security"), "latency": verdict(far)}
        return searching.Tried(text=text, verdicts=passed, cubins={}, within={64: verdict(near)})

    monkeypatch.setattr(searching, "judged", judge)
    spec = SimpleNamespace(
        budget=3, buckets=(64,), context=288, dtype="float32", margin=0.02, targets=("cpu",),
        timeout_s=60.0, candidates={},
    )  # fmt: skip
    body = SimpleNamespace(spec=spec, region=SimpleNamespace(signature="s", name="attention"))
    place = SimpleNamespace(path="m.yaml")
    return SimpleNamespace(
        name="m.attention", body=body, gates=GATES, source="0", place=place, judged=judged
    )


def proposed(unit, asking):
    return RegionForm().propose(unit, (), sample=0, asking=asking)


def test_each_bucket_runs_by_its_fastest_kernel(unit, tmp_path):
    """One variant is taken up to 64 positions, the other beyond; both texts are frozen."""
    found = proposed(unit, Asking(tmp_path))
    value = json.loads(found.files["m.attention/region.json"])
    texts = [found.files[f"m.attention/{each['file']}"].decode() for each in value["kernels"]]

    assert [each["upto"] for each in value["kernels"]] == [64, 288]
    assert ["scores" in text.partition("*/")[0] for text in texts] == [True, False]
    assert not list(Description(unit, found).faults())
    for gate in GATES:
        judged = RegionForm().judge(
            gate, unit, found, phase=None, bench=SimpleNamespace(exclusive=contextlib.nullcontext)
        )
        assert judged.passed
    assert (judged.figures["cpu.ratio"], judged.figures["upto_64.cpu.ratio"]) == (0.4, 0.3)


def test_a_bucket_that_fails_is_a_failure_of_the_region():
    """What one bucket's kernel shows fails the whole, under the bucket's end."""
    merged = choosing._merged("latency", {64: verdict(1.5), 288: verdict(0.4)})

    assert [one.message for one in merged.findings] == ["up to 64: found it slow"]


def test_an_artifact_of_other_buckets_is_refused(unit, tmp_path):
    """Neither a bucket that the spec does not declare nor a file that no bucket names stands."""
    found = proposed(unit, Asking(tmp_path))
    unit.body.spec.buckets = ()
    more = Candidate(files={**found.files, "m.attention/more.cpp": b"x"}, proposer="", attempt=1)

    assert list(Description(unit, found).faults())
    assert "found the files" in next(Description(unit, more).faults())


def test_a_recorded_search_is_not_done_again(unit, tmp_path, monkeypatch):
    """Two compiles freeze the same bytes though times differ; only what was chosen is judged."""
    first = proposed(unit, Asking(tmp_path))
    tried = list(unit.judged)
    unit.judged.clear()
    monkeypatch.setitem(SHARES, "plain", (0.1, 0.1))
    again = proposed(unit, Asking(tmp_path))

    assert dict(again.files) == dict(first.files)
    assert len(set(tried)) == 3
    assert len(unit.judged) == 2


def test_another_space_is_searched_anew(unit, tmp_path):
    """The recording of another spec counts for nothing; one that cannot be read is an error."""
    proposed(unit, Asking(tmp_path))
    unit.judged.clear()
    unit.source = "1"
    proposed(unit, Asking(tmp_path))
    assert len(unit.judged) == 3 + 2

    (tmp_path / "m.attention.measured.json").write_text("{}")
    with pytest.raises(SpecError, match="expected the recording of a search"):
        measured.read(tmp_path / "m.attention.measured.json", "0")


def test_a_models_order_is_tried_first_and_says_so(unit, tmp_path):
    """An id of the space goes first, what is none is dropped and recorded."""
    asking = Asking(tmp_path, '{"order": ["c17", "c99"], "labels": {}, "risks": {}}')
    proposed(unit, asking)
    told = json.loads((tmp_path / "m.attention.measured.json").read_text())["search"]

    assert told["tried"][0]["parameters"] == {"variant": "online", "RUN": 64, "LANES": 16}
    assert (told["ordered_by"], told["dropped"]) == ("m", ["c99"])
    assert {one["parameters"]["variant"] for one in told["tried"]} == {"plain", "passes", "online"}


def test_nobody_is_asked_where_the_budget_covers_the_space(unit, tmp_path):
    """Every candidate is tried in the order of the space, with a model's recording or without."""
    unit.body.spec.budget = len(SPACE)
    folders = [tmp_path / "with", tmp_path / "without"]
    texts = ['{"order": ["c17"]}', None]
    found = []
    for folder, text in zip(folders, texts, strict=True):
        asking = Asking(folder, text)
        found.append(dict(proposed(unit, asking).files))
        assert not asking.asked

    assert found[0] == found[1]


def test_what_no_target_takes_is_not_tried(unit, tmp_path, monkeypatch):
    """A candidate that the static model refuses is left out, though a model puts it first."""
    unit.body.spec.budget = len(SPACE) - 1
    refused = SPACE[17].source
    monkeypatch.setattr(
        ordering, "_on_processor", lambda one: "it spills" if one.source == refused else 1.0
    )
    proposed(unit, Asking(tmp_path, '{"order": ["c17", "c16"]}'))
    told = json.loads((tmp_path / "m.attention.measured.json").read_text())["search"]

    assert told["dropped"] == ["c17"]
    assert {"variant": "online", "RUN": 64, "LANES": 16} not in [
        one["parameters"] for one in told["tried"]
    ]


def test_a_search_is_not_begun_ahead(unit, tmp_path):
    """What only foresees a candidate for the analysers measures nothing."""
    asking = Asking(tmp_path)
    asking.is_ahead = True
    with pytest.raises(Exception, match="not begun ahead"):
        proposed(unit, asking)

    assert not unit.judged


def test_a_step_runs_the_kernel_of_its_room():
    """A room up to a bucket's end runs that bucket's site, a longer one the last."""
    step = object.__new__(Step)
    step._sites = [{64: "near", 288: "far"}, {288: "one"}]
    step._chosen_sites = {}

    assert [step._in(room) for room in (32, 64, 288)] == [
        ["near", "one"],
        ["near", "one"],
        ["far", "one"],
    ]
    assert Buckets(kernels={64: None}).kernels == {64: None}
