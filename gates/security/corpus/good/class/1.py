from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple
from typing import TypedDict


class Ticket(TypedDict, total=False):
    subject: str


class Queue(Enum):
    BILLING = "billing"


class Pair(NamedTuple):
    left: int
    right: int


@dataclass(frozen=True, slots=True)
class Money:
    cents: int

    def __add__(self, other: Money) -> Money:
        return Money(self.cents + other.cents)


def route(data: Ticket) -> str:
    pair = Pair(1, 2)._replace(left=3)
    total = Money(pair.left) + Money(pair.right)
    return Queue.BILLING.value if total.cents and data.get("subject") else ""
