"""Frozen convolutional networks without BatchNorm: it is folded into the convolutions."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.fx.experimental.optimization import fuse


class Folded:
    """Runs a frozen network with each BatchNorm folded into the convolution before it.

    In evaluation mode a BatchNorm is a scale and a shift of each channel; multiplied into the
    weights of the convolution, it costs nothing. What comes out differs by rounding alone.

    The folded copy is made when first asked for and again when a tensor of the network has
    changed since. It is no part of a model's state, and no process inherits it.
    """

    def __init__(self) -> None:
        self._made_of: list[tuple[int, int]] = []
        self._copy: nn.Module | None = None

    def __call__(self, network: nn.Module, maps: Tensor) -> Tensor:
        """``network``, in evaluation mode, of ``maps`` [B, C, h, w].

        As it stands where it is exported: the folding would become part of the graph, wrongly.
        """
        if torch.onnx.is_in_onnx_export():
            plain: Tensor = network(maps)
            return plain
        made_of = [_mark(tensor) for tensor in network.state_dict(keep_vars=True).values()]
        if self._copy is None or made_of != self._made_of:
            self._copy, self._made_of = fuse(network), made_of
        found: Tensor = self._copy(maps)
        return found

    def __reduce__(self) -> tuple[type[Folded], tuple[()]]:
        return Folded, ()


def _mark(tensor: Tensor) -> tuple[int, int]:
    """What changes when the tensor does: where its numbers are, and how often they were written."""
    return tensor.data_ptr(), 0 if tensor.is_inference() else tensor._version
