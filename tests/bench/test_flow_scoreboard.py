"""A short form of the scoreboard: the figures it prints hold in small."""

from __future__ import annotations

import types

import pytest

np = pytest.importorskip("numpy", reason="the extra `workflows` is not installed")

from bench import flow_beside  # noqa: E402
from bench import flow_chains  # noqa: E402
from bench import flow_published  # noqa: E402
from bench import flow_score  # noqa: E402
from bench import flow_spaces  # noqa: E402
from bench import flow_speed  # noqa: E402
from bench import flow_targets  # noqa: E402
from bench import flow_truth  # noqa: E402
from bench import workflows  # noqa: E402

needs_answers = pytest.mark.skipif(
    not flow_spaces.available(), reason="no shared/data/flow beside the checkout"
)


def test_the_published_formula_is_that_of_means():
    """Two branches of a half each are three quarters, whatever their errors have in common."""
    assert flow_published.any_right(np.array([[0.5, 0.5]])) == pytest.approx([0.75])


def test_an_independent_majority_of_three():
    """Three voters of 0.6 each are right together with 0.648."""
    assert flow_published.majority(np.array([[0.6, 0.6, 0.6]])) == pytest.approx([0.648])


def test_the_published_space_has_its_size():
    """4.9 thousand million configurations, and 75 to the sixth with a setting a slot."""
    sizes = [
        flow_speed.configurations(step)
        for step in (flow_speed.published_space(), flow_speed.slots_space())
    ]

    assert [4_905_568_125, 75**6] == sizes


def test_a_perfect_prediction_has_no_error():
    """A prediction that is the truth has error 0, order 1, no regret and the whole front."""
    rng = np.random.default_rng(0)
    truth, seconds = rng.random(50), rng.random(50) + 0.1

    found = flow_score.score(truth, seconds, truth, seconds)

    assert (0, 1, 1, 0) == pytest.approx(
        (found["mae"], found["spearman"], found["hypervolume"], found["regret"])
    )


@pytest.mark.parametrize("k", [3, 5])
def test_two_samples_say_more_than_means(k):
    """In each family of worlds the moments are nearer to the truth than the formula of means."""
    found = flow_truth.any_of(k, 2, 12, 400)

    assert all(row["per query"] < row["published"] / 2 for row in found.values()), found
    assert all(row["no less"] <= row["open"] for row in found.values()), found
    assert min(row["held"] for row in found.values()) >= 80


def test_lower_bounds_miss_fewer_targets():
    """The fastest configuration by its lower bound misses fewer targets than by its mean."""
    found = flow_truth.missed(2, queries=850, samples=2, settings=14, triples=200)

    missed = [found[m]["missed"] for m in ("published", "per query", "lower bound, 90%")]
    assert missed == sorted(missed, reverse=True)
    assert missed[-1] < 10


@pytest.fixture
def table(tmp_path):
    """A table of three settings with measured seconds, whose errors go together."""
    rng = np.random.default_rng(0)
    hard = rng.random(400)
    lines = ["setting,query,score,seconds"]
    for setting, skill, pace in (("s", 0.9, 1.0), ("m", 1.2, 3.0), ("l", 1.4, 9.0)):
        right = rng.random(400) < np.clip(skill - hard, 0, 1)
        lines += [f"{setting},q{n},{int(right[n])},{pace * (1 + hard[n])}" for n in range(400)]
    path = tmp_path / "table.csv"
    path.write_text("\n".join([*lines, "half,q1,1,1.0"]) + "\n", encoding="utf-8")
    return path


def test_a_table_of_measured_seconds_is_read_by_its_path(table):
    """Settings without every query are left out; tries are nearer to the truth per query."""
    of = flow_chains.read(table)
    found = flow_chains.one_split(of, 0)

    assert (3, 400) == of.right.shape
    assert found["per query"]["mae"] < found["published"]["mae"] / 2
    assert found["per query"]["seconds off"] < found["published"]["seconds off"]


def test_a_table_without_seconds_is_refused(tmp_path):
    """The error names the column."""
    path = tmp_path / "t.csv"
    path.write_text("setting,query,score\ns,q,1\n", encoding="utf-8")

    with pytest.raises(ValueError, match="seconds"):
        flow_chains.read(path)


#: What the bench asks of a checkout, by the published semantics of one structure.
OWN_CODE = """
class Frame(dict):
    def __getitem__(self, names):
        return self if isinstance(names, list) else dict.__getitem__(self, names)
    def to_numpy(self, dtype):
        import numpy as np
        return np.stack([self["workflow_latency"], self["workflow_accuracy"]], axis=1)

class Math:
    def enumerate_structures(self):
        return [{"total_branches": 2}, {"total_branches": 1}]
    def backward(self, payload):
        import numpy as np
        a, b = (payload["metrics"][n] for n in ("detailed_solver", "sc_ensemble"))
        lat = np.add.outer(np.asarray(a["latency"]), np.asarray(b["latency"])).ravel()
        acc = np.multiply.outer(np.asarray(a["accuracy"]), np.asarray(b["accuracy"])).ravel()
        return Frame(workflow_latency=lat, workflow_accuracy=acc)

def get_workflow_module(name):
    return Math()
"""


def test_a_checkout_of_the_published_code_runs_beside_ours(tmp_path, monkeypatch):
    """Each structure of two branches is enumerated by the checkout's code, its front kept."""
    for folder in ("flowcompile", "flowcompile/workflows"):
        (tmp_path / "src" / folder).mkdir(parents=True)
        (tmp_path / "src" / folder / "__init__.py").write_text("")
    (tmp_path / "src" / "flowcompile" / "workflows" / "dsl_registry.py").write_text(OWN_CODE)
    monkeypatch.setattr(flow_beside.sys, "path", list(flow_beside.sys.path))
    monkeypatch.setitem(flow_beside.sys.modules, "pandas", types.SimpleNamespace(DataFrame=dict))

    front, count, _ = flow_beside.theirs(tmp_path, flow_beside.some_means())

    assert 13 * 13 == count
    assert (np.diff(front, axis=0) > 0).all()


@needs_answers
def test_votes_of_stored_answers_are_predicted_within_the_issues_bound():
    """On the hardest questions a vote of five is 3 points off at most, the formula ten times."""
    found = workflows.one_split(flow_spaces.answers("math-l5"), "5-vote", 0)

    assert found["per query"]["mae"] <= 3 < found["published"]["mae"] / 5
    assert found["per query"]["spearman"] >= 0.95


def test_a_figure_beyond_its_bound_is_short():
    """The last table says of each figure whether it keeps its bound, in the right direction."""
    rows = {"a": {"calls": 32.0, "same": 90.0}, "b": {"calls": 20.0, "same": 100.0}}
    reached = flow_targets.targets({"racing": {"racing against the full grid, percent": rows}})

    assert [True, False] == [target.reached for target in reached]
    assert "90.000     >= 95  short" in flow_targets.shown(reached)
