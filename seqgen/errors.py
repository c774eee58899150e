"""The one exception meant for people: what is wrong, where, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

_OUT_OF_MEMORY = (
    "not enough memory",
    "out of memory",
    "can't allocate memory",
    "bad_alloc",
    "could not execute a primitive",  # oneDNN, which has tried to allocate its scratch space
)


class UserError(Exception):
    """Something the user gave cannot be used.

    The command line prints it as one line and exits with code 2; everything else that
    escapes is a defect of ours and keeps its traceback.

    Args:
        what: what is wrong, as a clause without a full stop.
        where: the file, line or setting it is wrong in, if there is one.
        fix: what to do about it, as a clause without a full stop.
    """

    def __init__(self, what: str, where: object = None, fix: str | None = None) -> None:
        self.what, self.where, self.fix = what, where, fix
        line = f"{where}: {what}" if where is not None else what
        super().__init__(" ".join((f"{line}; {fix}" if fix else line).split()))


class NotFinite(UserError):
    """A model's numbers became NaN or infinite."""


class Unwritable(UserError):
    """A file or folder could not be written: no permission, no space, no such device."""

    def __init__(self, where: object, error: OSError) -> None:
        super().__init__(f"cannot be written: {error.strerror or error}", where)


class Stopped(UserError):
    """Ctrl-C or TERM ended the work; what was finished is kept. The exit code is 130."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether ``error``, of Python or of a library that allocates by itself, is for want of memory.

    Libraries in C++ say so in words only.
    """
    said = isinstance(error, RuntimeError) and any(w in str(error) for w in _OUT_OF_MEMORY)
    return said or isinstance(error, MemoryError)


@contextmanager
def memory_for(what: str, fix: str) -> Iterator[None]:
    """Name what did not fit the memory, if anything here does not.

    Args:
        what: whose memory this is, as the subject of the complaint.
        fix: what to try.

    Raises:
        UserError: there is not enough memory.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise UserError(f"{what} do not fit the memory", fix=fix) from error
