from functools import cache
from functools import lru_cache

WORDS = ("one", "two", "three")


def put(tree: dict[str, dict[str, int]], word: str) -> None:
    tree.setdefault(word[:1], {})[word] = len(word)


@cache
def tree() -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for word in WORDS:
        put(found, word)
    return found


@lru_cache(maxsize=256)
def letters(text: str) -> tuple[int, ...]:
    counts = [0] * 26
    for sign in text:
        if "a" <= sign <= "z":
            counts[ord(sign) - 97] += 1
    first, last = (tuple(part) for part in (counts[:13], counts[13:]))
    return first + last


def route(data: str) -> int:
    return tree().get(data[:1], {}).get(data, 0) + sum(letters(data))
