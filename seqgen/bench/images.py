"""How fast convolutional networks read images."""

from __future__ import annotations

import time

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from seqgen.bench.limits import PRODUCTS, Limits
from seqgen.bench.measure import Measure
from seqgen.model.backbones import build_backbone

BACKBONES = ("resnet18", "resnet50", "mobilenet_v2")
_BATCH, _SIDE = 16, 224


@torch.inference_mode()
def measure_features(name: str, dtype: torch.dtype, seconds: float, limits: Limits) -> Measure:
    """Images a second through a frozen network; random weights take the same time as others."""
    network = nn.Sequential(*build_backbone(name).stages)
    network.eval().to(dtype=dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
    pixels = torch.randn(_BATCH, 3, _SIDE, _SIDE, dtype=dtype)
    pixels = pixels.contiguous(memory_format=torch.channels_last)
    with FlopCounterMode(display=False) as counter:
        network(pixels)
    begin, count = time.perf_counter(), 0
    while count == 0 or time.perf_counter() - begin < seconds:
        network(pixels)
        count += 1
    passed = time.perf_counter() - begin
    share = counter.get_total_flops() * count / passed / 1e9 / limits.products_in(dtype)
    label = f"features, {name}, {str(dtype).removeprefix('torch.')}"
    return Measure(label, _BATCH * count / passed, "images/s", share, PRODUCTS)
