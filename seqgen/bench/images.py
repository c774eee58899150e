"""How fast convolutional networks read images."""

from __future__ import annotations

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from seqgen.bench.limits import PRODUCTS, Limits
from seqgen.bench.measure import Measure
from seqgen.model.backbones import build_backbone
from seqgen.model.folded import Folded
from seqgen.training.precision import seconds_each

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
    frozen = Folded()
    spent = seconds_each(lambda: frozen(network, pixels), seconds)
    share = counter.get_total_flops() / spent / 1e9 / limits.products_in(dtype)
    label = f"features, {name}, {str(dtype).removeprefix('torch.')}"
    return Measure(label, _BATCH / spent, "images/s", share, PRODUCTS)
