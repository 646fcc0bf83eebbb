"""Serve what passed every gate, by name, after comparing its bytes with the lock.

    from compiled import route_ticket          # the function itself: calls cost nothing extra
    compiled.load("route_ticket")              # the same object
    compiled.load("rates", clock=now)          # a unit with capabilities is handed them here
    compiled.load("support_bot")               # code of a conversation is called like a function
    compiled.load("plan")                      # another kind: its files, path -> bytes
    compiled.fallback("route_ticket", ask)     # who answers where it abstains or fails
    await compiled.ask("route_ticket", data)   # a call that waits for a fallback without blocking
    compiled.sample("calls.sqlite", rate=0.01)  # calls for the drift check

This file is written as a whole and needs the standard library only. ``compiledai.lock`` is looked
for beside this folder, then inside it (that is where a wheel ships it). An artifact's bytes are
read once, their SHA-256 is compared with the lock's, and those bytes are compiled and executed:
no other file of this folder can be imported, no ``.pyc`` of an artifact is read or written, and
no symlink below this folder is followed. It does not judge the lock, which review has to protect,
or a signature: with ``COMPILEDAI_TRUSTED_KEYS`` in the environment, or after ``trust``, a lock
that none of those keys signed is refused.
"""

# No pathlib: it would be imported for a handful of joins, here or in a part of this text.
# ruff: noqa: PTH100, PTH112, PTH114, PTH116, PTH118, PTH119, PTH120, PTH122, RUF100

from __future__ import annotations

import functools as _functools
import importlib as _importlib
import os as _os
import re as _re
import sys as _sys
import threading as _threading
import types as _types
from collections.abc import Iterator as _Iterator
from collections.abc import Mapping as _Mapping
from importlib.machinery import ModuleSpec as _ModuleSpec

from pytest_compiledai.core.tensors import _WEIGHTS_CAP
from pytest_compiledai.core.tensors import _WEIGHTS_FILE
from pytest_compiledai.core.tensors import _tensors
from pytest_compiledai.runtime.asking import _Model
from pytest_compiledai.runtime.errors import Abstain
from pytest_compiledai.runtime.errors import BadAnswer
from pytest_compiledai.runtime.errors import IntegrityError
from pytest_compiledai.runtime.errors import NeedsCapabilities
from pytest_compiledai.runtime.errors import NoFallback
from pytest_compiledai.runtime.errors import NotCompiled
from pytest_compiledai.runtime.locktext import _DOTTED
from pytest_compiledai.runtime.locktext import _LOCK
from pytest_compiledai.runtime.locktext import _NAME
from pytest_compiledai.runtime.locktext import _faults
from pytest_compiledai.runtime.locktext import _folder
from pytest_compiledai.runtime.locktext import _message
from pytest_compiledai.runtime.locktext import _parsed
from pytest_compiledai.runtime.locktext import _restore
from pytest_compiledai.runtime.locktext import _shown
from pytest_compiledai.runtime.locktext import _split
from pytest_compiledai.runtime.plainfile import _read
from pytest_compiledai.runtime.sampling import _Sampler
from pytest_compiledai.runtime.serving import _Fallback
from pytest_compiledai.runtime.serving import _Served
from pytest_compiledai.runtime.signature import _KEY
from pytest_compiledai.runtime.signature import _SIGNATURE_CAP
from pytest_compiledai.runtime.signature import _SIGNATURE_FILE
from pytest_compiledai.runtime.signature import _signature_fault
from pytest_compiledai.runtime.spans import _spans

TYPE_CHECKING = False  # `typing` is not imported: it would double the import time of this package
if TYPE_CHECKING:
    from collections.abc import Callable as _Callable
    from collections.abc import Iterable as _Iterable
    from typing import Any as _Any

__all__ = ["Abstain", "BadAnswer", "Files", "IntegrityError", "NeedsCapabilities", "NoFallback"]
__all__ += ["NotCompiled", "ask", "fallback", "load", "sample", "sampled", "trace", "trust"]

# What importlib.reload must not replace: classes that callers catch, and what they registered.
_kept: dict[str, _Any] = {
    name: globals()[name]
    for name in (*__all__[:7], "_fallbacks", "_watchers", "_pins")
    if name in globals()
}
for _name in globals().get("_ready", ()):
    globals().pop(_name, None)

_LOCK_CAP = 64 << 20  # bytes
_SOURCE_CAP = 1 << 20  # bytes of one Python artifact
_FILE_CAP = 1 << 30  # bytes of one file of another kind


class Files(_Mapping[str, bytes]):
    """The verified files of an artifact, POSIX path below its folder -> bytes; or its tensors."""

    __slots__ = ("_files",)

    def __init__(self, files: dict[str, bytes]) -> None:
        self._files = files

    def __getitem__(self, path: str) -> bytes:
        return self._files[path]

    def __iter__(self) -> _Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def load(name: str, /, **capabilities: _Any) -> _Any:
    """Return the function ``name``, or the ``Files`` of an artifact of another kind.

    A unit that was compiled with ``clock``, ``random`` or ``call:x`` is given them here, as
    ``clock=``, ``random=`` and ``call={"x": function}``; each becomes the keyword argument of that
    name (``x`` for ``call:x``). Raises ``NotCompiled``, ``IntegrityError``, ``NeedsCapabilities``.
    """
    if not capabilities and name in _ready:
        return _ready[name]
    entry = _entry(name)
    if not _is_code(name):
        _bindings(name, (), capabilities)
        return _files(name)
    bindings = _bindings(name, entry["capabilities"], capabilities)
    function = _imported(name)
    if bindings:
        return _answering(name, _functools.partial(function, **bindings))
    with _guard:
        return _ready.get(name) or _publish(name, function)


def fallback(
    name: str,
    function: _Callable[..., _Any] | None = None,
    /,
    *,
    model: str = "",
    on_error: bool = True,
    failures: int = 5,
    pause_s: float = 30,
    budget: int | None = None,
    per_s: float = 86_400,
    **options: _Any,
) -> None:
    """Let ``function``, or a ``model`` through LiteLLM, answer where ``name`` does not.

    It is asked with the same arguments when the artifact abstains and, unless ``on_error`` is
    false, when it raises anything else. After ``failures`` errors in a row it is left alone for
    ``pause_s`` seconds; at most ``budget`` calls begin in any ``per_s`` seconds; ``NoFallback``
    says so. ``options`` go to LiteLLM. Register it before the function is taken: one that was taken
    earlier stays as it was, and so does ``from compiled.<name> import <name>``, which always gives
    the bare function. Raises ``ValueError`` where the spec says ``fallback: none``.
    """
    if not _is_code(name):
        raise ValueError(f"{name} is no function: its own runtime knows what to do without it")
    if (function is None) is not bool(model):
        raise ValueError("fallback needs a function or a model=, and not both")
    source = _verified(name, f"{name}.py", _SOURCE_CAP).decode("utf-8")
    if _NO_FALLBACK in source.split("\n", 3)[:3]:
        raise ValueError(f"the spec of {name} says `fallback: none`")
    if function is None:
        function = _Model(_imported(name), source, model, options)
    elif options:
        raise TypeError(f"fallback takes no {', '.join(sorted(options))} without model=")
    made = _Fallback(
        function,
        on_error=on_error,
        failures=failures,
        pause_s=pause_s,
        budget=budget,
        per_s=per_s,
    )
    with _guard:
        _fallbacks[name] = made
        _forget((name,))


async def ask(name: str, /, *args: _Any, **kwargs: _Any) -> _Any:
    """Call the function ``name``; a fallback is awaited, or works in a thread of its own."""
    function = load(name)
    if isinstance(function, _Served):
        return await function.ask(*args, **kwargs)
    return function(*args, **kwargs)


def sample(
    path: str | _os.PathLike[str],
    *names: str,
    rate: float = 1,
    redact: _Iterable[str] = (),
    scrub: _Callable[[dict[str, _Any]], dict[str, _Any]] | None = None,
    most_bytes: int = 64 << 20,
    seed: int | None = None,
) -> None:
    """Write a share of the calls of ``names``, or of all functions, to a file for the drift check.

    ``path`` ends in ``.jsonl`` or ``.sqlite``. ``redact`` are names of fields at any depth, or JSON
    pointers such as ``/input/customer/email``; ``scrub`` may change a whole row. What looks like a
    key or a token is taken out in any case. Nothing is written beyond ``most_bytes``. Register it
    before the functions are taken. Raises ``ValueError``, never a call.
    """
    for name in names:
        _entry(name)
    sampler = _Sampler(
        _os.fspath(path),
        rate=rate,
        names=names,
        redact=redact,
        scrub=scrub,
        most_bytes=most_bytes,
        seed=seed,
        digest_of=lambda name: _entry(name)["files"][f"{name}.py"],
    )
    _watch(frozenset(names), sampler)
    import atexit

    atexit.register(sampler.flush, 5)


def sampled(timeout_s: float = 5) -> dict[str, int]:
    """Wait for the rows so far and return how many were written, dropped or failed."""
    total = {"written": 0, "dropped": 0, "failed": 0}
    for _, watcher in _watchers:
        if hasattr(watcher, "counts"):
            watcher.flush(timeout_s)
            total = {key: total[key] + watcher.counts[key] for key in total}
    return total


def trace(*names: str) -> bool:
    """Make an OpenTelemetry span of each call; False, and nothing else, without that library."""
    watcher = _spans(lambda name: _entry(name)["files"][f"{name}.py"])
    if watcher is not None:
        _watch(frozenset(names), watcher)
    return watcher is not None


def trust(*keys: str, minimum_revision: int = 1) -> None:
    """Serve only what a lock names that one of these public keys signed; before the first load.

    Keys are 64 hex digits, as `compiledai sign` prints them. Each call adds a condition, and so
    does the environment: all of them have to hold. Raises ``ValueError`` for what is no key.
    """
    if not keys or not all(isinstance(key, str) and _KEY.fullmatch(key) for key in keys):
        raise ValueError("trust needs public keys, 64 hex digits each")
    with _guard:
        if _tables:
            found = "artifacts that were loaded before any key was trusted"
            first = f"`{_shown}.trust(...)` before the first import of an artifact"
            raise IntegrityError(_message(_shown, found, "none", first))
        _pins.append((frozenset(keys), minimum_revision))


_NO_FALLBACK = "# compiledai fallback none"  # among the first lines of an artifact
_fallbacks: dict[str, _Fallback] = {}
_watchers: list[tuple[frozenset[str], _Any]] = []  # whose calls; empty: all
_pins: list[tuple[frozenset[str], int]] = []  # trusted keys, and the lowest revision that is good
_ready: dict[str, _Any] = {}  # what `load` hands out without a further look
_functions: dict[str, _Any] = {}  # the bare functions
_entries: dict[str, dict[str, _Any]] = {}
_tables: dict[str, str] = {}  # name -> the text of its table, once the lock has been read
_guard = _threading.RLock()  # protects the seven above


def _answering(name: str, function: _Callable[..., _Any]) -> _Any:
    watchers = tuple(watcher for names, watcher in _watchers if not names or name in names)
    if name not in _fallbacks and not watchers:
        return function
    return _Served(name, function, load, _fallbacks.get(name), watchers)


def _watch(names: frozenset[str], watcher: _Callable[[_Any], None]) -> None:
    with _guard:
        _watchers.append((names, watcher))
        _forget(tuple(names) or tuple(_ready))


def _forget(names: tuple[str, ...]) -> None:
    """Have the next access of these names make what it hands out anew."""
    for name in names:
        _ready.pop(name, None)
        globals().pop(name, None)


def _publish(name: str, function: _Callable[..., _Any]) -> _Any:
    """Make ``function`` the package's attribute, so that the next access is a plain look-up."""
    _ready[name] = globals()[name] = _answering(name, function)
    return _ready[name]


def _bindings(
    name: str, wanted: _Mapping[str, _Any] | tuple[str, ...], given: dict[str, _Any]
) -> dict[str, _Any]:
    """Return the keyword arguments to bind: what the entry lists has to be what was given."""
    asked = {item for item in wanted if not item.startswith("module:")}
    calls = given.get("call", {})
    values = {key: value for key, value in given.items() if key != "call"}
    have = {*values, *(f"call:{key}" for key in calls)}
    if have != asked:
        raise NeedsCapabilities(
            _message(
                f"{_shown}.{name}",
                f"the capabilities {', '.join(sorted(have)) or 'none'}",
                ", ".join(sorted(asked)) or "none",
                f'`{_shown}.load("{name}", ...)` with clock=, random= or call={{...}} as listed',
            )
        )
    return {**values, **calls}


def _is_code(name: str) -> bool:
    """Whether the artifact is a function, or a conversation that is called like one."""
    return f"{name}.py" in _entry(name)["files"]


def _files(name: str) -> Files:
    """Return the verified files of an artifact, its code apart."""
    prefix = f"{name}/"
    paths = [path for path in _entry(name)["files"] if path.startswith(prefix)]
    return Files({path.removeprefix(prefix): _verified(name, path, _FILE_CAP) for path in paths})


def _imported(name: str) -> _Any:
    """Return the bare function; the import system's lock makes sure that it is made once."""
    if name not in _functions:
        _importlib.import_module(f"{__name__}.{name}")
    if name not in _functions:
        raise IntegrityError(
            _message(
                f"{__name__}.{name}",
                "a module that did not come through the lock's check",
                "none in sys.modules",
                f"find out who put `{__name__}.{name}` there",
            )
        )
    return _functions[name]


def _entry(name: str) -> dict[str, _Any]:
    """Return the entry of ``name``, checked once. Raises ``NotCompiled`` or ``IntegrityError``."""
    known = _entries.get(name) if isinstance(name, str) else None
    if known is not None:
        return known
    with _guard:
        if not _tables:
            _tables.update(_read_lock())
        if not isinstance(name, str) or not _DOTTED.fullmatch(name) or name not in _tables:
            raise NotCompiled(
                _message(
                    _LOCK,
                    f"no artifact {ascii(name)[:80]}",
                    f"one of {len(_tables)} that were frozen",
                    f"`pytest --compile specs/`, or ship {_shown}/ and {_LOCK} of one revision",
                )
            )
        fault = next(_faults(name, table := _parsed(name, _tables[name])), "")
        if fault:
            raise IntegrityError(_message(f"{_LOCK}, `{name}`", fault, "it as frozen", _restore()))
        return _entries.setdefault(name, table)


def _read_lock() -> dict[str, str]:
    """Return name -> text of its table. Raises ``NotCompiled`` or ``IntegrityError``.

    Only the tables that are asked for are parsed: a start with many artifacts pays for few.
    """
    # Needed by every load, not by `import compiled`; most processes have them already.
    for needed in ("hashlib", "json", "linecache", "tomllib"):
        _importlib.import_module(needed)
    if not _os.path.isdir(_folder):
        raise NotCompiled(
            _message(_folder, "no folder, perhaps a zip", "plain files", "install it unpacked")
        )
    for place in (_os.path.dirname(_folder), _folder):
        try:
            data = _read(place, _LOCK, _LOCK_CAP)
        except FileNotFoundError:
            continue
        except OSError as error:
            found = error.strerror or str(error)
            raise IntegrityError(_message(_LOCK, found, "a plain file", _restore())) from None
        _check_signature(place, data)
        return _split(data)
    raise NotCompiled(
        _message(
            _os.path.join(_os.path.dirname(_folder), _LOCK),
            "no file",
            f"the lock beside or inside {_shown}/",
            f"`pytest --compile specs/`, or ship the lock with {_shown}/",
        )
    )


def _check_signature(place: str, lock: bytes) -> None:
    """Raise ``IntegrityError`` where keys are trusted and none of them signed this lock."""
    pins = [*_pins, *_pins_of_environment()]
    if not pins:
        return
    try:
        data = _read(place, _SIGNATURE_FILE, _SIGNATURE_CAP)
    except FileNotFoundError:
        data = b""
    except OSError as error:
        data = (error.strerror or str(error)).encode()
    for keys, least in pins:
        fault = _signature_fault(lock, data, keys, least)
        if fault:
            following = f"`compiledai sign`, and ship {_LOCK} and {_SIGNATURE_FILE} together"
            raise IntegrityError(
                _message(_SIGNATURE_FILE, fault, "the lock's signature by a trusted key", following)
            )


def _pins_of_environment() -> list[tuple[frozenset[str], int]]:
    """Return what the environment demands; a variable that is set and empty is a mistake."""
    keys = _os.environ.get("COMPILEDAI_TRUSTED_KEYS")
    least = _os.environ.get("COMPILEDAI_MINIMUM_REVISION", "1")
    if keys is None:
        return []
    known = frozenset(keys.replace(",", " ").split())
    if not known or not all(map(_KEY.fullmatch, known)) or not _re.fullmatch("[0-9]{1,9}", least):
        found = "no public keys of 64 hex digits, or no number of a revision"
        expected = "COMPILEDAI_TRUSTED_KEYS and COMPILEDAI_MINIMUM_REVISION as they are documented"
        raise IntegrityError(_message("the environment", found, expected, "unset or mend them"))
    return [(known, int(least))]


def _verified(name: str, path: str, cap: int) -> bytes:
    """Return the bytes of one file of ``name``, read once and compared with the lock."""
    import hashlib

    expected = _entry(name)["files"][path]
    where = f"{_shown}/{path}"
    try:
        data = _read(_folder, path, cap)
    except OSError as error:
        found = (error.strerror or str(error)).lower()
        raise IntegrityError(_message(where, found, "a plain file", _restore())) from None
    found = hashlib.sha256(data).hexdigest()
    if found != expected and hashlib.sha256(data.replace(b"\r\n", b"\n")).hexdigest() == expected:
        following = f"add `{_shown}/** text eol=lf` to .gitattributes, then {_restore()}"
        raise IntegrityError(_message(where, "CRLF line ends", "LF, as it was frozen", following))
    if found != expected:
        raise IntegrityError(
            _message(where, f"sha256 {found}", f"{expected} as in {_LOCK}", _restore())
        )
    return data


def _weights(name: str) -> Files | None:
    """Return the tensors that the lock names beside the code of ``name``; None where it has none.

    Their bytes are compared with the lock before they are parsed.
    """
    path = f"{name}/{_WEIGHTS_FILE}"
    if path not in _entry(name)["files"]:
        return None
    data = _verified(name, path, _WEIGHTS_CAP)
    try:
        return Files(_tensors(data))
    except ValueError as error:
        where = f"{_shown}/{path}"
        raise IntegrityError(_message(where, str(error), "tensors", _restore())) from None


class _Finder:
    """Serve ``compiled.<name>`` from the lock, and refuse every other module below ``compiled``."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def find_spec(self, fullname: str, *_: object) -> _Any:
        """Return the spec of a function's module. Raises ``NotCompiled`` for everything else."""
        if not fullname.startswith(self.prefix):
            return None
        name = fullname.removeprefix(self.prefix)
        if not _is_code(name):
            take = f'`{_shown}.load("{name}")`'
            raise NotCompiled(_message(fullname, "files, no module", "a function", take))
        return _ModuleSpec(fullname, self)  # type: ignore[arg-type]  # a loader by its methods

    def create_module(self, spec: object) -> None:
        """Leave the making of the module to the import system."""

    def exec_module(self, module: _types.ModuleType) -> None:
        """Execute the verified bytes, and only these, in the namespace of ``module``."""
        import linecache

        name = module.__name__.removeprefix(self.prefix)
        data = _verified(name, f"{name}.py", _SOURCE_CAP)
        weights = _weights(name)
        filename = f"<frozen {name} sha256:{_entry(name)['files'][f'{name}.py'][:12]}>"
        lines = data.decode("utf-8", "replace").splitlines(keepends=True)
        linecache.cache[filename] = (len(data), None, lines, filename)
        # Assertions and docstrings stay, whatever `python -O` says: with them it was judged.
        code = compile(data, filename, "exec", dont_inherit=True, optimize=0)
        module.__dict__["Abstain"] = Abstain
        files = _files(name)
        if files:  # the name is there only where there is data beside the code, as in the sandbox
            module.__dict__["FILES"] = files
        exec(code, module.__dict__)  # noqa: S102 - the purpose: bytes whose digest the lock holds
        function = module.__dict__.get(name)
        if not callable(function):
            found = f"no function `{name}`"
            raise IntegrityError(_message(f"{_shown}/{name}.py", found, "one", _restore()))
        if weights is not None:  # as a default: the function stays one, and calls cost no more
            function.__kwdefaults__ = {**(function.__kwdefaults__ or {}), "weights": weights}
        with _guard:
            _functions[name] = function
            if all(item.startswith("module:") for item in _entry(name)["capabilities"]):
                _publish(name, function)

    def get_source(self, fullname: str) -> str:
        """Return the verified text, for ``inspect`` and debuggers."""
        name = fullname.removeprefix(self.prefix)
        return _verified(name, f"{name}.py", _SOURCE_CAP).decode("utf-8")


class _Package(_types.ModuleType):
    """This package: its functions stay its attributes when their modules are imported."""

    def __setattr__(self, name: str, value: object) -> None:
        # After `import compiled.x` the import system sets the attribute `x` to the module.
        if name in _functions and value is _sys.modules.get(f"{__name__}.{name}"):
            return
        super().__setattr__(name, value)


def __getattr__(name: str) -> _Any:
    if not _NAME.fullmatch(name):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        _entry(name)
    except NotCompiled as error:  # `hasattr` and tools that probe modules expect this class
        raise AttributeError(str(error)) from None
    return load(name)


def __dir__() -> list[str]:
    return sorted({*__all__, *_tables})


def _after_fork() -> None:
    """Take the locks anew: the thread that held one may not be in this process."""
    globals()["_guard"] = _threading.RLock()
    for made in _fallbacks.values():
        made.take_lock()


def _install() -> None:
    """Take over the imports below this package, also after ``importlib.reload``."""
    prefix = f"{__name__}."
    if not _kept and hasattr(_os, "register_at_fork"):
        _os.register_at_fork(after_in_child=_after_fork)
    globals().update(_kept)
    others = [finder for finder in _sys.meta_path if getattr(finder, "prefix", "") != prefix]
    _sys.meta_path[:] = [_Finder(prefix), *others]
    for fullname in [fullname for fullname in _sys.modules if fullname.startswith(prefix)]:
        del _sys.modules[fullname]
    # With an empty path no other finder, pytest's assertion rewriting among them, sees any file.
    globals()["__path__"] = []
    _sys.modules[__name__].__class__ = _Package


# As a plain module, which is how a type checker or a test looks at this text, it does nothing.
if "__path__" in globals():
    _install()
del annotations
