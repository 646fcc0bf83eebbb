"""What is kept of the calls of one site: counters, and a bounded sample of rows.

Every cap is a constant here, so the memory of an audit is bounded whatever the log's size. Samples
hold the rows whose keys have the smallest hashes: the same rows whatever the order of the log.
"""

from __future__ import annotations

import heapq
from collections import Counter
from typing import Any
from typing import Final
from typing import NamedTuple

from pytest_compiledai.audit.call import Call
from pytest_compiledai.audit.call import capped
from pytest_compiledai.audit.call import number_of
from pytest_compiledai.audit.call import squeezed
from pytest_compiledai.audit.conversation import Place
from pytest_compiledai.audit.conversation import Turn
from pytest_compiledai.audit.conversation import turn_of
from pytest_compiledai.audit.value import canonical
from pytest_compiledai.llm.redact import redact

ROW_CAP: Final = 2_000  # distinct inputs of a site that are sampled
SAMPLE_CHARACTERS: Final = 2_000_000  # of all sampled rows of a site
INPUT_CAP: Final = 4_000  # characters of a sampled input
OUTPUT_CAP: Final = 4_000  # characters of a sampled output
DISTINCT_CAP: Final = 200_000  # distinct inputs or outputs of a site that are told apart
CONVERSATION_CAP: Final = 300  # conversations of a site that are sampled
TURN_CAP: Final = 60  # turns of a conversation
SYSTEM_CAP: Final = 64  # distinct system prompts of a site that are kept
LATENCY_CAP: Final = 2_000  # latencies of a site that quantiles are taken from

_CHARACTERS_PER_TOKEN: Final = 4  # where a log counts no tokens


class Row(NamedTuple):
    """One sampled input with the answer it got last."""

    key: int
    order: int  # of the call in the site
    system: str
    text: str
    output: str
    conflicting: bool  # another call with the same input got another answer


class Window(NamedTuple):
    """Calls number 2^i to 2^(i+1): how many had an input or an output not seen before."""

    calls: int
    new_inputs: int
    new_outputs: int


class Site:
    """The sketch of one site."""

    def __init__(self, name: str, *, named: bool, title: str = "") -> None:
        self.name = redact(name)
        self.named = named
        self.title = redact(title)  # what its prompts have in common, for a mined site
        self.calls = 0
        self.models: Counter[str] = Counter()
        self.times_s: tuple[float, float] | None = None  # first and last
        self.tokens_in = 0
        self.tokens_out = 0
        self.tokens_estimated = 0  # calls whose tokens the log does not count
        self.cost_usd = 0.0
        self.costed = 0  # calls with a logged cost
        self.latencies_s: list[float] = []
        self.inputs: dict[int, int] = {}  # of an input -> of its last answer
        self.outputs: dict[int, int] = {}  # of an answer -> how often
        self.repeats = 0
        self.agreed = 0
        self.overflowed = False  # there were more distinct inputs than are told apart
        self.windows: list[Window] = []
        self.systems: dict[int, str] = {}
        self.rows: dict[int, Row] = {}
        self._worst_rows: list[int] = []
        self._row_characters = 0
        self.conversations: dict[int, dict[int, Turn]] = {}
        self._worst_conversations: list[int] = []
        self.sessions: dict[int, None] = {}  # of the log's own conversations, sampled
        self._worst_sessions: list[int] = []
        self.repeated_turns = 0  # calls at a place of a conversation that another call has
        self.linked_turns = 0  # calls that are not the first turn

    @property
    def sessions_full(self) -> bool:
        """Whether there may be more conversations than are kept."""
        return len(self.sessions) >= CONVERSATION_CAP

    def add(self, call: Call, place: Place) -> None:
        """Count one call."""
        self.calls += 1
        self._count_use(call)
        system, asked = call.system, call.asked
        answer = canonical(call.answer)
        sent = "\x1e".join(squeezed(message.text) for message in call.messages)
        key, said = number_of(f"{call.model} {sent}"), number_of(answer)
        before = self.inputs.get(key)
        self._count_novelty(before is None, said not in self.outputs)
        self._count_agreement(key, before, said)
        self._sample(key, system, asked, call.answer, conflicting=before not in (None, said))
        self._converse(call, place, asked)
        self._attend(call.conversation)

    def _attend(self, conversation: str | None) -> None:
        key = number_of(conversation) if conversation is not None else None
        if key is None or key in self.sessions:
            return
        if _admit(key, self.sessions, self._worst_sessions, CONVERSATION_CAP):
            self.sessions[key] = None

    def _count_use(self, call: Call) -> None:
        usage = call.usage
        if call.model and (call.model in self.models or len(self.models) < SYSTEM_CAP):
            self.models[call.model] += 1
        if usage.tokens_in is None or usage.tokens_out is None:
            self.tokens_estimated += 1
        sent = sum(len(message.text) for message in call.messages)
        self.tokens_in += _tokens(usage.tokens_in, sent)
        self.tokens_out += _tokens(usage.tokens_out, len(call.answer))
        if usage.cost_usd is not None:
            self.cost_usd += usage.cost_usd
            self.costed += 1
        if usage.latency_s is not None and len(self.latencies_s) < LATENCY_CAP:
            self.latencies_s.append(usage.latency_s)
        if call.time_s is not None:
            first, last = self.times_s or (call.time_s, call.time_s)
            self.times_s = min(first, call.time_s), max(last, call.time_s)

    def _count_novelty(self, new_input: bool, new_output: bool) -> None:  # noqa: FBT001 - two facts of one call
        number = self.calls.bit_length() - 1
        if number == len(self.windows):
            self.windows.append(Window(0, 0, 0))
        calls, inputs, outputs = self.windows[number]
        self.windows[number] = Window(calls + 1, inputs + new_input, outputs + new_output)

    def _count_agreement(self, key: int, before: int | None, said: int) -> None:
        if before is not None:
            self.repeats += 1
            self.agreed += before == said
        if before is not None or len(self.inputs) < DISTINCT_CAP:
            self.inputs[key] = said
        else:
            self.overflowed = True
        if said in self.outputs or len(self.outputs) < DISTINCT_CAP:
            self.outputs[said] = self.outputs.get(said, 0) + 1

    def _sample(self, key: int, system: str, text: str, output: str, *, conflicting: bool) -> None:
        old = self.rows.get(key)
        if old is None:
            full = len(self.rows) >= ROW_CAP or self._row_characters > SAMPLE_CHARACTERS
            if full and key > -self._worst_rows[0]:
                return
            heapq.heappush(self._worst_rows, -key)
        self.rows[key] = row = Row(
            key=key,
            order=self.calls,
            system=self._kept_system(system),
            text=capped(text, INPUT_CAP),
            output=capped(output, OUTPUT_CAP),
            conflicting=conflicting or (old is not None and old.conflicting),
        )
        self._row_characters += _size(row) - (_size(old) if old else 0)
        while len(self.rows) > ROW_CAP or self._row_characters > SAMPLE_CHARACTERS:
            self._row_characters -= _size(self.rows.pop(-heapq.heappop(self._worst_rows)))

    def _kept_system(self, system: str) -> str:
        """Return the system prompt, equal ones as one object; beyond the cap each stands alone."""
        number = number_of(system)
        if number not in self.systems and len(self.systems) >= SYSTEM_CAP:
            return capped(system, INPUT_CAP)
        return self.systems.setdefault(number, capped(system, INPUT_CAP))

    def _converse(self, call: Call, place: Place, asked: str) -> None:
        self.linked_turns += place.turn > 0
        turns = self.conversations.get(place.conversation)
        if turns is None:
            kept, worst = self.conversations, self._worst_conversations
            if not _admit(place.conversation, kept, worst, CONVERSATION_CAP):
                return
            turns = self.conversations[place.conversation] = dict(enumerate(place.earlier))
        self.repeated_turns += place.turn in turns
        if len(turns) < TURN_CAP:
            turns[place.turn] = turn_of(asked, call.answer, call.tools)


def _admit(key: int, kept: dict[int, Any], worst: list[int], cap: int) -> bool:
    """Return whether a new key belongs to the ``cap`` smallest; the largest makes place."""
    if len(kept) >= cap:
        if key > -worst[0]:
            return False
        del kept[-heapq.heappop(worst)]
    heapq.heappush(worst, -key)
    return True


def _size(row: Row) -> int:
    return len(row.text) + len(row.output)


def _tokens(counted: int | None, characters: int) -> int:
    return counted if counted is not None else -(-characters // _CHARACTERS_PER_TOKEN)
