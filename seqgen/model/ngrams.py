"""An encoder of text by convolutions: what stands at a position is the words around it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from seqgen.errors import UserError
from seqgen.model.embedding import Embedding
from seqgen.model.memory import Memory, TextBatch
from seqgen.model.rnn import LockedDropout
from seqgen.model.windows import Windows


class NgramEncoder(nn.Module):
    """Embeds tokens and reads windows of them with convolutions (Kim 2014).

    With pooling by the maximum a classifier asks of a text which n-grams are in it, wherever
    they stand: of little data that is often the better question than what a recurrent layer asks.

    Args:
        vocab_size: number of token ids.
        embedding_dim: width of an embedding.
        filters: of each width.
        widths: how many tokens a window holds.
        dropout: locked dropout on the embeddings.

    Raises:
        UserError: there is no width, or one below 1.
    """

    def __init__(
        self,
        vocab_size: int,
        embedding_dim: int = 200,
        filters: int = 100,
        widths: Sequence[int] = (2, 3, 4),
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        if not widths or min(widths) < 1:
            raise UserError(f"widths must be some of 1 or more, not {list(widths)}")
        self.output_dim = filters * len(widths)
        self.embed = Embedding(vocab_size, embedding_dim)
        self.dropout = LockedDropout(dropout)
        self.windows = nn.ModuleList(Windows(embedding_dim, filters, width) for width in widths)

    def forward(self, batch: TextBatch) -> Memory:
        """Read ``batch``: tokens [B, S]; the summary is the mean of the real states."""
        padding = ~batch.mask[..., None]
        embedded = self.dropout(self.embed(batch.tokens)).masked_fill(padding, 0.0)
        states = torch.cat([window(embedded) for window in self.windows], -1).relu()
        states = states.masked_fill(padding, 0.0)
        summary = states.sum(1) / batch.mask.sum(1, keepdim=True)
        return Memory(states, batch.mask, summary)
