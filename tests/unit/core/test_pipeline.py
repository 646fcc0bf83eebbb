"""The loop: propose, judge, repair, choose, accept."""

from __future__ import annotations

import itertools

from pytest_compiledai.core.candidate import Candidate
from pytest_compiledai.core.errors import RecordingMissing
from pytest_compiledai.core.gate import Phase
from pytest_compiledai.core.kind import Composed
from pytest_compiledai.core.pipeline import Loop
from pytest_compiledai.core.pipeline import run_loop
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.core.verdict import Verdict

GATES = ("security", "syntax", "accuracy")


def candidate(name: str, attempt: int = 1) -> Candidate:
    return Candidate(files={"x.py": name.encode()}, proposer="m", attempt=attempt, reply=name)


def named(value: Candidate) -> str:
    return value.files["x.py"].decode()


def verdict(gate: str, *, passed: bool, rank: float = 0.0) -> Verdict:
    findings = () if passed else (Finding(rule=f"{gate}.x", message="no"),)
    return Verdict(gate=gate, findings=findings, figures={"rank": rank})


class World:
    """Proposals by (sample, turn), failures by (candidate, gate, phase), and a diary."""

    def __init__(self, proposals, failures=(), *, attempts=3, chains=1, replayed=True, ranks=None):
        self.proposals = proposals
        self.failures = set(failures)
        self.ranks = ranks or {}
        self.asked: list[tuple[str, str, str]] = []
        self.loop = Loop(
            gates=GATES,
            reopened=("accuracy",),
            attempts=attempts,
            chains=chains,
            propose=self.propose,
            judge=self.judge,
            rank=lambda verdicts: verdicts[-1].figures["rank"],
            expired=lambda: False,
            samples=lambda: iter(range(4)),
            replayed=lambda: replayed,
        )

    def propose(self, history, sample):
        turn = sum(bool(judged.candidate.reply) for judged in history)
        try:
            return candidate(self.proposals[sample, turn], turn + 1)
        except KeyError:
            raise RecordingMissing(where="x", found="nothing", expected="a recording") from None

    def judge(self, gate, value, phase):
        name = named(value)
        self.asked.append((name, gate, str(phase)))
        failed = (name, gate) in self.failures or (name, gate, phase) in self.failures
        return verdict(gate, passed=not failed, rank=self.ranks.get(name, 0.0))


def test_first_candidate_that_passes_is_accepted():
    """A candidate that passes every gate ends the loop."""
    world = World({(0, 0): "a"})

    ending = run_loop(world.loop)

    assert ending.accepted
    assert named(ending.chosen.candidate) == "a"
    assert ending.proposals == 1


def test_later_gates_are_not_asked_after_a_failure():
    """A candidate that failed security is never handed to another gate."""
    world = World({(0, 0): "a"}, {("a", "security")}, attempts=1)

    run_loop(world.loop)

    assert [gate for _, gate, _ in world.asked] == ["security"]


def test_findings_lead_to_a_repair_within_the_same_chain():
    """A rejected proposal is followed by a repair with the history so far."""
    world = World({(0, 0): "a", (0, 1): "b"}, {("a", "syntax")})

    ending = run_loop(world.loop)

    assert ending.accepted
    assert named(ending.chosen.candidate) == "b"
    assert ending.chosen.candidate.attempt == 2


def test_attempts_bound_a_chain():
    """No more proposals are made than allowed."""
    world = World({(0, n): f"c{n}" for n in range(9)}, {(f"c{n}", "syntax") for n in range(9)})

    ending = run_loop(world.loop)

    assert not ending.accepted
    assert ending.proposals == 3
    assert isinstance(ending.stopped, RecordingMissing)


def test_the_candidate_that_got_furthest_is_reported():
    """Of rejected candidates the one with the most passed gates is chosen."""
    world = World({(0, 0): "a", (0, 1): "b"}, {("a", "accuracy"), ("b", "security")}, attempts=2)

    ending = run_loop(world.loop)

    assert named(ending.chosen.candidate) == "a"


def test_test_rows_are_opened_once_and_only_for_the_chosen():
    """Of a pool only the best candidate is asked in the accept phase, and once."""
    world = World({(0, 0): "a", (1, 0): "b"}, chains=2, ranks={"a": 0.5, "b": 0.9})

    ending = run_loop(world.loop)

    accepted = [entry for entry in world.asked if entry[2] == Phase.ACCEPT]
    assert accepted == [("b", "accuracy", "accept")]
    assert named(ending.chosen.candidate) == "b"


def test_a_failure_on_test_rows_ends_a_live_loop():
    """Nothing learns from the test rows: no repair and no further chain after they were opened."""
    failures = {("a", "accuracy", Phase.ACCEPT)}
    world = World({(0, 0): "a", (1, 0): "b"}, failures, replayed=False)

    ending = run_loop(world.loop)

    assert not ending.accepted
    assert named(ending.chosen.candidate) == "a"
    assert not ending.chosen.passed


def test_no_more_chains_ask_a_model_than_the_pool_has():
    """A live loop whose every candidate fails ends with the pool: no chain takes its place."""
    failures = {(f"c{n}", "syntax") for n in range(9)}
    proposals = {(sample, turn): f"c{2 * sample + turn}" for sample in range(4) for turn in (0, 1)}
    world = World(proposals, failures, attempts=2, chains=2, replayed=False)

    ending = run_loop(world.loop)

    assert not ending.accepted
    assert ending.proposals == 4


def test_of_a_live_pool_the_chains_that_passed_are_enough():
    """A pool in which one chain failed is chosen from as it is."""
    world = World(
        {(0, 0): "a", (1, 0): "b", (2, 0): "c"},
        {("a", "syntax")},
        attempts=1,
        chains=2,
        replayed=False,
        ranks={"c": 1.0},
    )

    ending = run_loop(world.loop)

    assert named(ending.chosen.candidate) == "b"
    assert ending.proposals == 2


def test_a_rejected_replay_goes_on_with_a_fresh_chain():
    """A pool that was only replayed gives way to the next sample numbers."""
    world = World({(0, 0): "a", (1, 0): "b"}, {("a", "accuracy", Phase.ACCEPT)})

    ending = run_loop(world.loop)

    assert ending.accepted
    assert named(ending.chosen.candidate) == "b"


def test_a_frozen_artifact_is_judged_before_anything_is_proposed():
    """A stale artifact that passes every gate is accepted without a proposal."""
    world = World({})

    ending = run_loop(world.loop, candidate("old"))

    assert ending.accepted
    assert ending.proposals == 0


def test_repair_starts_from_a_stale_artifact_once():
    """A stale artifact that fails is repaired, and judged only in the first chain."""
    old = Candidate(files={"x.py": b"old"}, proposer="m", attempt=1)
    world = World({(0, 0): "a"}, {("old", "syntax")})

    ending = run_loop(world.loop, old)

    assert named(ending.chosen.candidate) == "a"
    assert [name for name, gate, _ in world.asked if gate == "security"].count("old") == 1


def test_nothing_at_hand_chooses_nothing():
    """Without a recording or a model there is nothing to judge, and the reason is kept."""
    ending = run_loop(World({}).loop)

    assert ending.chosen is None
    assert isinstance(ending.stopped, RecordingMissing)


def test_a_loop_stops_when_its_time_is_spent():
    """An expired unit makes no further proposal."""
    ticks = itertools.count()
    world = World({(0, n): f"c{n}" for n in range(9)}, {(f"c{n}", "syntax") for n in range(9)})
    loop = Loop(
        **{
            **{name: getattr(world.loop, name) for name in Loop.__slots__},
            "attempts": 9,
            "expired": lambda: next(ticks) >= 1,
        }
    )

    ending = run_loop(loop)

    assert ending.proposals == 2


class Pool(World):
    """A world whose loop composes: `x+y` of the candidates judged so far."""

    def __init__(self, *args, must_gain=True, **options):
        super().__init__(*args, **options)
        self.proposed: list[str] = []
        self.must_gain = must_gain
        facts = {name: getattr(self.loop, name) for name in Loop.__slots__}
        self.loop = Loop(**{**facts, "compose": self.compose})

    def propose(self, history, sample):
        made = super().propose(history, sample)
        self.proposed.append(named(made))
        return made

    def compose(self, pool):
        name = "+".join(named(judged.candidate) for judged in pool)
        yield Composed(candidate=candidate(name), must_gain=self.must_gain)


def test_what_is_composed_spares_the_repairs():
    """Every chain begins, then the composed candidate is judged; it passes, and nobody is asked."""
    failures = {("a", "accuracy"), ("b", "accuracy")}
    world = Pool({(0, 0): "a", (1, 0): "b"}, failures, chains=2, ranks={"a+b": 1.0})

    ending = run_loop(world.loop)

    assert ending.accepted
    assert "a+b" == named(ending.chosen.candidate)
    assert ["a", "b"] == world.proposed
    assert 2 == ending.proposals


def test_what_is_composed_goes_through_every_gate():
    """It is a candidate like any other, asked again in the accept phase."""
    failures = {("a", "accuracy"), ("b", "accuracy")}
    world = Pool({(0, 0): "a", (1, 0): "b"}, failures, chains=2, ranks={"a+b": 1.0})

    run_loop(world.loop)

    asked = [(gate, phase) for name, gate, phase in world.asked if name == "a+b"]
    assert [*((gate, "select") for gate in GATES), ("accuracy", "accept")] == asked


def test_a_composed_candidate_that_fails_leads_to_repairs():
    """Chains go on from their first proposal, which is not asked for twice."""
    failures = {("a", "accuracy"), ("b", "accuracy"), ("a+b", "syntax")}
    world = Pool(
        {(0, 0): "a", (0, 1): "c", (1, 0): "b", (1, 1): "d"}, failures, chains=2, attempts=2
    )

    ending = run_loop(world.loop)

    assert ["a", "b", "c", "d"] == world.proposed
    assert ending.accepted
    assert 4 == ending.proposals


def test_a_composed_candidate_that_gains_nothing_is_not_taken():
    """It must rank above each of the pool; those stay that were proposed."""
    world = Pool({(0, 0): "a", (1, 0): "b"}, chains=2, ranks={"a": 0.9, "b": 0.5, "a+b": 0.9})

    assert "a" == named(run_loop(world.loop).chosen.candidate)


def test_agreement_is_taken_where_it_is_no_worse():
    """A candidate that need not gain is taken at an equal rank."""
    ranks = {"a": 0.9, "b": 0.5, "a+b": 0.9}
    world = Pool({(0, 0): "a", (1, 0): "b"}, chains=2, ranks=ranks, must_gain=False)

    assert "a+b" == named(run_loop(world.loop).chosen.candidate)


def test_a_live_composed_candidate_that_fails_on_test_rows_ends_the_loop():
    """Nothing learns from the test rows: no repair follows."""
    failures = {("a", "accuracy"), ("b", "accuracy"), ("a+b", "accuracy", Phase.ACCEPT)}
    world = Pool(
        {(0, 0): "a", (1, 0): "b", (0, 1): "c"},
        *(failures,),
        chains=2,
        replayed=False,
        ranks={"a+b": 1.0},
    )

    ending = run_loop(world.loop)

    assert not ending.accepted
    assert ["a", "b"] == world.proposed
    assert "a+b" == named(ending.chosen.candidate)


def test_a_stale_artifact_is_judged_before_a_pool_begins():
    """Composing does not propose where what is frozen passes."""
    world = Pool({(0, 0): "a", (1, 0): "b"}, chains=2)

    ending = run_loop(world.loop, candidate("old"))

    assert ending.accepted
    assert [] == world.proposed


def test_a_repair_that_cannot_be_had_does_not_cost_the_chain_that_passed():
    """Of a pool that begins together, what passed at once is chosen from, whatever else stops."""
    world = Pool({(0, 0): "a", (1, 0): "b"}, {("a", "syntax"), ("a+b", "syntax")}, chains=2)

    ending = run_loop(world.loop)

    assert ending.accepted
    assert "b" == named(ending.chosen.candidate)


def test_sample_numbers_are_drawn_once():
    """Which numbers are fresh changes with every answer, so a chain that began goes on as it did."""
    failures = {("a", "syntax"), ("b", "syntax"), ("a+b", "syntax")}
    world = Pool({(0, 0): "a", (0, 1): "c", (1, 0): "b", (1, 1): "d"}, failures, chains=2)
    drawn = itertools.count()
    facts = {name: getattr(world.loop, name) for name in Loop.__slots__}

    run_loop(Loop(**{**facts, "samples": lambda: iter(range(4 * next(drawn), 4))}))

    assert ["a", "b", "c", "d"] == world.proposed
