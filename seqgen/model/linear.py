"""Products with weights, by the faster library where no gradient is asked for."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_LITTLE = 2_000_000  # products of numbers, for which oneDNN takes longer to begin than it saves


class Linear(nn.Linear):
    """``nn.Linear``, whose forward pass is `linear`."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Numbers [..., K] to [..., M]."""
        return linear(inputs, self.weight, self.bias)


def linear(inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """``F.linear``; in float32 without gradients it is oneDNN's, unless there is little to do.

    Torch leaves float32 to MKL, which on AMD's processors with AVX-512 reaches half of what
    oneDNN does.

    Args:
        inputs: [..., K].
        weight: [M, K].
        bias: [M] or None.
    """
    plain = (
        inputs.numel() * weight.shape[0] < _LITTLE
        or torch.is_grad_enabled()
        or torch.is_autocast_enabled("cpu")
        or torch.jit.is_tracing()  # type: ignore[attr-defined,no-untyped-call]
        or not inputs.dtype == weight.dtype == torch.float32
        or inputs.device.type != "cpu"
        or not _has_onednn()
    )
    if plain:
        return F.linear(inputs, weight, bias)
    found: Tensor = torch.ops.mkldnn._linear_pointwise(inputs, weight, bias, "none", [], "")
    return found


@cache
def _has_onednn() -> bool:
    """Whether this torch has the product here."""
    try:
        torch.ops.mkldnn._linear_pointwise(torch.ones(1, 2), torch.ones(3, 2), None, "none", [], "")
    except (AttributeError, RuntimeError):
        return False
    return True
