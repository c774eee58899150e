"""The one exception meant for people: what is wrong, where, and what to do."""

from __future__ import annotations


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
