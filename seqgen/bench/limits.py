"""What this machine can do at best: products of matrices, and reading memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from seqgen.bench.measure import Measure
from seqgen.model.int8 import packing, prepare
from seqgen.model.linear import linear
from seqgen.training.precision import matmul_rate, seconds_each

_SIZE = 1024  # of the square matrices
_BYTES = 1 << 29  # read at once: more than any cache holds

PRODUCTS = "the products' peak"
BANDWIDTH = "the memory's bandwidth"


@dataclass(frozen=True)
class Limits:
    """The two limits that figures are compared with.

    Attributes:
        products: floating-point operations a second in float32, in GFLOP/s.
        low: the same in bfloat16.
        bandwidth: bytes read a second, in GB/s.
    """

    products: float
    low: float
    bandwidth: float

    def products_in(self, dtype: torch.dtype) -> float:
        """The peak of products in float32 or bfloat16, in GFLOP/s."""
        return self.low if dtype == torch.bfloat16 else self.products


def measure_limits(seconds: float) -> tuple[Limits, list[Measure]]:
    """Measure each limit for so many seconds."""
    full = float_rate(seconds)
    low = matmul_rate(torch.bfloat16, seconds, _SIZE)
    whole, bandwidth = int8_rate(seconds), read_rate(seconds)
    return Limits(full, low, bandwidth), [
        Measure("products, float32", full, "GFLOP/s"),
        Measure("products, bfloat16", low, "GFLOP/s"),
        Measure("products, int8", whole, "GOP/s"),
        Measure("reading memory", bandwidth, "GB/s"),
    ]


def float_rate(seconds: float) -> float:
    """Products in float32 by the faster of torch's libraries, in GFLOP/s."""
    left, right = torch.randn(2, _SIZE, _SIZE)
    with torch.no_grad():
        own = _rate(lambda: linear(left, right, None), seconds)
    return max(own, matmul_rate(torch.float32, seconds, _SIZE))


def int8_rate(seconds: float) -> float:
    """Products of 8-bit integers as ``--int8`` has them summed, in GOP/s."""
    left, right = torch.randint(-63, 64, (2, _SIZE, _SIZE), dtype=torch.int8)  # 7 bits
    sums = prepare(left, torch.ones(_SIZE), packing())
    return _rate(lambda: sums(right), seconds)


def _rate(product: Callable[[], object], seconds: float) -> float:
    """Operations of a product of ``_SIZE`` a second, in 10^9."""
    return 2 * _SIZE**3 / seconds_each(product, seconds) / 1e9


def read_rate(seconds: float) -> float:
    """Bytes that a sum over a large array reads a second, in GB/s."""
    numbers = torch.ones(_BYTES // 4)
    return _BYTES / seconds_each(numbers.sum, seconds) / 1e9
