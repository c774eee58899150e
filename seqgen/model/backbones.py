"""Convolutional networks by name, cut before their classifier and into stages."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from seqgen.errors import UserError

SMALL = "small"  # ours

# Of torchvision's classifiers, those whose modules stand in a row up to a feature map.
_FAMILIES = (
    "convnext_ densenet efficientnet_ mnasnet mobilenet_ regnet_ resnet resnext"
    " shufflenet_v2_ squeezenet vgg wide_resnet"
)

_EXAMPLES = ("resnet50", "mobilenet_v2", "efficientnet_b0", "convnext_tiny")

HEAD = ("avgpool", "classifier", "fc")  # what torchvision names the modules after the map
_ROWS = ("features", "layers", "trunk_output")  # and modules that hold a row of others

_PROBE = 64  # pixels of a side; enough to leave a map of any of these networks


class Backbone(NamedTuple):
    """A convolutional network without its classifier.

    A stage is all that works at one resolution. Its modules keep torchvision's names, with
    ``/`` for the dots that a name within a module cannot have.

    Attributes:
        stages: to be applied one after the other to pixels [B, 3, height, width].
        channels: C of the last stage's map.
        reduction: a side of the pixels over a side of the map; no smaller image has a map.
    """

    stages: list[nn.Sequential]
    channels: int
    reduction: int


def torchvision_models() -> Any:
    """``torchvision.models``, imported when it is needed: that takes longer than torch itself."""
    from torchvision import models

    return models


def backbone_names() -> list[str]:
    """All names ``build_backbone`` knows."""
    models = torchvision_models()
    families = tuple(_FAMILIES.split())
    every = models.list_models(module=models)
    return [SMALL, *(name for name in every if name.startswith(families))]


def check_backbone(name: str) -> None:
    """Refuse a name ``build_backbone`` does not know.

    Raises:
        UserError: there is none of that name, or it has no feature map to cut out.
    """
    known = backbone_names()
    if name in known:
        return
    models = torchvision_models()
    if name in models.list_models(module=models):
        what = f"'{name}' has no convolutional feature map to cut out"
        raise UserError(what, "backbone", f"choose one such as {', '.join(_EXAMPLES)}")
    near = difflib.get_close_matches(name, known, n=3) or _EXAMPLES
    raise UserError(f"there is no '{name}'", "backbone", f"near it are {', '.join(near)}")


def build_backbone(name: str) -> Backbone:
    """The network ``name`` with random weights.

    Raises:
        UserError: see ``check_backbone``.
    """
    check_backbone(name)
    network = SmallCNN() if name == SMALL else torchvision_models().get_model(name, weights=None)
    network.eval()
    stages = [nn.Sequential()]
    maps = torch.zeros(1, 3, _PROBE, _PROBE)
    for path, module in _row(network):
        before = maps
        with torch.no_grad():
            maps = module(maps)
        if maps.shape[-1] < before.shape[-1] and _learns(stages[-1]):
            stages.append(nn.Sequential())
        stages[-1].add_module(path.replace(".", "/"), module)
    if not _learns(stages[-1]):  # VGG's last pooling; without it the map is that of Xu et al. 2015
        maps = before
        stages.pop()
    return Backbone(stages, maps.shape[1], _PROBE // maps.shape[-1])


def _row(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The modules up to the feature map in order, each with its path in ``network``."""
    for name, module in network.named_children():
        if name in HEAD:
            break
        if name in _ROWS:
            yield from ((f"{name}.{inner}", part) for inner, part in module.named_children())
        else:
            yield name, module
    if isinstance(network, torchvision_models().DenseNet):
        yield "relu", nn.ReLU()  # its forward applies one that is no module


def _learns(module: nn.Module) -> bool:
    return any(True for _ in module.parameters())


class SmallCNN(nn.Module):
    """A network for drawings, trained from scratch: 64 x 64 pixels become a map of 8 x 8.

    Eight convolutions of 3 x 3 with group normalization (Wu & He 2018), which does the same in
    training and in use, whatever the batch.
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for channels, width, stride in ((3, 16, 2), (16, 32, 2), (32, 64, 2), (64, 128, 1)):
            layers += _convolution(channels, width, stride) + _convolution(width, width, 1)
        self.features = nn.Sequential(*layers)

    def forward(self, pixels: Tensor) -> Tensor:
        """The map [B, 128, height / 8, width / 8] of ``pixels`` [B, 3, height, width]."""
        maps: Tensor = self.features(pixels)
        return maps


def _convolution(channels: int, width: int, stride: int) -> list[nn.Module]:
    convolution = nn.Conv2d(channels, width, 3, stride, padding=1, bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    return [convolution, nn.GroupNorm(8, width), nn.ReLU(inplace=True)]
