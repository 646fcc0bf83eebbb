"""Sites whose truth is known: what a model is asked there, and what it answers.

Each family makes a site from a seed: its own labels, vocabularies, documents and rules. The truth
is how answers come about: `code` by a short computation, `weights` by the weight of many words or
by spans in free text, `machine` by a flow, `demos` in the manner of similar cases, `keep` freely.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench import audit_words as w

Ask = Callable[[], tuple[str, Any]]  # an input, and the answer of a model that makes no slip
Talk = Callable[[], list[tuple[str, str]]]  # what is heard and said, turn by turn


@dataclass(frozen=True, kw_only=True)
class Made:
    """A site of known truth."""

    truth: str
    family: str
    task: str  # a sentence for the prompt
    ask: Ask | None = None
    talk: Talk | None = None
    slips: float = 0.01  # answers that go wrong
    calls: tuple[int, int] = (90, 500)


def _labels(rng: random.Random, count: int) -> list[str]:
    return [
        f"{w.word(rng)}_{w.word(rng)}" if rng.random() < 0.4 else w.word(rng) for _ in range(count)
    ]


# code


def keyword_route(rng: random.Random) -> Made:
    words, queues = w.vocabulary(rng, 400), _labels(rng, rng.randint(3, 6))
    keys = {queue: [w.word(rng) + "ex" for _ in range(rng.randint(1, 3))] for queue in queues[:-1]}

    def ask() -> tuple[str, Any]:
        queue = rng.choice(queues)
        text = w.prose(rng, words, rng.randint(1, 3)).split()
        if queue in keys:
            text.insert(rng.randrange(len(text)), rng.choice(keys[queue]))
        return " ".join(text), {"queue": queue}

    return Made(
        truth="code", family="keyword_route", task="Choose the queue for the message.", ask=ask
    )


def record_rule(rng: random.Random) -> Made:
    plans, cut, words = _labels(rng, 4), rng.randint(20, 400), w.vocabulary(rng, 200)
    names = w.vocabulary(rng, 4)

    def ask() -> tuple[str, Any]:
        plan, amount = rng.choice(plans), rng.randint(1, 500)
        data = {
            names[0]: plan,
            names[1]: amount,
            names[2]: w.person(rng),
            names[3]: w.sentence(rng, words, 8),
        }
        level = "review" if amount > cut else "hold" if plan == plans[0] else "pass"
        return json.dumps(data), {"level": level, "fee": plan == plans[1]}

    return Made(truth="code", family="record_rule", task="Decide the level of the record.", ask=ask)


def labelled_document(rng: random.Random) -> Made:
    labels = [label.capitalize() for label in w.vocabulary(rng, 4)]
    keys, words = _labels(rng, 4), w.vocabulary(rng, 200)

    def ask() -> tuple[str, Any]:
        year, month, day = w.date(rng)
        values: list[Any] = [
            f"{w.word(rng).upper()[:2]}-{w.number(rng, 5)}",
            f"{year}-{month:02d}-{day:02d}",
        ]
        values += [rng.randint(100, 99999) / 100, w.person(rng)]
        lines = [f"{label}: {value}" for label, value in zip(labels, values, strict=True)]
        lines.insert(rng.randint(0, 4), w.sentence(rng, words, 7))
        return "\n".join(lines), dict(zip(keys, values, strict=True))

    return Made(
        truth="code",
        family="labelled_document",
        task="Extract the fields of the document.",
        ask=ask,
    )


def shape_extract(rng: random.Random) -> Made:
    words, lead = w.vocabulary(rng, 400), w.word(rng).upper()[:2]

    def ask() -> tuple[str, Any]:
        code = f"{lead}{w.number(rng, 4)}-{w.number(rng, 2)}"
        mail = f"{w.word(rng)}.{w.word(rng)}@{w.word(rng)}.com"
        text = (
            f"{w.prose(rng, words, 2)} {rng.choice(('My code is', 'Order', 'see', 'about'))} {code}"
        )
        text += (
            f" {w.sentence(rng, words, 6)} {rng.choice(('Write to', 'mail', 'Reach me at'))} {mail}"
        )
        return text, {"code": code, "mail": mail}

    return Made(
        truth="code",
        family="shape_extract",
        task="Find the order code and the mail address.",
        ask=ask,
    )


def arithmetic(rng: random.Random) -> Made:
    rate = rng.choice((5, 10, 19, 20))
    one, two = w.vocabulary(rng, 2)
    kind = rng.randrange(3)

    def ask() -> tuple[str, Any]:
        a, b = rng.randint(1, 60), rng.randint(100, 9999) / 100
        if kind == 0:
            return json.dumps({one: a, two: b}), {"total": round(a * b, 2)}
        if kind == 1:
            return f"{one}: {b}\n{two}: {w.person(rng)}", {
                "tax": round(b * rate / 100, 2),
                "who": "firm",
            }
        return json.dumps({one: b, two: a}), {"rest": round(b - a, 2), "short": b < a}

    return Made(truth="code", family="arithmetic", task="Compute the amounts.", ask=ask)


def letter(rng: random.Random) -> Made:
    words = w.vocabulary(rng, 60)
    lines = [w.sentence(rng, words, 8) for _ in range(3)]

    def ask() -> tuple[str, Any]:
        name, code, city = w.person(rng), w.number(rng, 6), rng.choice(w.CITIES)
        text = f"name: {name}\nparcel: {code}\ncity: {city}"
        return (
            text,
            f"Dear {name}, {lines[0]} Parcel {code} is on its way to {city}. {lines[1]} {lines[2]}",
        )

    return Made(truth="code", family="letter", task="Write the notice.", ask=ask)


def table(rng: random.Random) -> Made:
    inputs, codes = w.vocabulary(rng, rng.randint(12, 25)), _labels(rng, 8)
    answers = {text: rng.choice(codes) for text in inputs}

    def ask() -> tuple[str, Any]:
        text = w.zipf(rng, inputs)
        return text, answers[text]

    return Made(truth="code", family="table", task="Map the name to its code.", ask=ask)


def log_line(rng: random.Random) -> Made:
    services, words = w.vocabulary(rng, 6), w.vocabulary(rng, 200)

    def ask() -> tuple[str, Any]:
        level, service, ms = (
            rng.choice(("INFO", "WARN", "ERROR")),
            rng.choice(services),
            rng.randint(1, 9000),
        )
        day, minute = rng.randint(10, 28), rng.randint(10, 59)
        text = f"2025-0{rng.randint(1, 9)}-{day}T10:{minute}:00Z [{level}] {service}"
        text += f" took={ms}ms {w.sentence(rng, words, 6)}"
        return text, {"level": level.lower(), "service": service, "ms": ms}

    return Made(truth="code", family="log_line", task="Parse the log line.", ask=ask)


def tool_arguments(rng: random.Random) -> Made:
    name, one, two = w.word(rng), *w.vocabulary(rng, 2)
    words = w.vocabulary(rng, 200)

    def ask() -> tuple[str, Any]:
        city, count = rng.choice(w.CITIES), rng.randint(1, 40)
        verb = rng.choice(("Go to", "Travel to", "Fly to"))
        text = f"{w.sentence(rng, words, 5)} {verb} {city} with {count} people."
        return text, {"name": name, "arguments": {one: city, two: count}}

    return Made(truth="code", family="tool_arguments", task="Call the right tool.", ask=ask)


# weights


def _topic(
    rng: random.Random, count: int, size: int
) -> tuple[list[str], dict[str, list[str]], list[str]]:
    labels = _labels(rng, count)
    return labels, {label: w.vocabulary(rng, size) for label in labels}, w.vocabulary(rng, 300)


def intent(rng: random.Random) -> Made:
    labels, lexicon, words = _topic(rng, rng.randint(4, 14), rng.randint(30, 60))

    def ask() -> tuple[str, Any]:
        label = w.zipf(rng, labels)
        picked = [rng.choice(lexicon[label]) for _ in range(rng.randint(2, 5))]
        if rng.random() < 0.3:
            picked.append(rng.choice(lexicon[rng.choice(labels)]))
        text = [*picked, *(w.sentence(rng, words, rng.randint(3, 8)).split())]
        rng.shuffle(text)
        return " ".join(text), label

    return Made(
        truth="weights",
        family="intent",
        task="Name the intent of the message.",
        ask=ask,
        calls=(250, 900),
    )


def sentiment(rng: random.Random) -> Made:
    labels, lexicon, words = _topic(rng, 3, 80)

    def ask() -> tuple[str, Any]:
        label = rng.choice(labels)
        text = w.prose(rng, words, rng.randint(1, 3)).split()
        for _ in range(rng.randint(3, 6)):
            side = label if rng.random() < 0.85 else rng.choice(labels)
            text.insert(rng.randrange(len(text)), rng.choice(lexicon[side]))
        return " ".join(text), {"sentiment": label}

    return Made(
        truth="weights", family="sentiment", task="Judge the review.", ask=ask, calls=(250, 900)
    )


def two_topics(rng: random.Random) -> Made:
    labels, lexicon, words = _topic(rng, rng.randint(3, 6), 50)
    levels, tone, _ = _topic(rng, 3, 40)

    def ask() -> tuple[str, Any]:
        label, level = rng.choice(labels), rng.choice(levels)
        text = w.sentence(rng, words, 9).split()
        text += [rng.choice(lexicon[label]) for _ in range(4)] + [
            rng.choice(tone[level]) for _ in range(4)
        ]
        rng.shuffle(text)
        return " ".join(text), {"topic": label, "level": level}

    return Made(
        truth="weights",
        family="two_topics",
        task="Give topic and level.",
        ask=ask,
        calls=(300, 900),
    )


def free_span(rng: random.Random) -> Made:
    words = w.vocabulary(rng, 400)
    labels, lexicon, _ = _topic(rng, 3, 40)

    def ask() -> tuple[str, Any]:
        thing, label = f"{w.word(rng)} {w.word(rng)}", rng.choice(labels)
        text = w.prose(rng, words, 2).lower().replace(".", "").split()
        text += [rng.choice(lexicon[label]) for _ in range(5)]
        rng.shuffle(text)
        text.insert(rng.randint(2, len(text) - 2), thing)
        return " ".join(text), {"product": thing, "mood": label}

    return Made(
        truth="weights",
        family="free_span",
        task="Find the product and the mood.",
        ask=ask,
        calls=(300, 900),
    )


# demos


def _manner(rng: random.Random, words: list[str]) -> list[list[str]]:
    """Return groups of sentences of which an answer takes one each, in two wordings."""
    return [
        [w.sentence(rng, words, rng.randint(6, 11)) for _ in range(rng.randint(2, 4))]
        for _ in range(5)
    ]


def reply_draft(rng: random.Random) -> Made:
    words = w.vocabulary(rng, 600)
    kinds = [
        (w.vocabulary(rng, 12), _manner(rng, w.vocabulary(rng, 150)))
        for _ in range(rng.randint(4, 9))
    ]

    def ask() -> tuple[str, Any]:
        cues, manner = rng.choice(kinds)
        name = w.person(rng)
        told = " ".join(rng.sample(cues, 4))
        text = f"{w.sentence(rng, words, 6)} {told} {w.sentence(rng, words, 5)} {name}"
        body = [rng.choice(group) for group in manner if rng.random() < 0.85]
        if rng.random() < 0.3:
            rng.shuffle(body)
        return text, f"Dear {name}, {' '.join(body)} {w.sentence(rng, words, 4)}"

    return Made(
        truth="demos", family="reply_draft", task="Draft the reply.", ask=ask, calls=(160, 600)
    )


def house_summary(rng: random.Random) -> Made:
    words = w.vocabulary(rng, 700)
    kinds = [
        (w.vocabulary(rng, 10), _manner(rng, w.vocabulary(rng, 120)))
        for _ in range(rng.randint(3, 6))
    ]

    def ask() -> tuple[str, Any]:
        cues, manner = rng.choice(kinds)
        lines = [w.sentence(rng, words, rng.randint(7, 12)) for _ in range(4)]
        text = " ".join([*lines, *rng.sample(cues, 4)])
        kept = rng.sample(lines, 2)
        shortened = [" ".join(line.split()[: rng.randint(4, 7)]) for line in kept]
        return text, " ".join(
            [rng.choice(manner[0]), *shortened, rng.choice(manner[1]), rng.choice(manner[2])]
        )

    return Made(
        truth="demos",
        family="house_summary",
        task="Summarise in house style.",
        ask=ask,
        calls=(160, 600),
    )


# keep


def creative(rng: random.Random) -> Made:
    words, ask_words = w.vocabulary(rng, 3000), w.vocabulary(rng, 400)

    def ask() -> tuple[str, Any]:
        return w.prose(rng, ask_words, 1), w.prose(rng, words, rng.randint(4, 8))

    return Made(truth="keep", family="creative", task="Write a short story about it.", ask=ask)


def fickle_label(rng: random.Random) -> Made:
    labels, words = _labels(rng, rng.randint(3, 8)), w.vocabulary(rng, 500)

    def ask() -> tuple[str, Any]:
        return w.prose(rng, words, 2), {"rank": rng.choice(labels)}

    return Made(truth="keep", family="fickle_label", task="Rank the idea.", ask=ask)


def open_question(rng: random.Random) -> Made:
    words, facts = w.vocabulary(rng, 2000), w.vocabulary(rng, 3000)

    def ask() -> tuple[str, Any]:
        return w.sentence(rng, words, 10), {
            "answer": w.sentence(rng, facts, 12),
            "year": rng.randint(1000, 2020),
        }

    return Made(truth="keep", family="open_question", task="Answer the question.", ask=ask)


def small(rng: random.Random) -> Made:
    made = rng.choice((keyword_route, intent, creative))(rng)
    return Made(truth="keep", family="small", task=made.task, ask=made.ask, calls=(8, 30))


# conversations


def flow(rng: random.Random) -> Made:
    words = w.vocabulary(rng, 200)
    states = rng.randint(5, 12)
    said = [[w.sentence(rng, w.vocabulary(rng, 60), rng.randint(7, 12))] for _ in range(states)]
    for each in said:
        each += [_reworded(rng, each[0]) for _ in range(2)]
    tools = {
        state: f"{w.word(rng)}_{w.word(rng)}"
        for state in range(1, states - 1)
        if rng.random() < 0.25
    }
    edges = {}
    for state in range(states - 1):
        count = min(rng.choice((1, 1, 2, 2, 3)), states - 1 - state)
        targets = rng.sample(
            range(state + 1, min(states, state + 5)), min(count, min(states, state + 5) - state - 1)
        )
        edges[state] = [(target, [_utterance(rng, words) for _ in range(4)]) for target in targets]

    def talk() -> list[tuple[str, str]]:
        turns, state, heard = [], 0, w.sentence(rng, words, 5)
        for _ in range(20):
            code = w.number(rng, 5)
            if state in tools:
                spoken = json.dumps({"name": tools[state], "arguments": {"code": code}})
            else:
                spoken = (
                    f"{rng.choice(said[state])} ({code})"
                    if rng.random() < 0.4
                    else rng.choice(said[state])
                )
            turns.append((heard, spoken))
            if state not in edges or not edges[state]:
                break
            state, bank = rng.choice(edges[state])
            heard = w.noisy(
                rng, f"{rng.choice(bank)} {w.number(rng, 4) if rng.random() < 0.3 else ''}".strip()
            )
        return turns

    return Made(
        truth="machine",
        family="flow",
        task="Lead the caller through the process.",
        talk=talk,
        calls=(50, 140),
    )


def _utterance(rng: random.Random, words: list[str]) -> str:
    return w.sentence(rng, w.vocabulary(rng, 10) + words[:10], rng.randint(3, 7))


def _reworded(rng: random.Random, text: str) -> str:
    words = text.split()
    for _ in range(2):
        words[rng.randrange(len(words))] = rng.choice(w.FUNCTION)
    return " ".join(words)


def free_talk(rng: random.Random) -> Made:
    words = w.vocabulary(rng, 2500)

    def talk() -> list[tuple[str, str]]:
        return [
            (w.prose(rng, words, 1), w.prose(rng, words, rng.randint(1, 4)))
            for _ in range(rng.randint(2, 9))
        ]

    return Made(
        truth="keep", family="free_talk", task="Chat with the visitor.", talk=talk, calls=(50, 120)
    )


def wandering_agent(rng: random.Random) -> Made:
    tools, words = _labels(rng, rng.randint(4, 7)), w.vocabulary(rng, 1500)

    def talk() -> list[tuple[str, str]]:
        def step() -> tuple[str, str]:
            call = {"name": rng.choice(tools), "arguments": {"query": w.sentence(rng, words, 4)}}
            return w.prose(rng, words, 1), json.dumps(call)

        return [
            *(step() for _ in range(rng.randint(3, 9))),
            (w.sentence(rng, words, 5), w.prose(rng, words, 3)),
        ]

    return Made(
        truth="keep",
        family="wandering_agent",
        task="Solve the task with the tools.",
        talk=talk,
        calls=(50, 120),
    )


FAMILIES: tuple[tuple[str, tuple[Callable[[random.Random], Made], ...]], ...] = (
    (
        "code",
        (
            keyword_route,
            record_rule,
            labelled_document,
            shape_extract,
            arithmetic,
            letter,
            table,
            log_line,
            tool_arguments,
        ),
    ),
    ("weights", (intent, sentiment, two_topics, free_span)),
    ("machine", (flow,)),
    ("demos", (reply_draft, house_summary)),
    ("keep", (creative, fickle_label, open_question, small, free_talk, wandering_agent)),
)
