"""Batches of similar length, in an order that is a function of (seed, epoch)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seqgen.errors import UserError
from seqgen.text import EOS, PAD

IntArray = npt.NDArray[np.int64]

_BANDS = 1.4  # times the root of the number of batches; least padding on Multi30k


@dataclass(frozen=True)
class Position:
    """Where training stands in its data: the next batch of an epoch."""

    epoch: int = 0
    batch: int = 0


def epoch_batches(
    lengths: npt.NDArray[Any],
    batch_tokens: int,
    seed: int,
    epoch: int,
    rank: int = 0,
    world: int = 1,
) -> list[IntArray]:
    """Row numbers of each batch of an epoch, in order, for one of ``world`` processes.

    Rows are grouped by length, by chance where lengths are alike; cut where a batch would cost
    too much; and the batches shuffled. The processes get equally many batches, all rows between
    them, and at each step batches of similar length, so that none waits long for another
    (``deal``).

    Args:
        lengths: [N, C] tokens of each row on each side.
        batch_tokens: a batch costs its rows times its longest side, and at most this; a row
            longer than that is a batch by itself.
        seed: of all epochs, any integer.
        epoch: from 0.
        rank: of this process, from 0.
        world: number of processes.

    Raises:
        UserError: there are no rows.
    """
    if not len(lengths):
        raise UserError("there are no rows to train on")
    rng = np.random.Generator(np.random.PCG64([seed % (1 << 64), epoch]))
    order = _by_length(lengths, batch_tokens, rng)
    batches = _cut(order, lengths[order].max(1).tolist(), batch_tokens)
    return deal(batches, rng, rank, world)


def deal(
    batches: list[IntArray], rng: np.random.Generator, rank: int, world: int
) -> list[IntArray]:
    """The shuffled share of one of ``world`` processes in batches sorted by length.

    All get equally many, and at each step neighbours in the order they came in. Where their
    number does not divide, the ones with most rows are halved; only where every batch is a
    single row is one dealt twice.
    """
    while len(batches) % world:
        place = max(range(len(batches)), key=lambda i: len(batches[i]))
        batch = batches[place]
        half = (len(batch) + 1) // 2
        batches[place : place + 1] = [batch[:half], batch[half:] if len(batch) > 1 else batch]
    rounds = rng.permutation(len(batches) // world)
    return [batches[world * i + rank] for i in rounds]


def _by_length(lengths: npt.NDArray[Any], batch_tokens: int, rng: np.random.Generator) -> IntArray:
    """Row numbers in bands of similar last column, sorted by the first within a band.

    With about as many bands as a band has batches, a batch is narrow in both columns. Edges of
    bands move by chance, never through rows of one length. Every other band is sorted
    downwards, so that a batch over an edge is narrow too.
    """
    rows = rng.permutation(len(lengths))
    first, last = lengths[rows, 0].astype(np.int64), lengths[rows, -1].astype(np.int64)
    cost = np.cumsum(np.bincount(last, weights=lengths[rows].max(1)))  # up to each last length
    total = max(cost[-1], 1.0)
    bands = _BANDS * np.sqrt(total / batch_tokens)
    band = np.floor(cost / total * bands + rng.random()).astype(np.int64)[last]
    order: IntArray = rows[np.lexsort((np.where(band % 2, first, -first), band))]
    return order


def _cut(order: IntArray, longest: list[int], batch_tokens: int) -> list[IntArray]:
    """Cut ``order`` into batches as large as ``batch_tokens`` allows."""
    cuts, begin, width = [], 0, 0
    for place, length in enumerate(longest):
        width = max(width, length)
        if place > begin and width * (place + 1 - begin) > batch_tokens:
            cuts.append(place)
            begin, width = place, length
    return np.split(order, cuts)


def pad(rows: Sequence[Sequence[int] | npt.NDArray[Any]], value: int = PAD) -> IntArray:
    """Rows of ids as one array [B, S], filled up with ``value`` on the right."""
    width = max((len(row) for row in rows), default=0)
    padded = np.full((len(rows), width), value, dtype=np.int64)
    for i, row in enumerate(rows):
        padded[i, : len(row)] = row
    return padded


def pad_sources(rows: Sequence[Sequence[int]]) -> tuple[IntArray, IntArray]:
    """Source rows of token ids, each closed by EOS: padded [B, S], and their lengths [B]."""
    lengths = np.array([len(row) + 1 for row in rows], np.int64)
    return pad([[*row, EOS] for row in rows]), lengths
