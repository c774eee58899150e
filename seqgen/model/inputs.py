"""Batches for encoders, made of what a task reads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from seqgen.data.batches import pad_sources
from seqgen.data.vectors import Vectors, pad_vectors
from seqgen.data.words import WordRow, word_arrays
from seqgen.model.memory import ImageBatch, TextBatch, ValueBatch, VectorBatch, WordBatch
from seqgen.text import PAD


def text_batch(rows: Sequence[Sequence[int]]) -> TextBatch:
    """Source rows of token ids as a batch, each closed by EOS, so that none is empty."""
    tokens, lengths = pad_sources(rows)
    mask = np.arange(tokens.shape[1]) < lengths[:, None]
    return TextBatch(torch.from_numpy(tokens), torch.from_numpy(mask))


def word_batch(rows: Sequence[WordRow]) -> WordBatch:
    """Sentences of at least one word as a batch."""
    tokens, lengths, spelled, spellings = map(torch.from_numpy, word_arrays(rows))
    mask = torch.arange(tokens.shape[1]) < lengths[:, None]
    return WordBatch(tokens, mask, spelled, TextBatch(spellings, spellings != PAD))


def image_batch(pixels: Sequence[npt.NDArray[np.float32]]) -> ImageBatch:
    """Pixels [B] of [3, size, size] as a batch."""
    return ImageBatch(torch.from_numpy(np.stack(pixels)))


def value_batch(numbers: Sequence[int]) -> ValueBatch:
    """The numbers [B] of values as a batch."""
    return ValueBatch(torch.tensor(numbers, dtype=torch.int64))


def vector_batch(rows: Sequence[Vectors]) -> VectorBatch:
    """Sequences of vectors, each [S, W] of one W, as a batch."""
    vectors, mask = pad_vectors(rows)
    return VectorBatch(torch.from_numpy(vectors), torch.from_numpy(mask))
