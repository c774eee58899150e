"""An encoder of single values: the name of a category, the number of a class."""

from __future__ import annotations

import torch
from torch import nn

from seqgen.model.memory import Memory, ValueBatch


class EmbeddingEncoder(nn.Module):
    """One vector for each value, learned; the memory of an input is that vector alone.

    A decoder begins in a state made of it, and with attention reads it at every step, since
    there is one place to look at.

    Args:
        vocab_size: number of values.
        width: D.
        dropout: share of a vector's numbers that are left out while training.
    """

    def __init__(self, vocab_size: int, width: int = 128, dropout: float = 0.0) -> None:
        super().__init__()
        self.output_dim = width
        self.embed = nn.Embedding(vocab_size, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, batch: ValueBatch) -> Memory:
        """The memory of ``batch``: values [B] become states [B, 1, D]."""
        vectors = self.dropout(self.embed(batch.values))
        mask = torch.ones(vectors.shape[0], 1, dtype=torch.bool, device=vectors.device)
        return Memory(vectors[:, None], mask, vectors)
