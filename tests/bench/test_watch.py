"""The watch over processor time breaks off what runs too long, in a process of many threads too."""

from __future__ import annotations

import signal
import threading
import time

import pytest

pytestmark = pytest.mark.skipif(
    not hasattr(time, "pthread_getcpuclockid"), reason="the watch needs a thread's clock"
)


@pytest.fixture
def watching(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest):
    """Return the module, while two other threads wait."""
    monkeypatch.syspath_prepend(str(request.config.rootpath))
    import bench.watch

    done = threading.Event()
    others = [threading.Thread(target=done.wait) for _ in range(2)]
    for other in others:
        other.start()
    yield bench.watch
    done.set()
    for other in others:
        other.join()


def hang() -> None:
    while True:
        pass


def test_work_that_does_not_end_is_broken_off(watching) -> None:
    """Each time anew, and the caller goes on."""
    with watching.Watch(0.02) as watch:
        for _ in range(5):
            with pytest.raises(watching.Overtime):
                watch.call(hang)
        assert watch.call(lambda: 7) == 7


def test_what_is_not_watched_takes_as_long_as_it_likes(watching) -> None:
    """A signal that comes late finds nothing to break off, and the former handler comes back."""
    before = signal.getsignal(signal.SIGPROF)

    with watching.Watch(0.02) as watch:
        watch.call(int)
        until = time.thread_time() + 0.05
        while time.thread_time() < until:
            signal.raise_signal(signal.SIGPROF)

    assert signal.getsignal(signal.SIGPROF) == before
