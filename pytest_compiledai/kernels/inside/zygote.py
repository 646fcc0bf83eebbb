"""The zygote of kernels: Triton's interpreter loaded, mended, watched and proven, then forks."""

from __future__ import annotations

import os
import sys

from pytest_compiledai.sandbox.inside.zygote import main

from .work import live

#: One thread: a worker may start none, and a pool that was never started needs none.
_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TRITON_INTERPRET": "1",
}


def prepare(_: list[str]) -> None:
    """Load the interpreter and prove it; raises ``OSError`` where it computes wrongly."""
    os.environ.update(_ENVIRONMENT)
    try:
        from . import bfloat
        from . import device
        from . import hints
        from . import masks
        from . import memory
        from . import paged  # noqa: F401 - loaded while files can still be read
        from . import program  # noqa: F401 - loaded while files can still be read
        from . import running
        from . import selftest

        memory.watch()
        hints.check()
        masks.mend()
        masks.poison()
        device.mend()
        bfloat.mend()
        running.quicken()
        selftest.prove()
        selftest.prove_stores()
    except Exception as error:  # whatever another version of the interpreter raises
        raise OSError(f"the interpreter's self-test: {type(error).__name__} {error}") from error
    finally:
        # A function that a kernel calls is interpreted only if this is said when it is loaded.
        for name in set(_ENVIRONMENT) - {"TRITON_INTERPRET"}:
            del os.environ[name]


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), [], prepare, live)
