"""The log-probabilities that a language model gives the tokens of a text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from seqgen.model.decoder import Decoder, State
from seqgen.model.language import join

WINDOW = 256  # tokens of a row read at once; their logits are what takes memory
_WARM = 256  # tokens read before a row that begins within the text
_FEWEST = 2048  # tokens of a row, at least


@torch.inference_mode()
def stream_log_probs(
    decoder: Decoder, stream: npt.NDArray[Any], first: int, most_rows: int = 1
) -> Iterator[npt.NDArray[np.floating]]:
    """Log-probabilities of a stream of tokens, each given all before it.

    A long stream can be cut into rows that are read side by side. A row begins in the state
    that the 256 tokens before it leave behind, so every token is scored once and none without
    context.

    Args:
        decoder: of a language model, in evaluation mode.
        stream: [N] token ids.
        first: the token before the first one.
        most_rows: into how many rows it is cut, at most; with 1 they come in order.

    Yields:
        [B, t] for each window of t tokens of B rows, N numbers in all.
    """
    rows = max(1, min(most_rows, len(stream) // _FEWEST))
    length = len(stream) // rows
    starts = np.arange(rows) * length
    state = _warm(decoder, stream, starts, first)
    for begin in range(0, length, WINDOW):
        size = min(WINDOW, length - begin)
        found, state = _score(decoder, _cut(stream, starts + begin, size, first), state)
        yield found.numpy()
    if rest := len(stream) - rows * length:  # fewer than rows
        last = state.select(torch.tensor([rows - 1]))
        yield _score(decoder, _cut(stream, starts[-1:] + length, rest, first), last)[0].numpy()


def _score(decoder: Decoder, pair: tuple[Tensor, Tensor], state: State) -> tuple[Tensor, State]:
    """Log-probabilities [B, t] of targets after inputs, both [B, t], and the state then."""
    inputs, targets = pair
    reads, state = decoder.read(inputs, state)
    logits = decoder.output(reads)
    chosen = logits.gather(-1, targets[..., None]).squeeze(-1)
    return chosen - torch.logsumexp(logits, -1), state


def _warm(
    decoder: Decoder, stream: npt.NDArray[Any], starts: npt.NDArray[np.int64], first: int
) -> State:
    """The states in which rows begin: the first one's is the decoder's own start."""
    fresh = decoder.start(None, len(starts))
    if len(starts) == 1:
        return fresh
    inputs, _ = _cut(stream, starts[1:] - _WARM, _WARM, first)
    later = decoder.read(inputs, decoder.start(None, len(starts) - 1))[1]
    return join([fresh.select(torch.tensor([0])), later])


def _cut(
    stream: npt.NDArray[Any], starts: npt.NDArray[np.int64], size: int, first: int
) -> tuple[Tensor, Tensor]:
    """Inputs and targets, both [B, size], of the tokens from ``starts`` [B] on."""
    rows = [stream[max(0, start - 1) : start + size].astype(np.int64) for start in starts.tolist()]
    full = [row if len(row) > size else np.concatenate([[first], row]) for row in rows]
    whole = torch.from_numpy(np.stack(full))
    return whole[:, :-1], whole[:, 1:]
