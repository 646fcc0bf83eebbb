"""Work of many pieces, done by joblib: in processes here, or by the workers of a cluster.

No scheduler of our own: who does which piece, and when, is the backend's. Answers come back in the
order of the pieces.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from collections.abc import Iterable
from contextlib import AbstractContextManager
from contextlib import closing
from contextlib import nullcontext
from typing import Any
from typing import Final
from typing import TypeVar

from pytest_compiledai.core.errors import SettingsError

A = TypeVar("A")
B = TypeVar("B")

#: Backend -> the module it needs, and the extra that brings it.
BACKENDS: Final = {
    "loky": ("joblib", "scale"),
    "dask": ("distributed", "dask"),
    "ray": ("ray", "ray"),
}
#: Where the errors of backends are from, each with one of its own for a worker that is gone.
_OF_BACKENDS: Final = frozenset({"joblib", "distributed", "ray"})


def fanned(
    work: Callable[[A], B],
    items: Iterable[A],
    *,
    jobs: int,
    backend: str = "loky",
    address: str = "",
) -> list[B]:
    """Return what ``work`` makes of each item, at most ``jobs`` of them at once.

    ``address`` is the scheduler that the dask or ray backend joins. ``work`` and the items must
    pickle. Raises ``SettingsError`` for a backend that is unknown, not installed or not reached,
    for a worker that ended in the middle, and what ``work`` raises.
    """
    check(backend, address, jobs)
    import joblib  # an extra, and 0.2 s

    with _joined(backend, address), joblib.parallel_config(backend=backend, n_jobs=jobs):
        try:
            return list(joblib.Parallel()(joblib.delayed(work)(item) for item in items))
        except Exception as error:
            if type(error).__module__.partition(".")[0] not in _OF_BACKENDS:
                raise
            raise _lost(backend, error) from error


def _lost(backend: str, error: Exception) -> SettingsError:
    said = str(error).strip().partition("\n")[0]
    return SettingsError(
        where=f"--backend {backend}",
        found=f"a worker that ended in the middle: {said}",
        expected="workers that outlive their work; a lack of memory ends many",
        next="the same command again, with fewer --jobs where it was memory",
    )


def _joined(backend: str, address: str) -> AbstractContextManager[Any]:
    """Return a connection to the scheduler, closed at the end; nothing for processes here."""
    try:
        if backend == "dask":
            from distributed import Client

            client: Any = Client
            return closing(client(address, set_as_default=True))
        if backend == "ray":
            return _ray(address)
    except (OSError, TimeoutError, ConnectionError) as error:
        raise SettingsError(
            where=f"--address {address}",
            found=f"no scheduler that answers: {error}",
            expected=f"the address of a running {backend} scheduler",
            next=f"--address ADDRESS of a {backend} cluster whose workers have this environment",
        ) from error
    return nullcontext()


def _ray(address: str) -> AbstractContextManager[Any]:
    import ray
    from ray.util.joblib import register_ray

    register_ray()
    ray.init(address=address, log_to_driver=False)

    class Connection:
        close = staticmethod(ray.shutdown)

    return closing(Connection())


def check(backend: str, address: str, jobs: int) -> None:
    """Raise ``SettingsError`` for a backend that is unknown, not there, or lacks its address."""
    if jobs < 1:
        raise SettingsError(where="--jobs", found=str(jobs), expected="1 or more", next="--jobs 2")
    if backend not in BACKENDS:
        raise SettingsError(
            where="--backend",
            found=backend,
            expected=f"one of {', '.join(BACKENDS)}",
            next=f"--backend {min(BACKENDS)}",
        )
    module, extra = BACKENDS[backend]
    missing = [name for name in ("joblib", module) if importlib.util.find_spec(name) is None]
    if missing:
        raise SettingsError(
            where=f"--backend {backend}",
            found=f"{missing[0]} not installed",
            expected="the package of the backend, here and on every worker",
            next=f'pip install "pytest-compiledai[{extra}]"',
        )
    if bool(address) == (backend == "loky"):
        raise SettingsError(
            where="--address",
            found=address or "no address",
            expected="none for loky" if address else f"the address of the {backend} scheduler",
            next="--backend dask --address tcp://HOST:8786, or --backend loky alone",
        )
