"""Fallbacks: when they are asked, when they are left alone, and what the caller gets to see."""

from __future__ import annotations

import asyncio
import contextlib
import threading

import pytest

from pytest_compiledai.runtime.errors import Abstain
from pytest_compiledai.runtime.errors import NoFallback
from pytest_compiledai.runtime.serving import _Fallback

DIVIDE = """def divide(data):
    if data is None:
        raise Abstain("nothing")
    return 1 / data
"""


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def compiled(package):
    package.freeze("divide", DIVIDE)
    return package.load()


def fallback(function=len, **changes) -> _Fallback:
    facts = {"on_error": True, "failures": 2, "pause_s": 10, "budget": None, "per_s": 60}
    return _Fallback(function, **(facts | changes))


def failing(*_: object) -> None:
    raise TimeoutError("the model hangs")


def test_an_unexpected_error_is_answered_for(compiled):
    """Where the artifact raises, the fallback is asked with the same arguments."""
    compiled.fallback("divide", lambda data: ("asked", data))

    assert compiled.divide(0) == ("asked", 0)
    assert compiled.divide(None) == ("asked", None)
    assert compiled.divide(2) == 0.5


def test_an_error_of_the_fallback_reaches_the_caller(compiled):
    """With what the artifact said as its context."""
    compiled.fallback("divide", failing)

    with pytest.raises(TimeoutError) as caught:
        compiled.divide(None)
    assert isinstance(caught.value.__context__, compiled.Abstain)


def test_a_fallback_that_fails_is_left_alone(compiled):
    """After so many errors in a row the caller hears so at once, as an abstention."""
    compiled.fallback("divide", failing, failures=2)
    for _ in range(2):
        with pytest.raises(TimeoutError):
            compiled.divide(0)

    with pytest.raises(compiled.NoFallback, match=r"TimeoutError\); asked again in") as caught:
        compiled.divide(0)
    assert isinstance(caught.value, compiled.Abstain)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_after_the_pause_one_call_tries():
    """The others go on waiting until its answer closes the circuit."""
    clock = Clock()
    tried = fallback(clock=clock)
    for _ in range(2):
        tried.begin()
        tried.end(TimeoutError())
    clock.now += 10

    tried.begin()
    with pytest.raises(NoFallback):
        tried.begin()
    tried.end(None)

    tried.begin()


def test_a_failed_trial_opens_the_circuit_again():
    """For another pause, counted from its end."""
    clock = Clock()
    tried = fallback(clock=clock)
    for _ in range(3):
        clock.now += 10
        tried.begin()
        tried.end(TimeoutError())

    clock.now += 9
    with pytest.raises(NoFallback, match="in 1 s"):
        tried.begin()


def test_errors_count_only_in_a_row():
    """One answer between them closes the count."""
    tried = fallback()
    for error in (TimeoutError(), None, TimeoutError()):
        tried.begin()
        tried.end(error)

    tried.begin()


def test_a_cancelled_call_says_nothing_about_the_fallback():
    """It neither counts as a failure nor as an answer."""
    tried = fallback(failures=1)
    tried.begin()
    tried.end(asyncio.CancelledError())

    tried.begin()


def test_a_budget_bounds_the_calls_of_a_window():
    """Calls beyond it are refused until the oldest leaves the window."""
    clock = Clock()
    tried = fallback(budget=2, clock=clock)
    tried.begin()
    clock.now += 30
    tried.begin()

    with pytest.raises(NoFallback, match="2 calls in 60 s"):
        tried.begin()
    clock.now += 31
    tried.begin()


def test_a_budget_of_none_asks_nobody(compiled):
    """`budget=0` is a fallback that is switched off, and says so."""
    compiled.fallback("divide", len, budget=0)

    with pytest.raises(compiled.NoFallback, match="budget is spent"):
        compiled.divide(None)


def test_threads_share_one_budget(compiled):
    """No more calls begin than it allows, however many threads ask."""
    answers = []
    compiled.fallback("divide", lambda _: answers.append(1), budget=50)
    divide = compiled.divide

    def ask():
        for _ in range(50):
            with contextlib.suppress(compiled.NoFallback):
                divide(None)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(answers) == 50


def test_an_async_fallback_is_awaited(compiled):
    """`ask` is the call for an event loop."""

    async def answer(data):
        await asyncio.sleep(0)
        return ("awaited", data)

    compiled.fallback("divide", answer)

    assert asyncio.run(compiled.ask("divide", 0)) == ("awaited", 0)
    assert asyncio.run(compiled.ask("divide", 4)) == 0.25


def test_a_slow_fallback_holds_up_no_event_loop(compiled):
    """A plain function works in a thread while other tasks go on."""
    free = threading.Event()
    compiled.fallback("divide", lambda _: free.wait(30))

    async def both():
        waiting = asyncio.create_task(compiled.ask("divide", 0))
        await asyncio.sleep(0)
        free.set()
        return await waiting

    assert asyncio.run(both()) is True


def test_an_async_fallback_needs_to_be_asked(compiled):
    """A plain call has nobody to wait for it, and no coroutine is left behind."""

    async def answer(data):
        return data

    compiled.fallback("divide", answer)

    with pytest.raises(TypeError, match=r"await ask"):
        compiled.divide(0)


def test_ask_needs_no_fallback(compiled):
    """A bare function is called as it is, and its errors are its own."""
    assert asyncio.run(compiled.ask("divide", 4)) == 0.25
    with pytest.raises(compiled.Abstain):
        asyncio.run(compiled.ask("divide", None))


@pytest.mark.parametrize(
    ("arguments", "options", "match"),
    [
        ((), {}, "function or a model"),
        ((len,), {"model": "x/y"}, "not both"),
        ((len,), {"failures": 0}, "failures >= 1"),
        ((len,), {"pause_s": -1}, "pause_s >= 0"),
        ((len,), {"budget": -1}, "budget >= 0"),
        ((len,), {"per_s": 0}, "per_s > 0"),
    ],
)
def test_a_fallback_that_makes_no_sense_is_refused(compiled, arguments, options, match):
    """When it is registered, not when production needs it."""
    with pytest.raises(ValueError, match=match):
        compiled.fallback("divide", *arguments, **options)


def test_options_of_a_model_need_one(compiled):
    """A misspelt bound must not be taken for an option of LiteLLM."""
    with pytest.raises(TypeError, match="bugdet"):
        compiled.fallback("divide", len, bugdet=3)


def test_a_spec_may_forbid_a_fallback(package):
    """`fallback: none` stands in the artifact, and nothing else answers then."""
    package.freeze("divide", f"# divide\n# compiledai spec@1\n# compiledai fallback none\n{DIVIDE}")
    compiled = package.load()

    with pytest.raises(ValueError, match="fallback: none"):
        compiled.fallback("divide", len)


def test_abstentions_without_a_fallback_stay_as_they_are():
    """`covers` asks for both kinds only where errors are covered."""
    plain = fallback(on_error=False)

    assert plain.covers(Abstain("x"))
    assert not plain.covers(ValueError())
