"""Files written whole or not at all; text read line by line with its place known."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from seqgen.errors import Unwritable, UserError

LOCK = ".lock"  # in a folder that one process holds


@contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """Open a file beside ``path`` for binary writing; rename it to ``path`` once all went well.

    Raises:
        Unwritable: the folder cannot be written to, or the disk is full.
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
        raise Unwritable(path, error) from error
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
    except (OSError, ValueError) as error:  # a name that no file can have
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
    except RecursionError as error:
        raise UserError("is JSON nested too deeply", path) from error
    except ValueError as error:
        raise no_json(error, path) from error


def no_json(error: Exception, path: Path, line: int | None = None) -> UserError:
    """Say in one line why a file, or its text from ``line`` on, is not JSON."""
    if isinstance(error, json.JSONDecodeError):
        number = (line or 1) - 1 + error.lineno
        return UserError(f"is not JSON: {error.msg}", f"{path}, line {number}")
    # Otherwise a number of thousands of digits.
    reason = "nested too deeply" if isinstance(error, RecursionError) else error
    return UserError(f"is not JSON: {reason}", f"{path}, line {line}" if line else path)


def read_objects(lines: Iterable[str], path: Path) -> Iterator[tuple[dict[str, Any], str]]:
    """The JSON objects that ``lines`` of ``path`` hold, one each, and the place of each.

    Raises:
        UserError: a line is not JSON, or no object.
    """
    for number, line in enumerate(lines, start=1):
        where = f"{path}, line {number}"
        try:
            values = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise no_json(error, path, number) from error
        if not isinstance(values, dict):
            raise UserError("is no JSON object", where)
        yield values, where


def check_characters(text: str, what: str, where: str) -> None:
    r"""Hold that ``text`` can be written: an escape of JSON such as ``\ud800`` is half a character.

    Raises:
        UserError: it cannot be; it tells ``what`` has it, and ``where``.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UserError(f"has half a character in {what}", where) from error


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
        UserError: the file is missing or unreadable, its gzip data is broken, a line is not
            UTF-8 (with the line's number and the byte's offset in the text), or the file was
            cut off meanwhile.
    """
    offset = 0
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else open(path, "rb") as file:
            # Of a pipe it is 0; broken gzip data is an error anyway.
            size = 0 if path.suffix == ".gz" else os.fstat(file.fileno()).st_size
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
        if offset < size:
            raise UserError("was cut off while it was read", path, "give it when it is complete")
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable(path, error) from error


def checksum(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except (OSError, ValueError) as error:  # a name that no file can have
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

    Two renames exchange the folders. ``settle_folder`` mends what a kill near them left.

    Raises:
        UserError: ``path`` is a file.
        Unwritable: it cannot be written to, or the disk is full.
    """
    beside, old = path.with_name(f".{path.name}.part"), set_aside(path)
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
        raise Unwritable(path, error) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        with suppress(OSError):  # then the next to look settles it
            settle_folder(path)


def lock_folder(folder: Path, what: str) -> BinaryIO:
    """Hold ``folder``, made if it is not there, for this process alone until the result is closed.

    The system takes the lock back when the process ends in any way; its file stays.

    Args:
        folder: where the file ``.lock`` lies.
        what: that is done here, such as "training".

    Raises:
        UserError: another process holds it, or the folder cannot be written to.
    """
    import fcntl  # not on every system, and most commands lock nothing

    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = open(folder / LOCK, "ab+")  # noqa: SIM115
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            number = lock.read(20).decode("ascii", "replace").strip()
            lock.close()
            who = f"process {number}" if number else "another process"
            raise UserError(f"{who} is {what} in this folder", folder, "wait for it") from error
    except OSError as error:
        raise Unwritable(folder, error) from error
    with suppress(OSError):  # of a full disk; the number is only told to people
        lock.truncate(0)
        os.write(lock.fileno(), f"{os.getpid()}\n".encode("ascii"))
    return lock


def set_aside(path: Path) -> Path:
    """Where ``writing_folder`` puts the old folder until the new one is in its place."""
    return path.with_name(f".{path.name}.old")


def settle_folder(path: Path) -> None:
    """Mend what a killed ``writing_folder`` left: the folder set aside goes back, or away."""
    old = set_aside(path)
    if path.exists():
        shutil.rmtree(old, ignore_errors=True)
    elif old.exists():
        os.replace(old, path)


@contextmanager
def unchanged(paths: Iterable[Path]) -> Iterator[None]:
    """Hold that files, read here more than once, stay as they are; pipes and such do not count.

    Raises:
        UserError: one has changed.
    """
    before = {path: _version(path) for path in paths if path.is_file()}
    yield
    for path, version in before.items():
        if _version(path) != version:
            raise UserError("has changed while it was read", path, "begin again")


def _version(path: Path) -> tuple[int, int, int] | None:
    """Which file it is, when it was written last, and its size."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
