"""Prepared data on disk: columns of ragged rows, memory-mapped, in NumPy's own format."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from seqgen.config import from_dict, to_dict
from seqgen.errors import UserError
from seqgen.files import read_json, settle_folder, unreadable, write_json, writing

INFO = "store.json"

_TYPES = ("uint8", "uint16", "int32")  # of tokens
HEADER_BYTES = 128  # of a .npy header, whatever the shape
_BLOCK = 1 << 16  # offsets checked at a time
_AGAIN = "prepare it again"


@dataclass(frozen=True)
class StoreInfo:
    """What ``store.json`` says of a store."""

    columns: tuple[str, ...]
    rows: int
    version: int = 1  # of this layout
    sources: dict[str, str] = field(default_factory=dict)  # SHA-256 of each file it came from
    settings: dict[str, Any] = field(default_factory=dict)  # how it was made


class Ragged:
    """Rows of different length in two arrays: ``tokens``, and where each row begins in them.

    Args:
        tokens: [sum of lengths] uint8, uint16 or int32.
        offsets: [N + 1] int64; row ``i`` is ``tokens[offsets[i] : offsets[i + 1]]``.
    """

    def __init__(self, tokens: npt.NDArray[Any], offsets: npt.NDArray[np.int64]) -> None:
        self.tokens, self.offsets = tokens, offsets

    @classmethod
    def open(cls, path: Path) -> Ragged:
        """Map the files ``<path>.tokens.npy`` and ``<path>.offsets.npy`` into memory.

        Raises:
            UserError: one is missing, cut off, no such array, or they do not fit each other.
        """
        tokens = _map(_named(path, "tokens"), _TYPES)
        offsets = _map(_named(path, "offsets"), ("int64",))
        if not len(offsets) or offsets[0] != 0 or offsets[-1] != len(tokens):
            raise UserError("does not fit its tokens", _named(path, "offsets"), _AGAIN)
        for begin in range(0, len(offsets), _BLOCK):
            if (np.diff(offsets[begin : begin + _BLOCK + 1]) < 0).any():
                raise UserError("is damaged", _named(path, "offsets"), _AGAIN)
        return cls(tokens, offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> npt.NDArray[Any]:
        if not -len(self) <= row < len(self):
            raise IndexError(f"row {row} of {len(self)}")
        row %= len(self)
        view: npt.NDArray[Any] = self.tokens[self.offsets[row] : self.offsets[row + 1]]
        return view

    @property
    def lengths(self) -> npt.NDArray[np.int32]:
        """[N] length of each row."""
        return np.diff(self.offsets).astype(np.int32)


class RaggedWriter:
    """Writes ``<path>.tokens.npy`` and ``<path>.offsets.npy`` in memory that does not grow.

    A context manager: the files appear when it is left, and not at all after an exception.

    Args:
        path: folder and name of the column.
        dtype: of the tokens: uint8, uint16 or int32.

    Raises:
        UserError: the folder cannot be written to, or the disk is full.
    """

    def __init__(self, path: Path, dtype: npt.DTypeLike) -> None:
        self._path, self._dtype = path, np.dtype(dtype)
        if self._dtype.name not in _TYPES:
            raise ValueError(f"dtype {self._dtype.name} is none of {', '.join(_TYPES)}")
        self._rows = self._tokens = 0
        self._files: list[BinaryIO] = []
        self._stack = ExitStack()

    def __enter__(self) -> RaggedWriter:
        with ExitStack() as stack:
            for part in ("tokens", "offsets"):
                file = stack.enter_context(writing(_named(self._path, part)))
                file.write(bytes(HEADER_BYTES))
                self._files.append(file)
            self._files[1].write(np.zeros(1, np.int64).tobytes())
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self._stack.__exit__(kind, error, trace)
            return
        with self._stack:
            tokens, offsets = self._files
            tokens.seek(0)
            tokens.write(npy_header(self._dtype, (self._tokens,)))
            offsets.seek(0)
            offsets.write(npy_header(np.dtype(np.int64), (self._rows + 1,)))

    def extend(self, rows: Sequence[Sequence[int] | bytes]) -> None:
        """Append rows.

        Raises:
            OverflowError: a token does not fit the type of the column.
        """
        if not rows:
            return
        ends = np.cumsum(np.fromiter(map(len, rows), np.int64, len(rows))) + self._tokens
        if isinstance(rows[0], bytes):
            self._files[0].write(b"".join(rows))  # type: ignore[arg-type]
        else:
            flat = np.fromiter(chain.from_iterable(rows), np.int64, int(ends[-1]) - self._tokens)
            limits = np.iinfo(self._dtype)
            if flat.size and not limits.min <= flat.min() <= flat.max() <= limits.max:
                raise OverflowError(f"a token does not fit {self._dtype.name}")
            self._files[0].write(flat.astype(self._dtype).tobytes())
        self._files[1].write(ends.tobytes())
        self._rows += len(rows)
        self._tokens = int(ends[-1])


class Store:
    """A folder of columns with equally many rows.

    Args:
        folder: where it lies.
        info: what ``store.json`` says.
        columns: ragged rows by name.
    """

    def __init__(self, folder: Path, info: StoreInfo, columns: dict[str, Ragged]) -> None:
        self.folder, self.info, self.columns = folder, info, columns

    @classmethod
    def open(cls, folder: Path) -> Store:
        """Open a store that ``write_info`` completed.

        Raises:
            UserError: it is missing or damaged.
        """
        settle_folder(folder)
        where = folder / INFO
        if folder.is_dir() and not where.exists():
            raise UserError("is no prepared data", folder, f"it has no {INFO}")
        info = from_dict(StoreInfo, read_json(where), where)
        if info.version != 1:
            raise UserError(f"has layout {info.version} where 1 is expected", where)
        for name in info.columns:
            if not name.isidentifier():  # above all, no path that leads elsewhere
                raise UserError(f"has a column {name!r}", where, _AGAIN)
        columns = {name: Ragged.open(folder / name) for name in info.columns}
        for name, column in columns.items():
            if len(column) != info.rows:
                raise UserError(
                    f"column '{name}' has {len(column)} rows where {INFO} says {info.rows}",
                    folder,
                    _AGAIN,
                )
        return cls(folder, info, columns)

    def __len__(self) -> int:
        return self.info.rows

    def texts(self, column: str, rows: Sequence[int] | npt.NDArray[Any]) -> list[str]:
        """The given rows of a column of UTF-8 text.

        Raises:
            UserError: it is damaged.
        """
        ragged = self.columns[column]
        try:
            return [ragged[row].tobytes().decode("utf-8") for row in rows]
        except UnicodeDecodeError as error:
            raise UserError(f"column '{column}' is not UTF-8", self.folder, _AGAIN) from error


def write_info(folder: Path, info: StoreInfo) -> None:
    """Write ``store.json``, which makes a folder of columns a store."""
    write_json(folder / INFO, to_dict(info))


def _named(path: Path, part: str) -> Path:
    return path.with_name(f"{path.name}.{part}.npy")


def npy_header(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    """The header, .npy version 1.0, of an array of some dimensions, in ``HEADER_BYTES``."""
    text = f"{{'descr': '{dtype.str}', 'fortran_order': False, 'shape': {shape}, }}"
    size = HEADER_BYTES - 10
    start = b"\x93NUMPY\x01\x00" + size.to_bytes(2, "little")
    return start + text.ljust(size - 1).encode("ascii") + b"\n"


def _map(path: Path, types: tuple[str, ...]) -> npt.NDArray[Any]:
    """Map a flat array of one of ``types``, if the header is just what its size asks for."""
    try:
        size = path.stat().st_size - HEADER_BYTES
        with open(path, "rb") as file:
            header = file.read(HEADER_BYTES)
        for dtype in map(np.dtype, types):
            count, rest = divmod(size, dtype.itemsize)
            if not rest and header == npy_header(dtype, (count,)):
                # As a plain array: slices of a memmap cost far more.
                return np.asarray(np.memmap(path, dtype, "r", HEADER_BYTES, (count,)))
    except OSError as error:
        raise unreadable(path, error) from error
    raise UserError("is no array of a store, or cut off", path, _AGAIN)
