"""Features of images on disk: rows by image content, in one array that survives any kill."""

from __future__ import annotations

import fcntl
import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.format import open_memmap

from seqgen.config import from_dict, to_dict
from seqgen.data.store import HEADER_BYTES, npy_header
from seqgen.errors import Unwritable, UserError
from seqgen.files import read_bytes, read_json, unreadable, write_json

INDEX, FEATURES, JOURNAL, LOCK = "index.json", "features.npy", "features.journal", "features.lock"

_TYPE = np.dtype("<f2")
_DIGEST = 64  # hexadecimal digits of a SHA-256

Half = npt.NDArray[np.float16]


@dataclass(frozen=True)
class CacheKey:
    """What features depend on besides the image; of another key, a cache is begun anew."""

    weights: str  # checksum of the network's
    transform: dict[str, Any] = field(default_factory=dict)  # how an image becomes pixels
    flip: bool = False  # features of each image's mirror image too


@dataclass(frozen=True)
class _Index:
    """What ``index.json`` says."""

    key: CacheKey
    shape: tuple[int, ...]  # C, h, w
    images: tuple[str, ...] = ()  # SHA-256 of each file, in the order of their rows
    dtype: str = _TYPE.name
    version: int = 1  # of this layout


class FeatureCache:
    """Features of a list of images.

    Args:
        array: [R, C, h, w] float16, mapped from the file; with ``flip`` the row of an image is
            followed by that of its mirror image.
        places: [N] place in the cache of each image.
        flip: whether mirror images are there.
    """

    def __init__(self, array: Half, places: npt.NDArray[np.int64], flip: bool) -> None:
        self.array, self.places, self.flip = array, places, flip

    def __len__(self) -> int:
        return len(self.places)

    @property
    def shape(self) -> tuple[int, ...]:
        """C, h, w of an image's features."""
        return self.array.shape[1:]

    def rows(
        self,
        indices: Sequence[int] | npt.NDArray[Any],
        flip_mask: Sequence[bool] | npt.NDArray[np.bool_] | None = None,
    ) -> Half:
        """Features of some images of the list, read from disk.

        Args:
            indices: [B] numbers of images.
            flip_mask: [B] which of them to take mirrored; none if not given.

        Returns:
            [B, C, h, w] float16.

        Raises:
            ValueError: the cache was made without mirror images.
        """
        places = self.places[np.asarray(indices, np.int64)]
        if self.flip:
            places = 2 * places + (0 if flip_mask is None else np.asarray(flip_mask, np.int64))
        elif flip_mask is not None and np.any(flip_mask):
            raise ValueError("the cache has no mirror images")
        features: Half = self.array[places]
        return features


class Writer:
    """A cache that this process alone may add to; see ``opened``.

    Rows are written and flushed to disk before the journal names their images. So what
    ``index.json`` and the whole lines of the journal name is there after a kill at any moment,
    and whatever else the array holds is cut off.
    """

    def __init__(self, folder: Path, key: CacheKey) -> None:
        self.folder, self.key = folder, key
        self.shape: tuple[int, ...] = ()  # C, h, w; unknown until features were added once
        self.places: dict[str, int] = {}  # by SHA-256 of an image's file

    def add(self, images: Sequence[str], features: Half) -> None:
        """Append features; they are safe when this returns.

        Args:
            images: [B] SHA-256 of the images' files, none of them there yet.
            features: [B, F, C, h, w], F being 2 with mirror images and 1 without.

        Raises:
            UserError: the features are not of the shape of those before, or the disk is full.
        """
        shape, before = features.shape[2:], len(self.places)
        if before and shape != self.shape:
            raise UserError(
                f"has features of {self.shape} where the network now gives {shape}",
                self.folder,
                "delete it to compute them anew",
            )
        try:
            if shape != self.shape:
                self.shape = shape
                self._write_index()
                (self.folder / FEATURES).write_bytes(self._header(0))
            with open(self.folder / FEATURES, "r+b") as file:
                file.seek(self._size(before))
                file.write(features.tobytes())
                file.seek(0)
                file.write(self._header(before + len(images)))
                file.flush()
                os.fsync(file.fileno())
            with open(self.folder / JOURNAL, "ab") as journal:
                journal.write(b"".join(name.encode("ascii") + b"\n" for name in images))
        except OSError as error:
            raise Unwritable(self.folder, error) from error
        self.places.update((name, before + i) for i, name in enumerate(images))

    def reader(self, images: Sequence[str]) -> FeatureCache:
        """The features of a list of images that are all there."""
        # As a plain array: slices of a memmap cost far more.
        array = np.asarray(open_memmap(self.folder / FEATURES, "r"))
        places = np.array([self.places[name] for name in images], np.int64)
        return FeatureCache(array, places, self.key.flip)

    def _shape(self, images: int) -> tuple[int, ...]:
        """Of the array with the rows of so many images."""
        return (images * (2 if self.key.flip else 1), *self.shape)

    def _header(self, images: int) -> bytes:
        return npy_header(_TYPE, self._shape(images))

    def _size(self, images: int) -> int:
        """Bytes of the file of the array with so many images."""
        return HEADER_BYTES + math.prod(self._shape(images)) * _TYPE.itemsize

    def _write_index(self) -> None:
        write_json(self.folder / INDEX, to_dict(_Index(self.key, self.shape, tuple(self.places))))

    def settle(self) -> None:
        """Put what the journal names into the index."""
        if (self.folder / JOURNAL).exists():
            self._write_index()
            (self.folder / JOURNAL).unlink()

    def clear(self) -> None:
        """Begin anew. Who has the old array mapped keeps it: its file goes, its data stays."""
        for name in (INDEX, JOURNAL, FEATURES):  # without an index the others count for nothing
            (self.folder / name).unlink(missing_ok=True)
        self.shape, self.places = (), {}

    def restore(self) -> list[str]:
        """Take in what the folder holds; or say what of its key differs, if anything does.

        Raises:
            UserError: it is damaged.
        """
        where = self.folder / INDEX
        if not where.exists():
            self.clear()
            return []
        index = from_dict(_Index, read_json(where), where)
        if index.version != 1 or index.dtype != _TYPE.name or len(index.shape) != 3:
            raise UserError("is of another layout", where)
        old, new = to_dict(index.key), to_dict(self.key)
        if old != new:
            return [name for name in new if old[name] != new[name]]
        if len(set(index.images)) < len(index.images) or not all(map(_is_sum, index.images)):
            raise UserError("is damaged", where)
        # A kill between writing the index and removing the journal leaves a name in both.
        names = dict.fromkeys([*index.images, *self._journal()])
        self.shape, self.places = index.shape, {name: i for i, name in enumerate(names)}
        self._cut()
        self.settle()
        return []

    def _journal(self) -> list[str]:
        """The images that whole lines of the journal name; a kill may have torn the last one."""
        path = self.folder / JOURNAL
        lines = read_bytes(path).split(b"\n")[:-1] if path.exists() else []
        names = [line.decode("latin-1") for line in lines]
        if not all(map(_is_sum, names)):
            raise UserError("is damaged", path)
        return names

    def _cut(self) -> None:
        """Cut rows off the array that a kill left unnamed."""
        path, images = self.folder / FEATURES, len(self.places)
        try:
            if not images:  # killed before the first rows, perhaps in this very write
                path.write_bytes(self._header(0))
                return
            array = open_memmap(path, "r")
            if array.dtype != _TYPE or array.shape[1:] != self.shape:
                raise UserError("is not the array that its index tells of", path)
            if path.stat().st_size < self._size(images):
                raise UserError("is cut off", path)
            with open(path, "r+b") as file:
                file.write(self._header(images))  # first, so that it never tells of more rows
                file.truncate(self._size(images))
        except UserError:
            raise
        except OSError as error:
            raise unreadable(path, error) from error
        except Exception as error:  # NumPy raises whatever a damaged header leads it to
            raise UserError("is no array, or cut off", path) from error


def _is_sum(name: str) -> bool:
    """Whether an image is named as ``Writer`` names it."""
    return len(name) == _DIGEST and name.isascii() and name.isalnum()


@contextmanager
def opened(folder: Path, key: CacheKey, report: Callable[[str], None]) -> Iterator[Writer]:
    """The cache in ``folder``, for this process alone; another one's turn is waited for.

    Args:
        folder: made if it is not there.
        key: a cache of another key is cleared.
        report: told of waiting and clearing, in a line.

    Raises:
        UserError: the folder holds other things, is damaged, or cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Looked at in this order: another process makes the lock before anything else.
        holds = any(folder.iterdir())
        if holds and not any((folder / name).exists() for name in (LOCK, INDEX)):
            fix = "choose another folder"
            raise UserError("holds other things than a feature cache", folder, fix)
        lock = open(folder / LOCK, "ab")  # noqa: SIM115
    except OSError as error:
        raise Unwritable(folder, error) from error
    with lock:  # the system takes it back when the process ends in any way
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report(f"{folder}: waiting for another process that adds to this feature cache")
            fcntl.flock(lock, fcntl.LOCK_EX)
        writer = Writer(folder, key)
        try:
            changed = writer.restore()
        except UserError as error:
            fix = f"delete {folder} to compute the features anew"
            raise UserError(error.what, error.where, fix) from error
        if changed:
            report(f"{folder}: made with another {' and '.join(changed)}; computing features anew")
            writer.clear()
        try:
            yield writer
        finally:
            writer.settle()
