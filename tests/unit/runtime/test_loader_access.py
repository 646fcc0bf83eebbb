"""Ways to an artifact in production: all of them lead to the one verified object."""

from __future__ import annotations

import importlib
import inspect
import io
import linecache
import os
import pickle
import signal
import subprocess
import sys
import threading
import traceback
from pathlib import Path

import pytest


def test_every_way_leads_to_the_same_function(package, from_import) -> None:
    """`load`, the attribute, the statement and the module give one object, in any order."""
    compiled = package.load()

    function = from_import(package, "route_ticket")
    module = package.submodule("route_ticket")

    assert function is compiled.load("route_ticket")
    assert function is compiled.route_ticket
    assert function is module.route_ticket
    assert function({"a": 1}) == {"queue": "tech", "of": {"a": 1}}


def test_a_module_import_first_leaves_the_function_as_the_attribute(package) -> None:
    """After `import compiled.x` the import system would make `compiled.x` the module."""
    module = package.submodule("route_ticket")
    compiled = package.load()

    assert inspect.isfunction(compiled.route_ticket)
    assert compiled.route_ticket is module.route_ticket


def test_the_function_is_handed_out_bare(package, from_import) -> None:
    """Nothing wraps the function, so a call costs what the bare call costs."""
    function = from_import(package, "route_ticket")

    assert type(function) is type(lambda: None)
    assert function.__code__.co_filename.startswith("<frozen route_ticket sha256:")
    assert "route_ticket" in vars(package.load())


def test_abstain_is_given_and_carries_its_reason(package) -> None:
    """The class that an artifact raises is the one that callers import."""
    compiled = package.load()

    with pytest.raises(compiled.Abstain) as caught:
        compiled.route_ticket({})

    assert caught.value.reason == "empty"
    assert pickle.loads(pickle.dumps(caught.value)).reason == "empty"


def test_functions_pickle_by_reference(package) -> None:
    """A pool of processes can be handed the function."""
    function = package.load().route_ticket

    assert pickle.loads(pickle.dumps(function)) is function


def test_threads_that_load_at_once_get_one_object(package) -> None:
    """The first load is one load, whoever comes first."""
    package.freeze("slow", "import time\ntime.sleep(0.05)\ndef slow(data):\n    return data\n")
    compiled = package.load()
    found: list[object] = []
    barrier = threading.Barrier(8)

    def take() -> None:
        barrier.wait(timeout=10)
        found.append(compiled.load("slow"))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)

    assert len(found) == 8
    assert len(set(map(id, found))) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_fork_beside_a_thread_that_loads_can_load(package) -> None:
    """The child has the lock of a thread that it does not have; it takes another."""
    compiled = package.load()
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with compiled._guard:
            held.set()
            done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        signal.alarm(30)
        try:
            compiled.load("route_ticket")
            os._exit(0)
        finally:
            os._exit(1)
    done.set()
    thread.join()

    assert os.waitpid(child, 0)[1] == 0


def test_a_reload_of_the_package_reads_the_lock_again(package) -> None:
    """After a new freeze a reload serves the new bytes; classes that callers catch stay."""
    compiled = package.load()
    old, abstain = compiled.route_ticket, compiled.Abstain
    package.freeze("route_ticket", "def route_ticket(data):\n    raise Abstain('new')\n")
    package.freeze("other", "def other(data):\n    return 1\n")

    assert compiled.load("route_ticket") is old
    importlib.reload(compiled)

    assert compiled.Abstain is abstain
    with pytest.raises(abstain, match="new"):
        compiled.route_ticket({})
    assert compiled.other({}) == 1
    assert package.submodule("route_ticket").route_ticket is compiled.route_ticket
    finders = [
        finder for finder in sys.meta_path if getattr(finder, "prefix", "") == f"{package.name}."
    ]
    assert len(finders) == 1


def test_a_reload_of_a_module_checks_it_again(package) -> None:
    """`importlib.reload` of an artifact's module goes through the same check."""
    module = package.submodule("route_ticket")

    again = importlib.reload(module)

    assert package.load().route_ticket is again.route_ticket
    (package.out / "route_ticket.py").write_text("def route_ticket(data): return 'evil'\n")
    with pytest.raises(package.load().IntegrityError):
        importlib.reload(module)


def test_a_traceback_shows_the_line(package) -> None:
    """Source lines of frozen code are at hand for tracebacks and `inspect`."""
    compiled = package.load()
    stream = io.StringIO()

    try:
        compiled.route_ticket({})
    except compiled.Abstain:
        traceback.print_exc(file=stream)
    linecache.checkcache()

    assert 'raise Abstain("empty")' in stream.getvalue()
    assert "def route_ticket(data):" in inspect.getsource(compiled.route_ticket)


def test_other_kinds_give_their_files(package, from_import) -> None:
    """What is no function is handed out as verified bytes, by path below its folder."""
    package.freeze("bot", {"bot/graph.json": "{}", "bot/text/a.md": "hi"}, kind="dialogue")

    files = package.load().load("bot")

    assert dict(files) == {"graph.json": b"{}", "text/a.md": b"hi"}
    assert dict(from_import(package, "bot")) == dict(files)
    with pytest.raises(ImportError, match="files, no module"):
        package.submodule("bot")


def test_a_unit_with_capabilities_is_handed_them(package, from_import) -> None:
    """Clock, random and calls are bound as keyword arguments; granted modules need nothing."""
    package.freeze(
        "rate",
        "def rate(data, *, clock, prices):\n    return data, clock(), prices('x')\n",
        capabilities=("clock", "call:prices", "module:json"),
    )
    compiled = package.load()

    function = compiled.load("rate", clock=lambda: 7, call={"prices": str.upper})

    assert function(1) == (1, 7, "X")
    with pytest.raises(compiled.NeedsCapabilities, match=r'load\("rate", \.\.\.\)'):
        from_import(package, "rate")
    with pytest.raises(compiled.NeedsCapabilities, match="call:prices, clock"):
        compiled.load("rate")
    assert package.submodule("rate").rate is not function
    with pytest.raises(compiled.NeedsCapabilities):
        from_import(package, "rate")


@pytest.mark.parametrize("given", [{"clock": int}, {"call": {"x": int}}, {"wrong": int}])
def test_capabilities_that_were_not_compiled_in_are_refused(package, given) -> None:
    """Nothing is bound that the entry does not list."""
    compiled = package.load()

    with pytest.raises(compiled.NeedsCapabilities, match="expected none"):
        compiled.load("route_ticket", **given)


def test_a_granted_module_needs_no_hand(package, from_import) -> None:
    """`module:` capabilities are imports of the artifact's own."""
    package.freeze("a", "import json\ndef a(data):\n    return 1\n", capabilities=("module:json",))

    assert from_import(package, "a")({}) == 1


def test_a_fallback_answers_for_what_abstains(package, from_import) -> None:
    """With a fallback the caller gets an answer; units without one stay bare."""
    package.freeze("other", "def other(data):\n    raise Abstain('never')\n")
    compiled = package.load()
    compiled.load("other")

    compiled.fallback("other", lambda data: ("asked", data))
    function = from_import(package, "other")

    assert function(3) == ("asked", 3)
    assert compiled.other is function is compiled.load("other")
    assert inspect.isfunction(compiled.route_ticket)
    assert pickle.loads(pickle.dumps(function)) is function
    assert importlib.reload(compiled).other(4) == ("asked", 4)


def test_a_fallback_need_not_hide_other_errors(package) -> None:
    """With `on_error=False` only `Abstain` is answered for."""
    package.freeze("other", "def other(data):\n    return 1 / data\n")
    compiled = package.load()
    compiled.fallback("other", str, on_error=False)

    with pytest.raises(ZeroDivisionError):
        compiled.other(0)
    assert compiled.other(1) == 1


def test_a_fallback_for_a_unit_with_capabilities(package) -> None:
    """The fallback gets the caller's arguments, not the capabilities."""
    package.freeze(
        "tick", "def tick(data, *, clock):\n    raise Abstain('no')\n", capabilities=("clock",)
    )
    compiled = package.load()
    compiled.fallback("tick", lambda data: ("asked", data))

    assert compiled.load("tick", clock=int)(5) == ("asked", 5)


def test_names_that_are_no_artifact_are_plain_missing_attributes(package) -> None:
    """`hasattr` and tools that probe modules get what they expect."""
    compiled = package.load()

    assert not hasattr(compiled, "setup_module")
    assert not hasattr(compiled, "__wrapped__")
    assert not hasattr(compiled, "os")
    with pytest.raises(AttributeError, match="no artifact 'nope'"):
        _ = compiled.nope


def test_the_package_lists_what_it_has(package) -> None:
    """`dir` names the artifacts once the lock is read, and `__all__` the loader's own words."""
    compiled = package.load()
    compiled.load("route_ticket")

    assert {"route_ticket", "load", "fallback", "Abstain"} <= set(dir(compiled))
    assert all(hasattr(compiled, name) for name in compiled.__all__)


@pytest.mark.parametrize("inside", [False, True])
def test_the_lock_may_lie_inside_the_folder(package, from_import, inside: bool) -> None:
    """A wheel ships the lock inside the package; beside comes first."""
    if inside:
        package.lock.rename(package.out / "compiledai.lock")
    else:
        (package.out / "compiledai.lock").write_text("nonsense")

    assert from_import(package, "route_ticket")({"a": 1})


def test_a_package_below_another_package(tmp_path: Path, package) -> None:
    """`--compile-out src/app/compiled` makes a package that is served under its full name."""
    app = tmp_path / "app"
    app.mkdir()
    (app / "__init__.py").write_text("")
    package.out.rename(app / "compiled")
    package.lock.rename(app / "compiledai.lock")
    code = (
        "import pickle\n"
        "from app.compiled import route_ticket\n"
        "import app.compiled.route_ticket\n"
        "assert app.compiled.route_ticket is route_ticket\n"
        "assert pickle.loads(pickle.dumps(route_ticket)) is route_ticket\n"
        "print(route_ticket.__module__)\n"
    )

    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{code}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (done.stdout, done.stderr) == ("app.compiled.route_ticket\n", "")


def test_optimised_python_runs_what_was_judged(package) -> None:
    """`python -O` takes no assertion out of an artifact, and `-OO` no docstring."""
    package.freeze("checked", 'def checked(data):\n    """Check."""\n    assert data\n')
    code = f"import {package.name} as c; print(c.load('checked').__doc__); c.load('checked')(0)"

    done = subprocess.run(
        [sys.executable, "-OO", "-c", code],
        cwd=package.root,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "Check." == done.stdout.strip()
    assert "AssertionError" in done.stderr
