"""What stands in a window around each position of a sequence: a convolution as one product."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Windows(nn.Module):
    """A convolution over a sequence, as long as it was, by one product of matrices.

    On a CPU that is faster than ``nn.Conv1d`` at the sizes of sentences and of words.

    Args:
        input_dim: E, width of a position.
        filters: D, numbers that each window gives.
        width: positions in a window.
    """

    def __init__(self, input_dim: int, filters: int, width: int) -> None:
        super().__init__()
        self.width = width
        self.filters = nn.Linear(width * input_dim, filters)

    def forward(self, sequence: Tensor) -> Tensor:
        """What the windows around the positions of ``sequence`` [B, S, E] give, [B, S, D].

        Beyond the end of a row stand zeros, however long the batch is. A window of even width
        has one position more after its middle than before.

        Args:
            sequence: [B, S, E], zero in the padding.
        """
        before, length = (self.width - 1) // 2, sequence.shape[1]
        padded = F.pad(sequence, (0, 0, before, self.width - 1 - before))
        shifted = [padded[:, place : place + length] for place in range(self.width)]
        found: Tensor = self.filters(torch.cat(shifted, -1))
        return found


def maximum(states: Tensor, real: Tensor) -> Tensor:
    """The greatest of each feature [B, D] over the real positions of ``states`` [B, S, D]."""
    return states.masked_fill(~real[..., None], float("-inf")).amax(1)
