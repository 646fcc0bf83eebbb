"""What the machine code of a C++ candidate shows: a static model that orders, and never selects.

A loop over floats is as fast as the share of its operations that work on whole vectors, unless its
sums do not fit into the registers: then they go through the stack, which every operand shows.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_compiledai.core.errors import ToolError
from pytest_compiledai.core.process import run
from pytest_compiledai.kernels import native

_LINE = re.compile(r"^\s*([0-9a-f]+):\s+(v?\w+)\s*(.*)$", re.MULTILINE)
_JUMP = re.compile(r"j\w+")
_FLOAT = re.compile(r"v?(?:add|sub|mul|div|max|min|fn?m(?:add|sub)\d*)(p|s)[sd]")
_STACK = re.compile(r"\(%r[sb]p[,)]")
_TIMEOUT_S = 30.0
_Line = tuple[int, str, str]  # address, name, operands
#: Sums that have to be under way at once, or each waits for the one before: two a cycle, 4 cycles.
UNDER_WAY = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Instructions:
    """Counts over the innermost loop of a library that computes most."""

    wide: int  # float operations on vectors of 32 bytes
    narrow: int  # on vectors of 16 bytes
    single: int  # on one number
    stack: int  # operands that lie on the stack
    sums: int  # registers that are added to

    def slowed(self) -> float:
        """Return how many times slower than one full vector an operation is taken to be."""
        count = self.wide + self.narrow + self.single
        if not count:
            return 1.0
        work = (self.wide + 2 * self.narrow + 8 * self.single) / count
        waits = max(1.0, UNDER_WAY / max(1, self.sums))
        return work * waits + self.stack / count

    def told(self) -> str:
        """Return the counts in words, as a hint to whoever orders candidates."""
        return (
            f"its loop has {self.wide} operations on 8 floats, {self.narrow} on 4, "
            f"{self.single} on one, {self.sums} registers of sums, "
            f"{self.stack} operands on the stack"
        )


def counted(library: Path) -> Instructions:
    """Return the counts of a built library. Raises ``ToolError``."""
    argv = [native.tool("objdump", "binutils"), "-d", "--no-show-raw-insn", library.name]
    ran = run(argv, cwd=library.parent, env=native.ENVIRONMENT, timeout_s=_TIMEOUT_S)
    if ran.code != 0:
        raise ToolError(where="objdump", found=f"status {ran.code}", expected="the machine code")
    return _counted(ran.out.decode("utf-8", "replace"))


def _counted(text: str) -> Instructions:
    code = [(int(at, 16), name, operands) for at, name, operands in _LINE.findall(text)]
    loops = [_summed(loop) for loop in _innermost(code)] or [_summed(code)]
    return max(loops, key=lambda one: 8 * one.wide + 4 * one.narrow + one.single)


def _innermost(code: Sequence[_Line]) -> Iterator[Sequence[_Line]]:
    """Yield the bodies of loops that hold no loop: from a jump backwards to where it leads."""
    ends = [
        (int(operands.split()[0], 16), at)
        for at, name, operands in code
        if _JUMP.fullmatch(name) and _leads_back(operands, at)
    ]
    for first, last in ends:
        if not any(first <= low and high < last for low, high in ends):
            yield [line for line in code if first <= line[0] <= last]


def _leads_back(operands: str, at: int) -> bool:
    target = operands.split(maxsplit=1)[0] if operands else ""
    return bool(re.fullmatch(r"[0-9a-f]+", target)) and int(target, 16) < at


def _summed(code: Sequence[_Line]) -> Instructions:
    found: Counter[str] = Counter()
    sums: set[str] = set()
    for _, name, operands in code:
        found["stack"] += bool(_STACK.search(operands))
        kind = _FLOAT.fullmatch(name)
        if kind is None:
            continue
        wide = "%ymm" in operands
        found["single" if kind[1] == "s" else "wide" if wide else "narrow"] += 1
        registers = re.findall(r"%[xy]mm\d+", operands)
        if "add" in name and len(registers) > 1 and registers[-1] in registers[:-1]:
            sums.add(registers[-1])
    return Instructions(
        wide=found["wide"],
        narrow=found["narrow"],
        single=found["single"],
        stack=found["stack"],
        sums=len(sums),
    )
