"""The latency gate over measurements given by a fake sandbox."""

from __future__ import annotations

import contextlib

import pytest

from pytest_compiledai.core.calls import Program
from pytest_compiledai.core.errors import SandboxError
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.place import Place
from pytest_compiledai.gates.latency import LatencySettings
from pytest_compiledai.gates.latency import judge


def place(*keys):
    return Place(path="x.yaml", line=3)


class FakeSession:
    """Answers ``measure`` with the rounds it was given; calls nothing."""

    def __init__(self, sandbox):
        self.sandbox = sandbox
        self.load_ns = 1_200_000_000

    def measure(self, inputs, *, rounds, warmup):
        self.sandbox.asked.append((len(inputs), rounds, warmup, self.sandbox.held))
        if self.sandbox.error:
            raise self.sandbox.error
        taken = self.sandbox.taken
        if rounds == 1:
            return [[taken[0][0]] * len(inputs)]
        return [[each[n % len(each)] for n in range(len(inputs))] for each in taken]

    def call(self, inputs):
        raise AssertionError("latency only measures")

    def close(self):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        pass


class FakeSandbox:
    """Implements what the gate uses of a sandbox; ``held`` says whether the lock is held."""

    name = "fake"

    def __init__(self, *taken, error=None):
        self.taken = taken
        self.error = error
        self.asked = []
        self.held = False

    def open(self, program, *, conditions=None, limits=None):
        return FakeSession(self)

    @contextlib.contextmanager
    def lock(self):
        self.held = True
        yield
        self.held = False


def judged(sandbox, *, inputs=(b"1", b"2"), reference=None, load_ms=None, **settings):
    return judge(
        sandbox=sandbox,
        program=Program(source=b"", function="f"),
        inputs=list(inputs),
        settings=LatencySettings(**settings),
        reference_seconds=reference,
        exclusive=sandbox.lock(),
        load_ms=load_ms,
    )


def test_the_best_of_three_rounds_counts():
    """A slow round is noise; figures are those of the best."""
    sandbox = FakeSandbox([9_000_000], [500_000], [800_000])
    found = judged(sandbox, p50_ms=1, p99_ms=1)

    assert found.passed
    quantiles = dict.fromkeys(("p10", "p25", "p50", "p75", "p90", "p99"), 0.5)
    assert found.figures == {"p50_ms": 0.5, "p99_ms": 0.5, "quantiles_ms": quantiles}


def test_measuring_happens_under_the_lock_after_a_warm_up():
    """Two hundred calls a round, three rounds, one warm-up, the lock held, then let go."""
    sandbox = FakeSandbox([1000], [1000], [1000])
    judged(sandbox)

    assert sandbox.asked == [(20, 1, 0, True), (200, 3, 1, True)]
    assert not sandbox.held


def test_a_slow_function_gets_fewer_calls():
    """At 20 ms a call, a round has fifty calls and takes a second."""
    sandbox = FakeSandbox([20_000_000], [20_000_000], [20_000_000])
    judged(sandbox)

    assert sandbox.asked[1][0] == 50


def test_over_budget_is_told_without_a_measured_number():
    """The finding names the budget; equal failures read alike."""
    found = judged(FakeSandbox([2_123_456], [2_123_456], [2_123_456]), p50_ms=1, p99_ms=5)

    assert [(item.rule, item.message) for item in found.findings] == [
        ("latency.p50", "found p50 of a call above the budget; expected at most 1 ms of CPU")
    ]
    assert found.figures["p50_ms"] == 2.123


@pytest.mark.parametrize(("load_ms", "rules"), [(1_000, ["latency.load"]), (1_500, []), (None, [])])
def test_work_may_not_move_into_loading(load_ms, rules):
    """A module that takes longer to load than it may fails, however quick its calls are."""
    found = judged(FakeSandbox([1000], [1000], [1000]), load_ms=load_ms)

    assert [item.rule for item in found.findings] == rules


def test_a_few_slow_calls_show_in_p99():
    """Three calls of a hundred are beyond p99, the median is not."""
    slow = [100_000] * 97 + [9_000_000] * 3
    found = judged(FakeSandbox(slow, slow, slow))

    assert [item.rule for item in found.findings] == ["latency.p99"]


def test_a_speedup_needs_measured_seconds():
    """Without the reference's seconds there is no speed-up."""
    rounds = ([500_000],) * 3

    assert judged(FakeSandbox(*rounds), reference=1.0).figures["speedup"] == 2000.0
    assert "speedup" not in judged(FakeSandbox(*rounds)).figures


def test_what_cannot_be_measured_fails():
    """An error of the sandbox is a finding, never a pass."""
    error = SandboxError(where="native", found="a dead worker", expected="an end")
    found = judged(FakeSandbox(error=error))

    assert [item.rule for item in found.findings] == ["latency.unmeasured"]
    assert "a dead worker" in found.findings[0].message


def test_no_input_fails():
    """Nothing to measure is a failure."""
    assert [item.rule for item in judged(FakeSandbox(), inputs=()).findings] == ["latency.rows"]


@pytest.mark.parametrize(
    ("block", "found"),
    [
        ({"p95_ms": 1}, "p95_ms"),
        ({"p50_ms": 0}, "0"),
        ({"p50_ms": "1 ms"}, "1 ms"),
        ({"p50_ms": float("inf")}, "inf"),
        ({"p50_ms": 3, "p99_ms": 2}, "p99_ms: 2 below p50_ms: 3"),
    ],
)
def test_a_budget_that_is_not_understood_is_refused(block, found):
    """Unknown keys and budgets that make no sense are errors."""
    with pytest.raises(SpecError) as caught:
        LatencySettings.parse(block, place)

    assert found in caught.value.found


def test_omitted_budgets_take_the_defaults():
    """One and five milliseconds; a larger p50 lifts an omitted p99."""
    assert LatencySettings.parse({}, place) == LatencySettings(p50_ms=1, p99_ms=5)
    assert LatencySettings.parse({"p50_ms": 8}, place) == LatencySettings(p50_ms=8, p99_ms=8)


class DisturbedSandbox(FakeSandbox):
    """A sandbox whose first measurements are not believable."""

    def __init__(self, *taken, disturbed):
        super().__init__(*taken)
        self.left = disturbed

    def open(self, program, *, conditions=None, limits=None):
        self.left -= 1
        found = SandboxError(where="native", found="a clock that lies", expected="none")
        self.error = found if self.left >= 0 else None
        return super().open(program, conditions=conditions, limits=limits)


def test_a_measurement_that_is_not_believable_is_repeated():
    """Other processes can disturb one measurement; a fresh worker then shows the truth."""
    found = judged(DisturbedSandbox([1_000], [1_000], [1_000], disturbed=2))

    assert found.passed


def test_a_clock_that_always_lies_fails():
    """What is unbelievable every time is a failure."""
    found = judged(DisturbedSandbox([1_000], [1_000], [1_000], disturbed=3))

    assert [item.rule for item in found.findings] == ["latency.unmeasured"]
