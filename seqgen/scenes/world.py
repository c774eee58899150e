"""What there is in the world of scenes, whatever language tells of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ANIMALS = ("dog", "cat", "bird", "horse", "fish")
THINGS = ("ball", "cube", "star", "tree", "flower", "box", "lamp", "house", "car", "boat")
KINDS = ANIMALS + THINGS
COLOURS = ("red", "blue", "green", "yellow", "black", "white", "brown", "grey")
SIZES = ("small", "big", "tiny", "huge")
RELATIONS = ("left", "right", "above", "below", "behind", "before", "beside")
DOINGS = ("sleep", "sit", "run", "jump", "wait", "dance")  # of one animal alone
DEEDS = ("chase", "carry", "push", "see", "find", "follow", "help", "watch", "lift")  # to another

Pattern = Literal[
    "exists", "located", "does", "acts", "acts_there", "wants", "has_done", "is_coloured",
    "which_acts", "while",
]  # fmt: skip


@dataclass(frozen=True)
class Thing:
    """One or several objects of one kind.

    Attributes:
        kind: of ``KINDS``.
        colour: of ``COLOURS``.
        size: of ``SIZES``, or None for the usual one.
        count: 1 to 3.
        definite: told of as "the", not "a".
        named_colour: whether its colour is told.
    """

    kind: str
    colour: str
    size: str | None = None
    count: int = 1
    definite: bool = True
    named_colour: bool = True


@dataclass(frozen=True)
class Scene:
    """Who does what where.

    Attributes:
        pattern: which of its facts are told, and in what order.
        subject: who.
        action: of ``DOINGS`` or ``DEEDS``.
        object: to whom.
        relation: of ``RELATIONS``, where the subject is, seen from ``landmark``.
        landmark: where.
        other: somebody else, in ``while``.
        other_action: what they do, of ``DOINGS``.
    """

    pattern: Pattern
    subject: Thing
    action: str | None = None
    object: Thing | None = None
    relation: str | None = None
    landmark: Thing | None = None
    other: Thing | None = None
    other_action: str | None = None

    @property
    def things(self) -> tuple[Thing, ...]:
        """All that is there."""
        everything = (self.subject, self.object, self.landmark, self.other)
        return tuple(thing for thing in everything if thing is not None)

    @property
    def doers(self) -> tuple[tuple[str, str], ...]:
        """Which kind does what."""
        pairs = ((self.subject, self.action), (self.other, self.other_action))
        return tuple((t.kind, a) for t, a in pairs if t is not None and a is not None)
