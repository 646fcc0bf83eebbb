"""What a program keeps from call to call: its names, and all that is reached from them.

Compared after two rounds of the same calls. A counter, a list that grows or an iterator that moved
is then another value, whatever the answers were; scratch space that each call fills anew is not.
No method of the program is called, so none has a say. Not followed: other modules and what
belongs to them, and the keys of `functools.cache`. An iterator of C code that does not tell
its position is named because it is kept.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import hashlib
import itertools
import types
import warnings
from collections import deque
from collections.abc import Mapping
from typing import Any
from typing import NamedTuple

VALUES_CAP = 2_000_000
_ATOMS = frozenset((str, int, float, bool, complex, bytes, type(None), type(...)))
_LISTS = frozenset((list, tuple, deque))
_SETS = frozenset((set, frozenset))
_CACHE = type(functools.cache(lambda: None))
_SAYING = frozenset((itertools.count, itertools.repeat))  # their text is their position
_CALLING = type(iter(int, 1))  # copied as what it calls, `re.finditer` among it
_STARRED = 0x04 | 0x08  # flags of code with `*args` or `**kwargs`: CO_VARARGS, CO_VARKEYWORDS
_OPAQUE = frozenset((types.ModuleType, types.CodeType, types.FrameType))
#: What the interpreter puts into a class when it is asked for the first time.
_OF_CLASS = frozenset(
    {"__dict__", "__weakref__", "_abc_impl", "__slotnames__", "__annotations_cache__"}
)
_GIVEN = frozenset({"Abstain", "FILES"})


class TooMuchError(Exception):
    """More values are kept than are compared."""


class Kept(NamedTuple):
    """A digest for each name of a module, and for each value in a cache that could be changed."""

    names: dict[str, str]
    cached: dict[int, tuple[str, str]]  # by identity: the cached function, a digest
    held: list[Any]  # what is cached, so that nothing else gets its identity
    moving: frozenset[str]  # names from which an iterator is reached that hides its position


def kept(space: Mapping[str, Any]) -> Kept:
    """Return what the names of a module lead to; raises ``TooMuchError``."""
    walk = _Walk(space)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of iterators that soon cannot be copied
        names: dict[str, str] = {}
        moving: set[str] = set()
        for name, value in space.items():
            if not name.startswith("__") and name not in _GIVEN:
                walk.iterators = 0
                names[name] = walk.digest(value)
                moving.update([name] if walk.iterators else [])
        cached, held = {}, []
        for cache in list(walk.caches.values()):
            for value in _cached(cache):
                cached[id(value)] = cache.__wrapped__.__qualname__, walk.digest(value)
                held.append(value)
    return Kept(names, cached, held, frozenset(moving))


def changed(before: Kept, after: Kept) -> list[str]:
    """Return the names, sorted, that do not lead to what they did; a cache may grow and shrink."""
    either = {*before.names, *after.names}
    found = {name for name in either if before.names.get(name) != after.names.get(name)}
    for identity, (name, digest) in before.cached.items():
        if after.cached.get(identity, (name, digest)) != (name, digest):
            found.add(name)
    return sorted(found)


def moves(found: Kept) -> list[str]:
    """Return the names, sorted, that keep an iterator which does not tell its position."""
    return sorted(found.moving)


def write_into(answer: Any) -> None:
    """Add to every list and dictionary of an answer: it belongs to whoever asked."""
    pending = [answer]
    seen = set()
    while pending:
        value = pending.pop()
        kind = type(value)
        if (kind is not list and kind is not dict) or id(value) in seen:
            continue
        seen.add(id(value))
        if kind is list:
            pending += value
            value.append(None)
        else:
            pending += value.values()
            value[f"written {len(value)}"] = None


def caches_of_inputs(space: Mapping[str, Any], objects: list[Any]) -> list[Any]:
    """Return the caches among ``objects`` whose function belongs to a module and takes arguments.

    What such a cache holds depends on the inputs that were seen; a table that is built once does
    not, and is left.
    """
    found = [item for item in objects if type(item) is _CACHE]
    return [
        item
        for item in found
        if type(item.__wrapped__) is types.FunctionType
        and item.__wrapped__.__globals__ is space
        and _takes(item.__wrapped__.__code__)
    ]


def forget(caches: list[Any]) -> None:
    """Empty caches without asking what the program made of their methods."""
    for cache in caches:
        _CACHE.cache_clear(cache)


def _takes(code: types.CodeType) -> bool:
    return bool(code.co_argcount or code.co_kwonlyargcount or code.co_flags & _STARRED)


class _Walk:
    """Goes through values without calling anything of the program."""

    def __init__(self, space: Mapping[str, Any]) -> None:
        self.space = space
        self.module = space["__name__"]
        self.left = VALUES_CAP
        self.caches: dict[int, Any] = {}
        self.iterators = 0  # that were met and do not tell their position

    def digest(self, root: Any) -> str:
        """Return a digest of ``root`` and of what is reached from it."""
        made = hashlib.sha256()
        seen: dict[int, int] = {}
        held: list[Any] = []  # or the place of one that was made here would be taken again
        pending = [root]
        while pending:
            value = pending.pop()
            self.left -= 1
            if self.left < 0:
                raise TooMuchError
            kind = type(value)
            if kind in _ATOMS:
                made.update(_atom(value, kind))
                continue
            known = seen.setdefault(id(value), len(seen))
            made.update(f"{kind.__qualname__} {known};".encode("utf-8", "replace"))
            if known == len(seen) - 1 and len(held) < len(seen):
                held.append(value)
                inner = self._inner(value, kind)
                made.update(f"{len(inner)};".encode())
                pending += reversed(inner)
        return made.hexdigest()

    def _inner(self, value: Any, kind: type) -> list[Any]:  # noqa: PLR0911 - a kind a line
        if kind is dict:
            return [part for pair in value.items() for part in pair]
        if kind in _LISTS:
            return list(value)
        if kind in _SETS:
            return sorted(self.digest(item) for item in value)
        if kind is types.FunctionType:
            return self._of_function(value)
        if issubclass(kind, type):
            return self._of_class(value)
        if kind in _OPAQUE:
            return []
        if kind is _CACHE:
            self.caches[id(value)] = value
            return [value.__wrapped__]
        if kind is types.GeneratorType:
            frame = value.gi_frame
            return [frame and frame.f_lasti, *_referents(value)]
        base = next(item for item in kind.__mro__ if item.__module__ != self.module)
        self.iterators += hasattr(base, "__next__") and not _tells(value, base)
        return [*_told(value, base), *_referents(value)]

    def _of_function(self, value: types.FunctionType) -> list[Any]:
        if value.__globals__ is not self.space:
            return []
        parts = [value.__defaults__, value.__kwdefaults__, value.__closure__, value.__dict__]
        return [value.__qualname__, *parts]

    def _of_class(self, value: type) -> list[Any]:
        if value.__module__ != self.module:
            return [value.__module__, value.__qualname__]
        own = {name: part for name, part in vars(value).items() if name not in _OF_CLASS}
        return [part for pair in own.items() for part in pair]


def _cached(cache: Any) -> list[Any]:
    """Return what a cache holds; keys, which nobody can change, may be among it.

    Without a bound it is in the first dictionary; with one, the cache refers to it itself.
    """
    inner = _referents(cache)
    if cache.cache_info().maxsize is None:
        return list(next(item for item in inner if type(item) is dict).values())
    return [item for item in inner if not _is_machinery(item)]


def _is_machinery(item: Any) -> bool:
    if type(item) is not dict:
        return issubclass(type(item), type | types.FunctionType)
    links = {type(value).__name__ for value in item.values()}
    return "__wrapped__" in item or links == {"_lru_list_elem"}  # empty: what somebody cached


def _referents(value: Any) -> list[Any]:
    return [item for item in gc.get_referents(value) if item is not type(value)]


def _told(value: Any, base: Any) -> list[Any]:
    """Return what a class of the standard library tells of the state of ``value``."""
    found: list[Any] = []
    if base.__module__ == "itertools":
        found.append(base.__repr__(value).partition(" object at ")[0])  # `count(5)`
    # Of a generator of random numbers, of a hash that is being made.
    state = getattr(base, "getstate", None) or getattr(base, "hexdigest", None)
    asks = [state] if state else [base.__getstate__]
    if base is type(value):
        asks.append(_copied)
    for ask in asks:
        with contextlib.suppress(Exception):  # what cannot be copied has nothing to tell
            found.append(ask(value))
    return found


def _tells(value: Any, base: Any) -> bool:
    """Whether an iterator of C code shows where it stands: in its text, or in its copy."""
    if base in _SAYING:
        return True
    try:
        _copied(value)
    except Exception:  # noqa: BLE001 - what cannot be copied has nothing to tell
        return False
    return base is not _CALLING and base is type(value)


def _copied(value: Any) -> Any:
    kind: Any = type(value)
    return kind.__reduce_ex__(value, 4)[1:]


def _atom(value: Any, kind: type) -> bytes:
    if kind is bytes:
        return b"bytes %d %b;" % (len(value), value)
    text = f"{value:x}" if kind is int else repr(value)
    return f"{kind.__name__} {text};".encode("utf-8", "surrogatepass")
