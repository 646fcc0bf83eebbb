from __future__ import annotations

from enum import Enum
from functools import lru_cache
from typing import NamedTuple


class Kind(Enum):
    LEAF = "leaf"
    TREE = "tree"


class Node:
    def __init__(self, kind: Kind, above: Node | None) -> None:
        self.kind = kind
        self.above = above


class Pair(NamedTuple):
    left: str
    right: str


@lru_cache(maxsize=64)
def pair(text: str) -> Pair:
    left, _, right = text.partition("-")
    return Pair(left, right)


def depth(node: Node, root: Node) -> int:
    return 0 if node is root or node.above is None else 1 + depth(node.above, root)


def f(data: dict[str, str]) -> int:
    root = Node(Kind.TREE, None)
    leaf = Node(Kind.LEAF, root)
    value = data.get("text")
    told = value is not None and type(value) is str and leaf.kind is Kind.LEAF
    return depth(leaf, root) + len(pair(data["text"])) if told else 0
