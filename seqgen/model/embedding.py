"""Tokens as vectors: embeddings that can be tied to an output layer, or one-hot ones."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqgen.text import UNK


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


class OneHot(nn.Module):
    """Vectors that are 1 at their token and 0 elsewhere: nothing to learn.

    Args:
        vocab_size: V, number of token ids, and the width of a vector.
    """

    def __init__(self, vocab_size: int) -> None:
        super().__init__()
        self.vocab_size = vocab_size
        self.one: Tensor
        self.register_buffer("one", torch.ones(1))  # a buffer, so that it has the model's type

    def forward(self, tokens: Tensor) -> Tensor:
        """Vectors [..., V] of ``tokens`` [...] int64."""
        vectors = self.one.new_zeros(*tokens.shape, self.vocab_size)
        return vectors.scatter_(-1, tokens[..., None], 1.0)


class VectorEmbedding(nn.Module):
    """Learned embeddings, and beside them word vectors that stay as they were given.

    What is read is the sum of a word's own embedding and of a learned linear map of its vector
    (Kim 2014 has both as channels of one convolution). Words that come after those with
    embeddings of their own, as training has not seen them, have that of UNK: what they are,
    their vectors tell.

    Args:
        learned: the embeddings [K, E], whose rows are tokens 0 to K - 1.
        vocab_size: V >= K, number of token ids.
        width: F, of the given vectors: fill ``vectors`` [V, F] with them, scaled to variance 1.
    """

    def __init__(self, learned: nn.Embedding, vocab_size: int, width: int) -> None:
        super().__init__()
        self.learned = learned
        self.vectors: Tensor
        self.register_buffer("vectors", torch.zeros(vocab_size, width))
        self.read = nn.Linear(width, learned.embedding_dim, bias=False)
        nn.init.normal_(self.read.weight, std=width**-0.5)  # then it gives variance 1, too

    def forward(self, tokens: Tensor) -> Tensor:
        """Vectors [..., E] of ``tokens`` [...] int64."""
        own: Tensor = self.learned(tokens.masked_fill(tokens >= self.learned.num_embeddings, UNK))
        given: Tensor = self.read(F.embedding(tokens, self.vectors))
        return own + given
