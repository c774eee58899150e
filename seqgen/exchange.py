"""Reading folders that others write: exchanged meanwhile, or with more in them than files."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from seqgen.errors import UserError

P = ParamSpec("P")
T = TypeVar("T")

_ATTEMPTS = 5  # with a folder that is exchanged again and again


def reread(read: Callable[Concatenate[Path, P], T]) -> Callable[Concatenate[Path, P], T]:
    """``read(folder, …)``, begun again where a training exchanged ``folder`` or its ``best/``."""

    @functools.wraps(read)
    def patient(folder: Path, /, *arguments: P.args, **options: P.kwargs) -> T:
        for left in reversed(range(_ATTEMPTS)):
            before = _identities(folder)
            try:
                return read(folder, *arguments, **options)
            except UserError:
                if not left or _identities(folder) == before:
                    raise
        raise AssertionError("the last attempt returns or raises")

    return patient


def _identities(folder: Path) -> list[tuple[int, int]]:
    """Which folders ``folder`` and its ``best/`` are now."""
    found = []
    for path in (folder, folder / "best"):
        try:
            status = os.stat(path)
        except OSError:  # not there, or just between two
            found.append((0, 0))
        else:
            found.append((status.st_dev, status.st_ino))
    return found


def refuse_links(path: Path) -> None:
    """Let ``path`` be a file, if it is there: a link may lead anywhere, a pipe never end.

    Raises:
        UserError: it is something else.
    """
    if path.is_symlink():
        raise UserError("is a symbolic link", path, "put the file itself into the model's folder")
    if path.exists() and not path.is_file():
        raise UserError("is no file", path, "copy the model again")
