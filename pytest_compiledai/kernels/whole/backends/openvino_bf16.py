"""OpenVINO with products in bfloat16, where the processor has matrix units for them.

Elsewhere it computes in full precision, as the back end `openvino` does: without such units a
product in bfloat16 is no faster, and what was frozen on one processor has to run on every other.
A spec names this back end to have it tried; accuracy is judged like any other's.
"""

from __future__ import annotations

from typing import Final

from pytest_compiledai.kernels.whole.backends.openvino import OpenVino


class OpenVinoBf16(OpenVino):
    """One thread, one request; weights and activations are rounded to bfloat16 for products."""

    name = "openvino_bf16"

    @property
    def arithmetic(self) -> str:
        """What products are computed in on this processor: `bf16` or `f32`."""
        import torch

        # AMX on x86-64. Other units for bfloat16 (AVX-512's) do not outrun full precision.
        return "bf16" if torch.cpu.get_capabilities().get("amx_bf16") else "f32"


BACKEND: Final = OpenVinoBf16()
