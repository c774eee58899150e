"""Files written whole or not at all; text read line by line with its place known."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from seqgen.errors import UserError


@contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """Open a file beside ``path`` for binary writing; rename it to ``path`` once all went well.

    Raises:
        UserError: the folder cannot be written to, or the disk is full.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(beside, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError as error:
        raise UserError(f"cannot be written: {error.strerror or error}", path) from error
    finally:
        with suppress(OSError):  # no such folder
            beside.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path``, whole or not at all."""
    with writing(path) as file:
        file.write(data)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` as UTF-8, whole or not at all."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` to ``path`` as indented JSON, whole or not at all."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_bytes(path: Path) -> bytes:
    """Read a whole file.

    Raises:
        UserError: it is missing, a folder, or cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        UserError: it is missing, or not JSON (with the line).
    """
    try:
        return json.loads(read_bytes(path).decode("utf-8"))
    except UnicodeDecodeError as error:
        raise UserError(f"is not UTF-8 at byte {error.start}", path) from error
    except json.JSONDecodeError as error:
        raise UserError(f"is not JSON: {error.msg}", f"{path}, line {error.lineno}") from error
    except RecursionError as error:
        raise UserError("is JSON nested too deeply", path) from error
    except ValueError as error:  # a number of thousands of digits
        raise UserError(f"is not JSON: {error}", path) from error


def read_lines(path: Path) -> Iterator[str]:
    r"""Yield the lines of a UTF-8 file, gzipped if it ends in ``.gz``, without their line ends.

    A line ends at ``\n`` alone (a ``\r`` before it goes too), so counts agree with ``wc -l``
    whatever other separators the text holds. Memory stays that of one line.

    Raises:
        UserError: as ``read_whole_lines``.
    """
    for number, line in enumerate(read_whole_lines(path)):
        text = line if number else line.removeprefix("\ufeff")
        yield text.removesuffix("\n").removesuffix("\r")


def read_whole_lines(path: Path) -> Iterator[str]:
    r"""As ``read_lines``, every character kept: line ends, and the mark before the first line.

    Raises:
        UserError: the file is missing or unreadable, its gzip data is broken, or a line is
            not UTF-8 (with the line's number and the byte's offset in the text).
    """
    offset = 0
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else open(path, "rb") as file:
            for number, raw in enumerate(file, start=1):
                try:
                    text = raw.decode("utf-8")
                except UnicodeDecodeError as error:
                    where = f"{path}, line {number}"
                    raise UserError(
                        f"is not UTF-8 at byte {offset + error.start}", where
                    ) from error
                offset += len(raw)
                yield text
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable(path, error) from error


def checksum(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise unreadable(path, error) from error
    return digest.hexdigest()


def unreadable(path: Path, error: Exception) -> UserError:
    """Say in one line why ``path`` could not be read."""
    if isinstance(error, FileNotFoundError):
        return UserError("does not exist", path, "check the path")
    if isinstance(error, IsADirectoryError):
        return UserError("is a folder where a file is expected", path)
    reason = error.strerror if isinstance(error, OSError) and error.strerror else error
    return UserError(f"cannot be read: {reason}", path)


@contextmanager
def writing_folder(path: Path) -> Iterator[Path]:
    """Make a folder beside ``path``; put it in the place of ``path`` once all went well.

    Two renames exchange the folders. ``settle_folder`` mends what a kill between them left.

    Raises:
        UserError: ``path`` is a file or cannot be written to, or the disk is full.
    """
    beside, old = path.with_name(f".{path.name}.part"), path.with_name(f".{path.name}.old")
    if path.exists() and not path.is_dir():
        raise UserError("is a file where a folder is to be written", path)
    try:
        settle_folder(path)
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        yield beside
        if path.exists():
            os.replace(path, old)
        os.replace(beside, path)
    except OSError as error:
        raise UserError(f"cannot be written: {error.strerror or error}", path) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        if path.exists():
            shutil.rmtree(old, ignore_errors=True)


def settle_folder(path: Path) -> None:
    """Put the folder that a killed ``writing_folder`` had set aside back in its place."""
    old = path.with_name(f".{path.name}.old")
    if old.exists() and not path.exists():
        os.replace(old, path)
