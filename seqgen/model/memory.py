"""What goes into an encoder of text, images or values, and what comes out of every encoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor


@dataclass(frozen=True)
class TextBatch:
    """A batch of token sequences, padded on the right.

    Attributes:
        tokens: [B, S] int64; the padding id where ``mask`` is False.
        mask: [B, S] bool, True where a token is real. Every row has at least one.
    """

    tokens: Tensor
    mask: Tensor


@dataclass(frozen=True)
class WordBatch:
    """A batch of sentences as words, each with its spelling; a ``TextBatch`` of words too.

    Attributes:
        tokens: [B, S] int64, word ids; the padding id where ``mask`` is False.
        mask: [B, S] bool, True where a word is real. Every row has at least one.
        spelled: [B, S] int64, which row of ``spellings`` spells a word; 0 in the padding.
        spellings: [U, C] characters of the U words of the batch that are spelled differently.
    """

    tokens: Tensor
    mask: Tensor
    spelled: Tensor
    spellings: TextBatch


@dataclass(frozen=True)
class ImageBatch:
    """A batch of images, as pixels or as what the frozen part of an encoder made of them.

    Attributes:
        pixels: [B, 3, height, width] float, normalized.
        features: [B, C, height, width] float, given instead of ``pixels``.

    Raises:
        ValueError: both or none are given, or the shape or type is wrong.
    """

    pixels: Tensor | None = None
    features: Tensor | None = None

    def __post_init__(self) -> None:
        if (self.pixels is None) == (self.features is None):
            raise ValueError("give either pixels or features")
        pixels, features = self.pixels, self.features
        if pixels is not None and (pixels.dim() != 4 or pixels.shape[1] != 3 or _is_whole(pixels)):
            raise ValueError(f"pixels must be float [B, 3, height, width], not {_describe(pixels)}")
        if features is not None and (features.dim() != 4 or _is_whole(features)):
            raise ValueError(
                f"features must be float [B, C, height, width], not {_describe(features)}"
            )


@dataclass(frozen=True)
class ValueBatch:
    """A batch of single values.

    Attributes:
        values: [B] int64, each the number of one of a few values.
    """

    values: Tensor


@dataclass(frozen=True)
class VectorBatch:
    """A batch of sequences of vectors that were computed before, padded on the right.

    Attributes:
        vectors: [B, S, W] float; zero where ``mask`` is False.
        mask: [B, S] bool, True where a position is real. Every row has at least one.
    """

    vectors: Tensor
    mask: Tensor


@dataclass(frozen=True)
class Memory:
    """What an encoder knows about its input, and all that a decoder or a head may ask.

    Attributes:
        states: [B, S, D] float, one vector a position.
        mask: [B, S] bool, True where a position is real.
        summary: [B, D] float, one vector for the whole input.
        grid: (height, width) with height * width = S where positions are places of an image.

    Raises:
        ValueError: the shapes or types do not fit together; the message says which.
    """

    states: Tensor
    mask: Tensor
    summary: Tensor
    grid: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        states, mask, summary = self.states, self.mask, self.summary
        if states.dim() != 3 or not states.is_floating_point():
            raise ValueError(f"states must be float [B, S, D], not {_describe(states)}")
        batch, length, width = states.shape
        if mask.shape != (batch, length) or mask.dtype != torch.bool:
            raise ValueError(f"mask must be bool [{batch}, {length}], not {_describe(mask)}")
        if summary.shape != (batch, width) or not summary.is_floating_point():
            raise ValueError(f"summary must be float [{batch}, {width}], not {_describe(summary)}")
        if self.grid is not None and self.grid[0] * self.grid[1] != length:
            raise ValueError(f"a grid of {self.grid} does not have {length} positions")

    def select(self, rows: Tensor) -> Memory:
        """The memory of ``rows`` [N] int64, in that order; rows may repeat."""
        return Memory(
            self.states.index_select(0, rows),
            self.mask.index_select(0, rows),
            self.summary.index_select(0, rows),
            self.grid,
        )


@runtime_checkable
class Cacheable(Protocol):
    """An encoder of images with a frozen part, whose features are computed once and kept."""

    @property
    def stem_sha256(self) -> str:
        """Of the frozen part: features made under another one are of another network."""

    def features(self, pixels: Tensor) -> Tensor:
        """What the frozen part makes of ``pixels`` [B, 3, height, width]: [B, C, h, w]."""


def _is_whole(tensor: Tensor) -> bool:
    return not tensor.is_floating_point()


def _describe(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"
