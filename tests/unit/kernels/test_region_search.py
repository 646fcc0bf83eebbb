"""Of the kernels that pass the fastest is frozen, beyond noise; and what is frozen is compiled."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench import regions
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.kernels import latency
from pytest_compiledai.kernels.choosing import _drifted
from pytest_compiledai.kernels.contract import Contract
from pytest_compiledai.kernels.contract import Tensor
from pytest_compiledai.kernels.plan import read_plan
from pytest_compiledai.kernels.searching import Text
from pytest_compiledai.kernels.searching import Tried
from pytest_compiledai.kernels.searching import _beside
from pytest_compiledai.kernels.searching import fastest

TIMED = ("latency",)


def tried(name, **figures):
    text = Text(source=name, language="cpp", parameters={"variant": name})
    return Tried(
        text=text, verdicts={"latency": Verdict(gate="latency", figures=figures)}, cubins={}
    )


def timed(name, low, middle, high):
    return tried(name, **{"cpu.ratio_low": low, "cpu.ratio": middle, "cpu.ratio_high": high})


def test_the_fastest_is_taken_beyond_its_interval():
    """The order stands where intervals overlap; a later one has to be faster at its worst."""
    first, close = timed("first", 0.50, 0.55, 0.60), timed("close", 0.48, 0.52, 0.58)
    clear = timed("clear", 0.30, 0.35, 0.40)

    assert fastest([first, close], TIMED) is first
    assert fastest([first, close, clear], TIMED) is clear
    assert fastest([clear, first], TIMED) is clear
    assert fastest([], TIMED) is None


def test_modelled_times_are_compared_over_all_targets():
    """Of equal sums the first stands."""
    one = tried("one", **{"sm_80.modelled_us": 4.0, "sm_90.modelled_us": 3.0})
    same = tried("same", **{"sm_80.modelled_us": 3.0, "sm_90.modelled_us": 4.0})
    less = tried("less", **{"sm_80.modelled_us": 3.0, "sm_90.modelled_us": 3.0})

    assert fastest([one, same], TIMED) is one
    assert fastest([one, same, less], TIMED) is less


def test_what_was_refused_says_why():
    """The artifact keeps the parameters, the times and the rule of each that was tried."""
    kept = timed("kept", 0.1, 0.2, 0.3).as_json()

    assert (kept["refused"], kept["parameters"]) == ("", {"variant": "kept"})
    assert kept["figures"][""]["cpu.ratio"] == 0.2


@pytest.mark.parametrize(("high", "passes"), [(0.90, True), (0.99, False), (1.5, False)])
def test_a_kernel_has_to_beat_the_framework_beyond_its_interval(high, passes):
    """As fast as the framework, or perhaps so, is no reason to leave it."""
    figures = {"cpu.us": 50.0, "cpu.framework_us": 100.0, "cpu.ratio_high": high}
    verdict = Verdict(gate="latency", figures=figures)

    assert _beside(verdict, 0.02).passed is passes


def test_a_ratio_and_its_interval_come_from_turns():
    """Of fifteen turns the fourth and the twelfth; one slow turn moves neither."""
    contract = Contract(
        name="one",
        family="",
        dims={"N": 4},
        tensors=(Tensor(name="x", shape=("N",)),),
        reference=lambda tensors, _: tensors,
    )
    own = [100 + turn for turn in range(14)] + [90_000]
    figures = latency.judge_cpu(contract, "float32", own, [200] * 15).figures

    assert figures["cpu.ratio"] == 0.535
    assert (figures["cpu.ratio_low"], figures["cpu.ratio_high"]) == (0.515, 0.555)


def test_only_the_rows_of_a_cache_that_are_written_count_as_moved():
    """A bound on the time of a whole cache would refuse an honest write as faster than physics."""
    cache = Tensor(name="k", shape=("L", "D"), role="inout", moves="D")
    contract = Contract(
        name="write",
        family="",
        dims={"L": 1000, "D": 8},
        tensors=(cache,),
        reference=lambda tensors, _: tensors,
    )

    assert latency.traffic(contract, "float32") == 8 * 4


class Frozen:
    """A description with these compiled kernels."""

    def __init__(self, compiler, **cubins):
        self.held = compiler, cubins

    def compiled(self, name):
        """Return them."""
        assert name == "kernel.py"
        return self.held


def test_another_compiled_kernel_than_was_frozen_is_told():
    """The same compiler gives the same bytes; another one has to be frozen anew."""
    pytest.importorskip("triton", reason="the extra `kernels` is not installed")
    here, unit = metadata.version("triton"), SimpleNamespace(name="m.r")
    now = Tried(text=tried("k").text, verdicts={}, cubins={"sm_90/0": "a"})

    def told(candidate):
        return [fault.partition(";")[0] for fault in _drifted(unit, candidate, "kernel.py", now)]

    assert told(Frozen(here, **{"sm_90/0": "a"})) == []
    assert told(Frozen(here, **{"sm_90/0": "b"})) == [
        "found other compiled kernels than were frozen"
    ]
    assert told(Frozen("0.1", **{"sm_90/0": "a"})) == [f"found triton {here}"]
    assert told(Frozen("")) == [f"found triton {here}"]


def test_every_region_is_asked_in_every_dtype():
    """A region without a family, or without legal parameters, is counted and not left out."""
    pytest.importorskip("torch", reason="the extra `kernels` is not installed")
    folder = Path(__file__).parents[2] / "data" / "regions"
    plan = read_plan((folder / "qwen3.json").read_bytes())
    found = list(regions.asked_of("small", plan, regions.DTYPES))
    places = {(asked.region, asked.dtype) for asked in found}

    assert len(places) == 9 * 3
    assert all(asked.family for asked in found)
    assert {a.candidate.language for a in found if a.candidate} == {"triton", "cpp"}
