"""Batches of captions that share the encoding of their image, in an order of (seed, epoch)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from seqgen.data.batches import IntArray, deal
from seqgen.errors import UserError

# Tokens. Projecting a 7x7 grid of 1,280 channels to memory and keys of 512 takes as many
# multiplications as ten steps of two LSTM layers of 512.
IMAGE_COST = 10


def caption_batches(
    lengths: npt.NDArray[Any],
    image_of_row: npt.NDArray[Any],
    batch_tokens: int,
    seed: int,
    epoch: int,
    rank: int = 0,
    world: int = 1,
    image_cost: int = IMAGE_COST,
) -> list[IntArray]:
    """Row numbers of each batch of an epoch, in order, for one of ``world`` processes.

    Captions of an image stay together, in the groups of ``group_captions``; groups are sorted by
    their longest caption, by chance where these are alike; cut where a batch would cost too
    much; and the batches are shuffled and dealt as by ``epoch_batches``. An image's features are
    needed once a batch: ``images, place = np.unique(image_of_row[rows], return_inverse=True)``.

    Args:
        lengths: [N] tokens of each caption.
        image_of_row: [N] number of the image of each caption.
        batch_tokens: a batch costs its rows times its longest, and at most this; a caption
            longer than that is a batch by itself.
        seed: of all epochs, any integer.
        epoch: from 0.
        rank: of this process, from 0.
        world: number of processes.
        image_cost: as in ``group_captions``.

    Raises:
        UserError: there are no rows.
    """
    if not len(lengths):
        raise UserError("there are no captions to train on")
    rng = np.random.Generator(np.random.PCG64([seed % (1 << 64), epoch]))
    groups = group_captions(lengths, image_of_row, batch_tokens, image_cost)
    widths = np.array([int(lengths[group[-1]]) for group in groups])  # the longest comes last
    batches: list[IntArray] = []
    batch: list[IntArray] = []
    rows = 0
    for i in np.lexsort((rng.random(len(groups)), widths)).tolist():
        if batch and (rows + len(groups[i])) * widths[i] > batch_tokens:
            batches.append(np.concatenate(batch))
            batch, rows = [], 0
        batch.append(groups[i])
        rows += len(groups[i])
    return deal([*batches, np.concatenate(batch)], rng, rank, world)


def group_captions(
    lengths: npt.NDArray[Any],
    image_of_row: npt.NDArray[Any],
    batch_tokens: int,
    image_cost: int = IMAGE_COST,
) -> list[IntArray]:
    """Rows in groups, each of captions of one image, ascending in length.

    A group costs its rows times its longest, which is the padding it brings into a batch of
    groups as long, and ``image_cost`` for its image once more. The groups are those of least
    cost in all, by dynamic programming over each image's sorted captions. Captions that go
    together whole would be a quarter padding: of five lengths the longest is far from the mean.

    Args:
        lengths: [N] tokens of each caption.
        image_of_row: [N] number of the image of each caption.
        batch_tokens: a group costs at most this besides its image, unless it is one caption.
        image_cost: tokens whose training takes as long as an image's part in a batch. 0 puts
            captions together only where they are alike; a large number, all of an image.
    """
    order = np.lexsort((lengths, image_of_row))
    images = image_of_row[order]
    begins = np.flatnonzero(np.r_[True, images[1:] != images[:-1]]).tolist()
    sorted_lengths = lengths[order].tolist()
    cuts: list[int] = []
    for begin, end in zip(begins, [*begins[1:], len(order)], strict=True):
        inner = _cheapest(sorted_lengths[begin:end], batch_tokens, image_cost)
        cuts.extend(begin + place for place in inner)
    return np.split(order, cuts[1:])


def _cheapest(lengths: list[int], most: int, image_cost: int) -> list[int]:
    """Where each group begins among ascending lengths, at the least cost in all."""
    costs, begins = [0], [0]  # of the best groups up to each place, and where the last begins
    for end, longest in enumerate(lengths, start=1):
        choices = []
        for begin in range(end - 1, -1, -1):
            padded = (end - begin) * longest
            if padded > most and begin < end - 1:
                break
            choices.append((costs[begin] + padded + image_cost, begin))
        cost, begin = min(choices)
        costs.append(cost)
        begins.append(begin)
    found, place = [], len(lengths)
    while place:
        place = begins[place]
        found.append(place)
    return found[::-1]
