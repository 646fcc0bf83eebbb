"""Launches machine code by the package's own launcher over the driver without a device.

Prints what the driver was told of one launch, in a process of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import torch

from pytest_compiledai.kernels.facts import bundled
from pytest_compiledai.kernels.runtime import driver
from tests.unit.kernels.device.fake import Fake

PTX = """
.version 8.0
.target sm_90
.address_size 64
.visible .entry scale(.param .u64 scale_param_0, .param .u64 scale_param_1, .param .f32 by)
{
    ret;
}
"""
SHARED = 100 << 10


def main() -> None:
    """Print the launch, with the place of its buffer."""
    torch.cuda.current_stream = lambda: SimpleNamespace(cuda_stream=5)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fake = Fake(folder, bundled().parent / "include")
        (folder / "scale.ptx").write_text(PTX, encoding="utf-8")
        argv = ["-arch=sm_90", str(folder / "scale.ptx"), "-o", str(folder / "scale.cubin")]
        subprocess.run([str(bundled() / "ptxas"), *argv], check=True)
        kernel = driver.function((folder / "scale.cubin").read_bytes(), "scale", shared=SHARED)
        held = torch.zeros(4)
        launch = driver.launcher(
            kernel, grid=[3, 2], block=[64], shared=SHARED, arguments=["x", -7, 0.5]
        )
        launch({"x": held})
    (told,) = fake.launches
    facts = {"grid": told.grid, "block": told.block, "shared": told.shared, "stream": told.stream}
    facts |= {"parameters": [one.hex() for one in told.parameters], "place": held.data_ptr()}
    sys.stdout.write(json.dumps(facts | {"attributes": fake.attributes}))


if __name__ == "__main__":
    main()
