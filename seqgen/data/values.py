"""Values, each a name, as the numbers of one-token sequences."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from seqgen.errors import UserError

_SHOWN = 8  # names in a message


class Values:
    """A set of names in a fixed order; a name's place is its number.

    It stands where a tokenizer does: a value is a sequence of one token.

    Args:
        names: each once, none empty.

    Raises:
        UserError: there are none, or a name is empty or there twice.
    """

    lowercase = False

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)
        if not self.names or "" in self.names or len(set(self.names)) < len(self.names):
            raise UserError("values must be some names, none of them empty or there twice")
        self._numbers = {name: number for number, name in enumerate(self.names)}

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.names)

    @property
    def proto(self) -> bytes:
        """The names in order, as JSON."""
        return json.dumps(self.names).encode("utf-8")

    def number(self, name: str, where: object = None) -> int:
        """The number of ``name``.

        Raises:
            UserError: there is no such value; ``where`` says where it came from.
        """
        if name not in self._numbers:
            shown = ", ".join(self.names[:_SHOWN]) + (" …" if self.size > _SHOWN else "")
            raise UserError(f"there is no value '{name}'", where, f"known are {shown}")
        return self._numbers[name]

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The number of each name, as a sequence of its own; an empty one for an empty name.

        Raises:
            UserError: there is no such value.
        """
        return [[self.number(text)] if text else [] for text in texts]
