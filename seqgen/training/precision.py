"""Which number format this machine trains fastest in, found by trying."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

import torch
from torch import nn

Precision = Literal["auto", "float32", "bfloat16"]

_WORTHWHILE = 1.3  # bfloat16 must win by this much on bare products to win at all in training


def seconds_each(call: Callable[[], object], seconds: float) -> float:
    """How long ``call`` takes: the mean over so many ``seconds``, of one call at least."""
    call()  # the first one sets kernels up
    begin, count = time.perf_counter(), 0
    while count == 0 or time.perf_counter() - begin < seconds:
        call()
        count += 1
    return (time.perf_counter() - begin) / count


def matmul_rate(dtype: torch.dtype, seconds: float = 0.2, size: int = 1024) -> float:
    """Square matrix products of ``size`` in ``dtype``, in GFLOP/s on this machine now."""
    left, right = torch.randn(2, size, size).to(dtype)
    return 2 * size**3 / seconds_each(lambda: left @ right, seconds) / 1e9


def choose_precision(wanted: str) -> tuple[torch.dtype, float, str]:
    """The type to train in, of the names of ``Precision``.

    Returns:
        The type, this machine's GFLOP/s on products in it, and a sentence that says why.
    """
    if wanted != "auto":
        rate = matmul_rate(getattr(torch, wanted))
        return getattr(torch, wanted), rate, f"{wanted}, as asked: products at {rate:.0f} GFLOP/s"
    low, full = matmul_rate(torch.bfloat16), matmul_rate(torch.float32)
    name = "bfloat16" if low > _WORTHWHILE * full else "float32"
    return (
        getattr(torch, name),
        low if name == "bfloat16" else full,
        f"{name}: products run at {low:.0f} GFLOP/s in bfloat16, {full:.0f} in float32",
    )


def train_flops(model: nn.Module) -> float:
    """Floating-point operations that training ``model`` on one token costs in products.

    Two for each weight of a matrix forward and four backward (Kaplan et al. 2020, section
    2.1). Looking an embedding up costs none; tied to an output layer its matrix counts once.
    """
    looked_up = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    multiplied = {id(m.weight) for m in model.modules() if isinstance(m, nn.Linear)}
    free = looked_up - multiplied
    return 6.0 * sum(p.numel() for p in model.parameters() if p.dim() > 1 and id(p) not in free)
