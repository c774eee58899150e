"""Embeddings that can be tied to an output layer and still feed a recurrent one well."""

from __future__ import annotations

from torch import Tensor, nn


class Embedding(nn.Embedding):
    """Token embeddings scaled by sqrt(E), as in Vaswani et al. 2017.

    Weights have the standard deviation 1 / sqrt(E) that an output layer tied to them needs;
    scaled, what a recurrent layer reads has variance one.

    Args:
        vocab_size: V, number of token ids.
        width: E.
    """

    def __init__(self, vocab_size: int, width: int) -> None:
        super().__init__(vocab_size, width)
        self.scale = width**0.5
        nn.init.normal_(self.weight, std=1.0 / self.scale)

    def forward(self, tokens: Tensor) -> Tensor:
        """Vectors [..., E] of ``tokens`` [...] int64."""
        vectors: Tensor = super().forward(tokens) * self.scale
        return vectors
