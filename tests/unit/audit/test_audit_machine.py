"""The state machine behind conversations is mined, and said to be closed only if it is."""

from __future__ import annotations

import random

from pytest_compiledai.audit.conversation import turn_of
from pytest_compiledai.audit.machine import mine

WORDS = [f"{a}{b}" for a in ("ka", "lo", "mi", "ru") for b in ("ban", "der", "fis", "gor", "hul")]


def conversations(make, count=120):
    """Return conversations under hashed keys."""
    rng = random.Random(11)
    return {rng.randrange(2**63): make(rng) for _ in range(count)}


def turn(heard, said, tool=""):
    """Return a turn."""
    return turn_of(heard, said, (tool,) if tool else ())


def booking(rng):
    """Ask for the city, then look it up or say goodbye, as the caller wants."""
    city = rng.choice(WORDS)
    wants = rng.random() < 0.5
    first = rng.choice(
        ("Which city do you want to travel to?", "Sure! Which city do you want to go to?")
    )
    turns = [turn("hello there", first), turn(city, f"Shall I book the trip to {city} right now?")]
    if wants:
        return [
            *turns,
            turn("yes please", "{}", "book"),
            turn("ok", "It is booked, have a good trip."),
        ]
    return [*turns, turn("no thanks", "Very well, goodbye and call again.")]


def test_a_flow_is_mined():
    """States are acts in any wording, transitions depend on what was heard, all is explained."""
    machine = mine(conversations(booking))

    assert 5 == len(machine.states)
    assert "calls book" in machine.states
    assert machine.explained == machine.tested > 30
    assert machine.steps_right >= 0.98 * machine.steps


def test_two_wordings_in_one_place_are_one_state():
    """Answers that share few words but come after and before the same ones are one act."""
    wordings = ("Please tell me your full name now.", "May we have your full name today?")

    def talk(rng):
        done = turn("fine", "All done, the form has been sent off to you.")
        return [
            turn("hello", "Welcome to the registry, how are you?"),
            turn("hi", rng.choice(wordings)),
            done,
        ]

    assert 3 == len(mine(conversations(talk)).states)


def test_free_talk_is_not_closed():
    """Answers that share no wording are no states, and nothing is explained."""

    def talk(rng):
        return [
            turn(" ".join(rng.sample(WORDS, 3)), f"n{rng.randrange(10**6)} m{rng.randrange(10**6)}")
            for _ in range(4)
        ]

    machine = mine(conversations(talk))

    assert 0 == machine.explained


def test_a_closed_set_of_acts_in_any_order_does_not_follow():
    """Tools called in any order are closed, but the next one does not follow from what is heard."""

    def wander(rng):
        return [
            turn(rng.choice(WORDS), "{}", rng.choice(("find", "read", "list"))) for _ in range(5)
        ]

    machine = mine(conversations(wander))

    assert machine.explained == machine.tested
    assert machine.steps_right <= 0.6 * machine.steps
