"""Scenes drawn at random, split so that tests ask for combinations never seen in training."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from seqgen.files import write_text
from seqgen.scenes.english import english
from seqgen.scenes.german import german
from seqgen.scenes.world import (
    ANIMALS,
    COLOURS,
    DEEDS,
    DOINGS,
    KINDS,
    RELATIONS,
    SIZES,
    THINGS,
    Pattern,
    Scene,
    Thing,
)

SIZE = {"train": 4000, "valid": 250, "test": 250}
_PATTERNS: tuple[Pattern, ...] = (
    "exists", "located", "does", "acts", "acts_there", "wants", "has_done", "is_coloured",
    "which_acts", "while",
)  # fmt: skip
T = TypeVar("T")


def generate(seed: int = 1) -> dict[str, list[Scene]]:
    """Distinct scenes for ``train``, ``valid`` and ``test``, a function of ``seed`` alone.

    Some pairs of a kind and its colour, and of a kind and what it does, are kept for ``valid``
    and others for ``test``: each of their scenes has such a pair, and no scene of ``train``
    has one, though each kind, colour and action is there with others.
    """
    scenes: dict[str, list[Scene]] = {part: [] for part in SIZE}
    for part, scene in drawn(SIZE, random.Random(seed), _scene, english):
        scenes[part].append(scene)
    return scenes


def drawn(
    sizes: Mapping[str, int],
    chance: random.Random,
    draw: Callable[[random.Random], Scene],
    told: Callable[[Scene], object],
) -> Iterator[tuple[str, Scene]]:
    """Scenes, each with its part, until every part is full.

    Args:
        sizes: how many scenes belong to each part.
        chance: what decides.
        draw: makes a scene.
        told: what no two scenes may have in common.
    """
    held, left, seen = held_out(chance), dict(sizes), set()
    while any(left.values()):
        scene = draw(chance)
        part = part_of(scene, held)
        if part and left[part] and told(scene) not in seen:
            seen.add(told(scene))
            left[part] -= 1
            yield part, scene


def part_of(scene: Scene, held: dict[tuple[str, str], str]) -> str | None:
    """The part a scene belongs to, None where it has pairs kept for two; see ``held_out``."""
    parts = {held[pair] for pair in pairs(scene) if pair in held} or {"train"}
    return parts.pop() if len(parts) == 1 else None


def pairs(scene: Scene) -> set[tuple[str, str]]:
    """The combinations of a kind with a colour or an action that a scene tells of."""
    coloured = {
        (thing.kind, thing.colour)
        for thing in scene.things
        if thing.named_colour or (scene.pattern == "is_coloured" and thing is scene.subject)
    }
    return coloured | set(scene.doers)


def held_out(chance: random.Random) -> dict[tuple[str, str], str]:
    """Which pairs are kept from training, and for which part."""
    held = {}
    for i, kind in enumerate(KINDS):
        held[kind, one(chance, COLOURS)] = ("valid", "test")[i % 2]
    for i, kind in enumerate(ANIMALS):
        held[kind, DEEDS[(2 * i) % len(DEEDS)]] = ("test", "valid")[i % 2]
        held[kind, DOINGS[i]] = ("valid", "test")[i % 2]
    return held


def one(chance: random.Random, items: Sequence[T]) -> T:
    """One of ``items``; drawn by ``random()`` alone, whose sequence no Python version changes."""
    return items[int(chance.random() * len(items))]


def _thing(chance: random.Random, kinds: Sequence[str], apart: Sequence[Thing] = ()) -> Thing:
    """An object of another kind than those it must not be confused with."""
    kind = one(chance, [kind for kind in kinds if all(kind != other.kind for other in apart)])
    colour = one(chance, COLOURS)
    size = one(chance, SIZES) if chance.random() < 0.4 else None
    count = one(chance, (1, 1, 1, 2, 3))
    definite, named = chance.random() < 0.5, chance.random() < 0.7
    return Thing(kind, colour, size, count, definite, named)


def _scene(chance: random.Random) -> Scene:
    pattern = one(chance, _PATTERNS)
    anyone = KINDS if pattern in ("exists", "located") else ANIMALS
    subject = _thing(chance, anyone)
    if pattern in ("located", "is_coloured", "which_acts"):
        subject = Thing(subject.kind, subject.colour, subject.size, subject.count, True,
                        subject.named_colour and pattern != "is_coloured")  # fmt: skip
    if pattern == "exists":
        subject = Thing(subject.kind, subject.colour, subject.size, subject.count, False,
                        subject.named_colour)  # fmt: skip
    alone = pattern in ("does", "is_coloured", "while")
    acts = pattern in ("acts", "acts_there", "wants", "has_done", "which_acts")
    object_ = _thing(chance, KINDS, [subject]) if acts else None
    known = [thing for thing in (subject, object_) if thing]
    placed = pattern not in ("acts", "wants", "has_done", "while")
    return Scene(
        pattern,
        subject,
        one(chance, DOINGS) if alone else one(chance, DEEDS) if acts else None,
        object_,
        one(chance, RELATIONS) if placed else None,
        _thing(chance, THINGS, known) if placed else None,
        _thing(chance, ANIMALS, [subject]) if pattern == "while" else None,
        one(chance, DOINGS) if pattern == "while" else None,
    )


def write(folder: Path, seed: int = 1) -> None:
    """Write ``train.en``, ``train.de``, and so on."""
    for part, scenes in generate(seed).items():
        for suffix, tell in (("en", english), ("de", german)):
            write_text(folder / f"{part}.{suffix}", "".join(f"{tell(s)}\n" for s in scenes))
