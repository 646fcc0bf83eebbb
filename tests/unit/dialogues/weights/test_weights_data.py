"""Data for weights: walks, hold-out, wording, branch consistency."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from pytest_compiledai.core.gate import Phase
from pytest_compiledai.dialogues import machine
from pytest_compiledai.dialogues.spec import DialogueSpec
from pytest_compiledai.dialogues.weights.consistency import LEAST
from pytest_compiledai.dialogues.weights.consistency import consistency
from pytest_compiledai.dialogues.weights.examples import Example
from pytest_compiledai.dialogues.weights.examples import _bare
from pytest_compiledai.dialogues.weights.examples import examples
from pytest_compiledai.dialogues.weights.paths import Bounds
from pytest_compiledai.dialogues.weights.paths import coverage
from pytest_compiledai.dialogues.weights.paths import split
from pytest_compiledai.dialogues.weights.paths import walks
from pytest_compiledai.dialogues.weights.questions import Questions
from pytest_compiledai.dialogues.weights.questions import _insisting
from pytest_compiledai.dialogues.weights.settings import settings_of
from pytest_compiledai.dialogues.weights.wording import CARRIERS
from pytest_compiledai.dialogues.weights.wording import TRAIN
from pytest_compiledai.dialogues.weights.wording import Style
from pytest_compiledai.dialogues.weights.wording import draw
from pytest_compiledai.dialogues.weights.wording import hollow
from pytest_compiledai.dialogues.weights.wording import nothing


@pytest.fixture(scope="module")
def data(parcel: DialogueSpec) -> list[Example]:
    """Turns of the flow with a loop."""
    paths = split(walks(parcel.flow, Bounds()).paths).train
    return list(examples(parcel.flow, paths, 1200, seed=0))


def test_walks_are_listed_up_to_their_bounds(parcel: DialogueSpec) -> None:
    """No walk visits a node more often than the bound says, and none is listed twice."""
    found = walks(parcel.flow, Bounds(visits=2))

    assert found.complete
    assert len({path.key for path in found.paths}) == len(found.paths) > 5
    assert all(path.nodes.count(node) <= 2 for path in found.paths for node in path.nodes)


def test_more_walks_than_the_bound_are_drawn(parcel: DialogueSpec) -> None:
    """Where there are more walks than the bound, distinct drawn ones cover every edge."""
    found = walks(parcel.flow, Bounds(visits=4, most=12))

    assert not found.complete
    assert len(found.paths) == 12
    assert not coverage(parcel.flow, _trips(found.paths)).missing


def test_guards_lead_walks_both_ways(table: DialogueSpec) -> None:
    """A guard that looks at a value sends walks of equal words to different ends."""
    ends = {path.end for path in walks(table.flow, Bounds()).paths}

    assert ends == {"done", "human", "bye"}


def test_a_walk_is_held_out_by_its_digest_alone(parcel: DialogueSpec) -> None:
    """The same walks are held out in any order, none of them is trained on, and no edge is lost."""
    paths = walks(parcel.flow, Bounds(visits=4)).paths

    one, other = split(paths), split(paths[::-1])

    assert {p.key for p in one.held_out} == {p.key for p in other.held_out}
    assert one.held_out
    assert not {p.key for p in one.held_out} & {p.key for p in one.train}
    assert not coverage(parcel.flow, _trips(one.train)).missing


def test_coverage_names_what_is_missing(parcel: DialogueSpec) -> None:
    """An edge that no conversation takes is named."""
    paths = walks(parcel.flow, Bounds(visits=4)).paths
    without = [p for p in paths if "lost" not in {step.said.intent for step in p.steps}]

    assert coverage(parcel.flow, _trips(without)).missing == ("ask --lost-->",)


def test_data_is_the_same_again(parcel: DialogueSpec, data: list[Example]) -> None:
    """Equal flows and seeds give equal turns; another seed gives others."""
    paths = split(walks(parcel.flow, Bounds()).paths).train

    assert data == list(examples(parcel.flow, paths, 1200, seed=0))
    assert data != list(examples(parcel.flow, paths, 1200, seed=1))


def test_seldom_edges_are_not_seldom_in_the_data(data: list[Example]) -> None:
    """The rarest edge comes up at least a fifth as often as the commonest."""
    taken = Counter((e.node, e.intent) for e in data if e.intent)

    assert min(taken.values()) * 5 > max(taken.values())


def test_words_that_mean_nothing_at_their_node_are_no_example_there(
    parcel: DialogueSpec, data: list[Example]
) -> None:
    """Turns without an action never say, alone, what an intent of their node says."""
    unsure = [e for e in data if e.node and not e.after]
    legal = {
        node.name: {
            text for edge in node.edges for text in parcel.flow.intents[edge.intent].examples
        }
        for node in parcel.flow.asking
    }

    assert 0.1 < len(unsure) / len(data) < 0.2
    assert not [e for e in unsure if any(e.user == text for text in legal[e.node])]


def test_words_that_mean_nothing_stand_between_carriers_too(parcel: DialogueSpec) -> None:
    """A carrier round them must not tell that an example is among them."""
    rng = random.Random(0)
    carriers = tuple(after for after in CARRIERS["train"][1] if after)

    said = [nothing(parcel.flow, rng) for _ in range(300)]

    assert 0.5 < sum(text.endswith(carriers) for text in said) / len(said) < 0.9


def test_an_example_without_its_telling_words_means_nothing(parcel: DialogueSpec) -> None:
    """`i` and `it` are said for several intents: what is left with them is a frame."""
    frames = dict(_bare(parcel.flow, "greet"))
    rng = random.Random(0)

    said = hollow(parcel.flow, "i have to go", frames["i have to go"], rng)

    assert {"have", "go"} <= frames["i have to go"]
    assert not {"i", "to"} & frames["i have to go"]
    assert {"i", "to"} <= set(said.split())
    assert not {"have", "go"} & set(said.split())


def test_a_frame_that_is_an_example_itself_means_that(
    read: Callable[[str], DialogueSpec], parcel_text: str
) -> None:
    """`i do` is said by who agrees, so `yes i do` without `yes` still means it."""
    text = parcel_text.replace("[never mind,", "[i do not,").replace(
        "complain: {examples: [", "complain: {examples: [yes i do, i do, "
    )

    frames = dict(_bare(read(text).flow, "greet"))

    assert "yes i do" not in frames
    assert "i do" not in frames


def test_loose_words_come_up_as_often_as_examples_have_them(parcel: DialogueSpec) -> None:
    """What many examples hold tells least, and noise has it most."""
    counts = Counter(parcel.flow.often)

    assert counts["i"] == 4
    assert counts["slip"] == 1
    assert set(counts) == set(parcel.flow.loose)


def test_turns_know_which_slots_are_filled(table: DialogueSpec) -> None:
    """The state before a turn tells the slots that guards look at, and what follows obeys it."""
    paths = walks(table.flow, Bounds()).paths
    told = [e for e in examples(table.flow, paths, 300, seed=0) if e.intent]

    assert {e.has for e in told if e.node == "ask_city"} <= {(), ("party",)}
    assert {e.has for e in told if e.node == "ask_party"} == {("city",)}
    assert {e.after for e in told if e.intent == "give_party"} == {"done", "human"}
    assert {e.action for e in told if e.intent == "give_party"} == {"ask_city"}  # one for its edge


def test_every_user_turn_takes_its_edge(table: DialogueSpec) -> None:
    """Conversations replayed by the state machine visit exactly the nodes they say."""
    paths = walks(table.flow, Bounds()).paths
    for path in paths:
        state, _ = machine.start(table.flow)
        for step in path.steps:
            assert state.node == step.node
            state, _ = machine.step(table.flow, state, step.said.intent, step.said.values)
        assert state.node == path.end


def test_carriers_of_the_test_are_in_no_other_data() -> None:
    """No carrier phrase is shared by training, threshold and test."""
    parts = [{c for both in CARRIERS[name] for c in both} - {""} for name in CARRIERS]

    assert sum(map(len, parts)) == len(set().union(*parts))


def test_held_out_wording_is_never_drawn_for_data(parcel: DialogueSpec) -> None:
    """The style of data draws examples only, the style of the test held-out wording only."""
    intent = parcel.flow.intents["lost"]
    rng = random.Random(0)

    drawn = {draw(parcel.flow, "lost", rng, Style()).text for _ in range(50)}
    held_out = {draw(parcel.flow, "lost", rng, Style(held_out=True)).text for _ in range(50)}

    assert drawn == set(intent.examples)
    assert held_out == set(intent.holdout)


def test_some_invented_words_have_a_part_of_a_word_of_the_flow(parcel: DialogueSpec) -> None:
    """Words that mean nothing begin as `complain` does, so that such a part tells nothing."""
    rng = random.Random(0)
    said = {word.strip(",?") for _ in range(400) for word in nothing(parcel.flow, rng).split()}

    like = {word for word in said - parcel.flow.words if word.startswith(("comp", "dama", "numb"))}

    assert len(like) > 5
    assert not any(abs(len(word) - 8) <= 1 and word.startswith("compla") for word in like)


def test_typing_errors_spare_slot_values(parcel: DialogueSpec) -> None:
    """However users mistype, the value that an utterance states is in it."""
    rng = random.Random(0)
    for _ in range(200):
        said = draw(parcel.flow, "number", rng, replace(TRAIN, typos=1.0))
        assert str(said.values["parcel"]) in said.text


def test_words_of_users_who_know_their_edge_tell_it(data: list[Example]) -> None:
    """Grammar data lets a small classifier find the branch."""
    assert consistency(data).interval.low > LEAST


def test_words_of_users_who_do_not_know_their_edge_are_rejected(data: list[Example]) -> None:
    """Data in which users speak without being told their edge stays far below the bar."""
    rng = random.Random(0)
    heard: dict[str, list[str]] = {}
    for turn in data:
        heard.setdefault(turn.node, []).append(turn.user)
    blind = [replace(turn, user=rng.choice(heard[turn.node])) for turn in data]

    assert consistency(blind).interval.high < 0.7


def _trips(paths: object) -> list[list[tuple[str, str]]]:
    return [
        [*((step.node, step.said.intent) for step in path.steps), (path.end, "")]
        for path in paths  # type: ignore[attr-defined]
    ]


def test_values_of_examples_do_not_stand_out_in_the_data(
    read: Callable[[str], DialogueSpec], parcel_text: str
) -> None:
    """Where a value of like shape does not fit the pattern another is drawn: else it is learned."""
    flow = read(parcel_text.replace("[0-9]{4}", "[1-9][0-9]{3}")).flow
    rng = random.Random(1)

    said = [draw(flow, "number", rng, TRAIN).values["parcel"] for _ in range(400)]

    assert sum(value in ("1234", "8812", "4077") for value in said) < 8


def test_a_user_who_is_not_understood_says_the_same_otherwise(parcel: DialogueSpec) -> None:
    """On a walk to an end, other examples stand behind what is said, with the same values."""
    asked = Questions(spec=parcel, settings=settings_of(parcel), phase=Phase.ACCEPT)
    (talk,) = (talk for talk in asked.walks if talk[-1].node == "person")

    for turn, texts in zip(talk, _insisting(parcel.flow, talk), strict=False):
        assert texts[0] == turn.user
        assert len(set(texts)) == 3
        assert all(str(value) in text for _, value in turn.values for text in texts)
