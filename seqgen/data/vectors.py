"""Sequences of vectors computed before: the features of speech or video, a ``.npy`` each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seqgen.errors import UserError
from seqgen.files import unreadable

Vectors = npt.NDArray[np.float32]


def read_vectors(path: Path, width: int | None = None) -> Vectors:
    """The sequence [S, W] in a ``.npy`` file of numbers, as float32.

    Args:
        path: NumPy's own format; no pickle in it is ever read.
        width: W, if it must be this.

    Raises:
        UserError: it is missing, no such file or cut off; it is no sequence of vectors, or an
            empty one; a number is NaN or infinite (the position is named); or W is another.
    """
    try:
        # Mapped, so that no header makes room for more than the file holds
        found: Any = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # NumPy raises many kinds for a damaged header
        if isinstance(error, OSError) and error.errno is not None:
            raise unreadable(path, error) from error
        what, fix = "is no .npy file of numbers, or cut off", "write it by numpy.save"
        raise UserError(what, path, fix) from error
    if not isinstance(found, np.ndarray) or found.ndim != 2 or found.dtype.kind not in "fiu":
        kind = f"{found.dtype} {list(found.shape)}" if isinstance(found, np.ndarray) else ".npz"
        raise UserError(f"holds {kind} where numbers [positions, width] are expected", path)
    if not found.size:
        raise UserError(f"is an empty sequence: {list(found.shape)}", path, "leave it out")
    if width is not None and found.shape[1] != width:
        raise UserError(f"has vectors of {found.shape[1]} numbers where {width} are expected", path)
    with np.errstate(over="ignore"):  # what is too large becomes infinite, and is told of
        vectors = found.astype(np.float32)
    bad = ~np.isfinite(vectors).all(1)
    if bad.any():
        raise UserError(f"has NaN or infinity at position {int(bad.argmax())}", path)
    return vectors


def pad_vectors(rows: Sequence[Vectors]) -> tuple[Vectors, npt.NDArray[np.bool_]]:
    """B sequences [S, W] of one width as one array [B, S, W], zero on the right, and its mask.

    Raises:
        UserError: there are none, or their widths differ.
    """
    widths = {row.shape[1] for row in rows}
    if len(widths) != 1:
        raise UserError(f"vectors of a batch are {sorted(widths)} wide", fix="give some of a width")
    lengths = np.array([[len(row)] for row in rows])
    padded = np.zeros((len(rows), int(lengths.max()), widths.pop()), np.float32)
    for i, row in enumerate(rows):
        padded[i, : len(row)] = row
    return padded, np.arange(padded.shape[1]) < lengths
