"""What the compiled code of a kernel is made of: registers, spills, memory, width of its loads."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_compiledai.core.errors import ToolError
from pytest_compiledai.core.process import run

_TIMEOUT_S = 60.0
_USAGE = re.compile(r"Function ([\w$.]+):\s*\n?\s*(REG:.*)")
_FIELD = re.compile(r"(\w+(?:\[\d+\])?):(\d+)")
_OPCODE = re.compile(
    r"^\s*(?:/\*[0-9a-f]+\*/)?\s*(?:@!?U?P\d+\s+)?([A-Z][A-Z0-9_.]+)", re.MULTILINE
)
#: Opcodes that load a warp's bytes from global memory, by their width in bytes a thread.
_WIDE = re.compile(r"^(?:LDG|LDGSTS|LD)\b.*\.128")
_LOAD = re.compile(r"^(?:LDG|LDGSTS|LD)\b")
_BULK = re.compile(r"^(?:UBLKCP|UTMALDG|UBLKPF)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One kernel for one target."""

    kernel: str
    target: str
    registers: int  # a thread
    stack_bytes: int
    local_bytes: int  # spilled, a thread
    shared_bytes: int  # a block
    wide_loads: int  # of 16 bytes a thread
    narrow_loads: int
    bulk_loads: int
    spill_loads: int
    barriers: int
    instructions: int
    sha256: str  # of the cubin

    def as_json(self) -> dict[str, int | str]:
        """Return the form that verdicts and locks carry."""
        return {name: getattr(self, name) for name in self.__slots__}


def read(cubin: Path, kernel: str, target: str, *, shared: int = 0) -> Facts:
    """Read the facts of one kernel from a cubin; raises ``ToolError``."""
    usage = _usage(_tool("cuobjdump", "--dump-resource-usage", cubin), kernel)
    opcodes = _OPCODE.findall(_section(_tool("nvdisasm", "-c", cubin), kernel))
    if not opcodes:
        raise ToolError(where="nvdisasm", found=f"no code of {kernel}", expected="its SASS")
    loads = [code for code in opcodes if _LOAD.match(code)]
    wide = sum(1 for code in loads if _WIDE.match(code))
    return Facts(
        kernel=kernel,
        target=target,
        registers=usage["REG"],
        stack_bytes=usage["STACK"],
        local_bytes=usage["LOCAL"],
        shared_bytes=max(usage["SHARED"], shared),
        wide_loads=wide,
        narrow_loads=len(loads) - wide,
        bulk_loads=sum(1 for code in opcodes if _BULK.match(code)),
        spill_loads=sum(1 for code in opcodes if code.startswith(("LDL", "STL"))),
        barriers=sum(1 for code in opcodes if code.startswith("BAR")),
        instructions=len(opcodes),
        sha256=hashlib.sha256(cubin.read_bytes()).hexdigest(),
    )


def _usage(text: str, kernel: str) -> Mapping[str, int]:
    for name, line in _USAGE.findall(text):
        if name == kernel:
            found = {key: int(value) for key, value in _FIELD.findall(line)}
            if {"REG", "STACK", "LOCAL", "SHARED"} <= found.keys():
                return found
    raise ToolError(where="cuobjdump", found=f"no usage of {kernel}", expected="its resources")


def _section(text: str, kernel: str) -> str:
    """Return the code of one kernel: a cubin may hold several."""
    parts = re.split(r"^\s*\.section\s+", text, flags=re.MULTILINE)
    own = [part for part in parts if part.startswith(f".text.{kernel},")]
    return "\n".join(own)


def _tool(name: str, *arguments: str | Path) -> str:
    path = bundled() / name
    argv = [str(path), *(str(argument) for argument in arguments)]
    ran = run(argv, cwd=Path(path.parent), env={"LC_ALL": "C"}, timeout_s=_TIMEOUT_S)
    if ran.code != 0:
        found = ran.err.decode("utf-8", "replace").strip()[:200]
        raise ToolError(where=name, found=found or "an end without a word", expected="a report")
    return ran.out.decode("utf-8", "replace")


def bundled() -> Path:
    """Return the folder of the tools that come with Triton; raises ``ToolError``."""
    import importlib.util

    # Found, not imported: this process needs the path of its programs and nothing of Triton.
    spec = importlib.util.find_spec("triton")
    folder = Path(spec.origin or "").parent / "backends/nvidia/bin" if spec else Path()
    if not (folder / "cuobjdump").is_file():
        raise ToolError(
            where="triton",
            found="no bundled cuobjdump",
            expected="Triton with its NVIDIA back end",
            next="pip install 'pytest-compiledai[kernels]'",
        )
    return folder
