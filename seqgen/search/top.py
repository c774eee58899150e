"""The most probable tokens of NumPy rows, fast and with a rule for ties."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from seqgen.errors import NotFinite
from seqgen.search.history import IntArray

_DEPTH = 8  # tokens of a block
_SORTED = 3000  # numbers that are sorted sooner than looked at in blocks


def refuse_nan(values: npt.NDArray[Any]) -> None:
    """Stop at a model that is broken, before its output looks like a result.

    Raises:
        NotFinite: one of ``values`` is not a number.
    """
    if np.isnan(values).any():
        raise NotFinite("the model gives log-probabilities that are not numbers (NaN)")


def top(log_probs: npt.NDArray[Any], k: int) -> tuple[npt.NDArray[Any], IntArray]:
    """`Stepper.top` for NumPy arrays; equal values come lower token first, always.

    Args:
        log_probs: [N, V].
        k: 1 … V.

    Raises:
        UserError: a row holds NaN.
    """
    rows, size = log_probs.shape
    if log_probs.size < _SORTED or size < 2 * k * _DEPTH:
        refuse_nan(log_probs)
        ids = np.argsort(-log_probs, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(log_probs, ids, 1), ids
    flat = _candidates(log_probs, k)
    row, token = np.divmod(flat, size)
    counts = np.bincount(row, minlength=rows)
    column = np.arange(len(flat)) - np.repeat(np.cumsum(counts) - counts, counts)
    values = np.full((rows, max(k, counts.max(initial=0))), -np.inf, log_probs.dtype)
    ids = np.zeros(values.shape, np.int64)
    values[row, column] = log_probs.reshape(-1)[flat]
    ids[row, column] = token
    order = np.argsort(-values, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(values, order, 1), np.take_along_axis(ids, order, 1)


def _candidates(log_probs: npt.NDArray[Any], k: int) -> IntArray:
    """Places in ``log_probs`` [N, V], flat and ascending, of all that may be among the top k.

    A row's k-th largest maximum of blocks is a lower bound of its k-th largest value, and what
    reaches the bound is little more than k numbers. They stand in blocks whose maxima reach it:
    one pass over the row that vectorises takes the place of a partition, at less than a tenth
    of its time. For the bound the blocks are taken several together: a few hundred will do.
    """
    size = log_probs.shape[1]
    width = size // _DEPTH  # a block is of tokens so far apart
    peaks = np.empty((len(log_probs), width + size % _DEPTH), log_probs.dtype)
    peaks[:, :width] = _peaks(log_probs, _DEPTH)
    peaks[:, width:] = log_probs[:, width * _DEPTH :]  # tokens behind all blocks
    refuse_nan(peaks)
    large = _peaks(peaks[:, :width], max(1, width // max(256, 8 * k)))
    bound = np.partition(large, -k, axis=1)[:, -k]
    bound = np.maximum(bound, np.finfo(log_probs.dtype).min)  # -inf is nobody's candidate
    row, block = np.divmod(np.flatnonzero(peaks >= bound[:, None]), peaks.shape[1])
    flat = (row * size + block)[:, None] + width * np.arange(_DEPTH)
    held = log_probs.reshape(-1)[flat] >= bound[row, None]
    held[:, :-1] &= (block < width)[:, None]  # one behind all blocks is its own last token
    return np.sort(flat[held])


def _peaks(values: npt.NDArray[Any], depth: int) -> npt.NDArray[Any]:
    """Maxima [N, C // depth] of ``depth`` columns each; a rest of columns is left out."""
    width = values.shape[1] // depth
    found: npt.NDArray[Any] = values[:, : width * depth].reshape(-1, depth, width).max(axis=1)
    return found
