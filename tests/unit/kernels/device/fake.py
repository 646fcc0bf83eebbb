"""A CUDA driver without a device: it keeps what launchers tell it, byte for byte.

Triton's own back end and the package's own launcher run over it unchanged, so that what is tested
is what a device would be told. Changes the process for good: use it in one of its own.
"""

from __future__ import annotations

import ctypes
import os
import struct
import subprocess
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_LOAD = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)
_NAMED = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p)
_ATTRIBUTE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int, ctypes.c_int)
_LAUNCH_ATTRIBUTE = 72  # bytes of one
_PARAMETER = 0x17  # of `.nv.info`: one parameter of a kernel
#: A launch attribute that lets a kernel start before the one in front of it has ended.
PROGRAMMATIC = 6
SHARED_LIMIT = 8  # a function's attribute


class _Config(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_uint) for name in ("gx", "gy", "gz", "bx", "by", "bz", "shared")),
        ("stream", ctypes.c_void_p),
        ("attributes", ctypes.c_void_p),
        ("count", ctypes.c_uint),
    ]


_LAUNCH = ctypes.CFUNCTYPE(
    None, ctypes.c_void_p, ctypes.POINTER(_Config), ctypes.POINTER(ctypes.c_void_p)
)


@dataclass(frozen=True, kw_only=True)
class Told:
    """One launch."""

    kernel: str
    function: int
    parameters: tuple[bytes, ...]  # each as long as the cubin says
    grid: tuple[int, ...]
    block: tuple[int, ...]
    shared: int
    stream: int
    attributes: tuple[tuple[int, int], ...]


class Fake:
    """The driver, for one process."""

    def __init__(self, folder: Path, include: Path) -> None:
        self.launches: list[Told] = []
        self.attributes: list[tuple[str, int, int]] = []
        #: Called at each launch.
        self.does: Callable[[Told], None] | None = None
        self._modules: list[bytes] = []
        self._functions: list[tuple[str, list[int]]] = []
        source, library = Path(__file__).with_name("libcuda.c"), folder / "libcuda.so.1"
        argv = ["gcc", "-shared", "-fPIC", "-w", "-Wl,-soname,libcuda.so.1", f"-I{include}"]
        subprocess.run([*argv, str(source), "-o", str(library)], check=True)
        os.environ["TRITON_LIBCUDA_PATH"] = str(folder)
        held = ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
        self._kept = (
            _LOAD(self._load),
            _NAMED(self._named),
            _ATTRIBUTE(self._set),
            _LAUNCH(self._launch),
        )
        held.fake_tell(*self._kept)

    def _load(self, image: int) -> int:
        self._modules.append(ctypes.string_at(image, _length(image)))
        return len(self._modules)

    def _named(self, module: int, name: bytes) -> int:
        sizes = parameter_sizes(self._modules[module - 1], name.decode())
        self._functions.append((name.decode(), sizes))
        return len(self._functions)

    def _set(self, function: int, attribute: int, value: int) -> None:
        self.attributes.append((self._functions[function - 1][0], attribute, value))

    def _launch(
        self,
        function: int,
        config: ctypes._Pointer[_Config],
        given: ctypes._Pointer[ctypes.c_void_p],
    ) -> None:
        try:
            name, sizes = self._functions[function - 1]
            told = config.contents
            at = [(told.attributes or 0) + n * _LAUNCH_ATTRIBUTE for n in range(told.count)]
            self.launches.append(
                Told(
                    kernel=name,
                    function=function,
                    parameters=tuple(
                        ctypes.string_at(given[n], size) for n, size in enumerate(sizes)
                    ),
                    grid=(told.gx, told.gy, told.gz),
                    block=(told.bx, told.by, told.bz),
                    shared=told.shared,
                    stream=told.stream or 0,
                    attributes=tuple(
                        struct.unpack("<I4xI", ctypes.string_at(one, 12)) for one in at
                    ),
                )
            )
            if self.does:
                self.does(self.launches[-1])
        except BaseException:  # noqa: BLE001 - an error would be lost between C and Python
            traceback.print_exc()
            os._exit(7)


def activated(folder: Path) -> Fake:
    """Return the driver, which is Triton's from now on: a device of sm_90 with one stream."""
    import triton
    from triton.backends.nvidia import driver

    fake = Fake(folder, Path(driver.__file__).parent / "include")
    device = object.__new__(driver.CudaDriver)
    device.utils, device.launcher_cls = driver.CudaUtils(), driver.CudaLauncher
    device.get_current_device = lambda: 0
    device.set_current_device = lambda _: None
    device.get_current_stream = lambda _: 0
    device.get_device_capability = lambda _=0: (9, 0)
    triton.runtime.driver.set_active(device)
    return fake


def parameter_sizes(cubin: bytes, kernel: str) -> list[int]:
    """Return the bytes of each of a kernel's parameters, as the machine code has them."""
    found: dict[int, int] = {}
    data, at = _section(cubin, f".nv.info.{kernel}"), 0
    while at < len(data):
        form, kind, size = struct.unpack_from("<BBH", data, at)
        if form == 4 and kind == _PARAMETER:
            _, place, _, bits = struct.unpack_from("<IHHI", data, at + 4)
            found[place] = bits >> 18
        at += 4 + (size if form == 4 else 0)
    return [found[place] for place in sorted(found)]


def _section(cubin: bytes, name: str) -> bytes:
    (first,) = struct.unpack_from("<Q", cubin, 40)
    size, count, names = struct.unpack_from("<HHH", cubin, 58)
    heads = [struct.unpack_from("<IIQQQQIIQQ", cubin, first + n * size) for n in range(count)]
    texts = cubin[heads[names][4] :]
    return next(
        cubin[head[4] : head[4] + head[5]]
        for head in heads
        if texts[head[0] : texts.index(b"\0", head[0])].decode() == name
    )


def _length(image: int) -> int:
    """Return the bytes of a cubin, which is an ELF file, from where its headers end."""
    head = ctypes.string_at(image, 64)
    programs, sections = struct.unpack_from("<QQ", head, 32)
    size, count, other, others = struct.unpack_from("<HHHH", head, 54)
    return max(programs + size * count, sections + other * others)
