"""A corpus of drawn scenes, each with several true captions in English and German."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from PIL import Image

from seqgen.errors import UserError
from seqgen.files import write_text, writing_folder
from seqgen.scenes.corpus import drawn, one
from seqgen.scenes.draw import draw
from seqgen.scenes.english import english
from seqgen.scenes.german import german
from seqgen.scenes.world import (
    ANIMALS,
    COLOURS,
    DEEDS,
    DOINGS,
    KINDS,
    RELATIONS,
    THINGS,
    Pattern,
    Scene,
    Thing,
)

SIZE = {"train": 3000, "valid": 250, "test": 250}
MOST_CAPTIONS = 5
LANGUAGES: dict[str, Callable[[Scene], str]] = {"en": english, "de": german}
_CONVERSE = {
    "left": "right",
    "right": "left",
    "above": "below",
    "below": "above",
    "behind": "before",
    "before": "behind",
    "beside": "beside",
}
# What may be told of a picture; the first is what it was drawn from.
_TOLD: dict[Pattern, tuple[Pattern, ...]] = {
    "located": ("located", "exists"),
    "does": ("does", "is_coloured", "located", "exists"),
    "acts": ("acts",),
    "while": ("while",),
}


@dataclass(frozen=True)
class Picture:
    """A scene to draw and what can be said of it.

    Attributes:
        scene: all there is to see, with every colour named.
        seed: of the drawing.
        tellings: two to five scenes, true of the picture and different in every language.
    """

    scene: Scene
    seed: int
    tellings: tuple[Scene, ...]

    def captions(self, language: Literal["en", "de"]) -> list[str]:
        """The tellings in one language."""
        return [LANGUAGES[language](telling) for telling in self.tellings]

    def image(self, size: int = 64) -> Image.Image:
        """The picture, ``size`` pixels across and down."""
        return draw(self.scene, self.seed, size)


def pictures(seed: int = 1) -> dict[str, list[Picture]]:
    """Different pictures for ``train``, ``valid`` and ``test``, a function of ``seed`` alone.

    As in the corpus of sentences, some pairs of a kind and its colour, and of a kind and what
    it does, are only in ``valid`` and others only in ``test``: every picture there has one.
    """
    chance = random.Random(seed)
    found: dict[str, list[Picture]] = {part: [] for part in SIZE}
    for part, scene in drawn(SIZE, chance, _scene, lambda scene: scene):
        number = int(chance.random() * 2**31)
        found[part].append(Picture(scene, number, _tellings(scene, chance)))
    return found


def training_scenes(count: int, seed: int = 1) -> Iterator[Scene]:
    """Different scenes like those of ``train``, as many as wanted.

    None has a pair of a kind and its colour or deed that ``pictures(seed)`` keeps from training.
    """
    sizes = {**dict.fromkeys(SIZE, 0), "train": count}
    for _, scene in drawn(sizes, random.Random(seed), _scene, lambda scene: scene):
        yield scene


def write_pictures(folder: Path, language: Literal["en", "de"] = "en", seed: int = 1) -> None:
    """Write ``images/*.png`` and ``captions.jsonl``, the whole folder or nothing.

    A line is ``{"image": "train-0001.png", "captions": [...], "split": "train"}``.

    Raises:
        UserError: an unknown language, or a folder that cannot be written.
    """
    if language not in LANGUAGES:
        known = ", ".join(LANGUAGES)
        raise UserError(f"is {language!r}", "language", f"choose from {known}")
    lines = []
    with writing_folder(folder) as beside:
        (beside / "images").mkdir()
        for part, some in pictures(seed).items():
            for number, picture in enumerate(some, start=1):
                name = f"{part}-{number:04}.png"
                picture.image().save(beside / "images" / name)
                line = {"image": name, "captions": picture.captions(language), "split": part}
                lines.append(json.dumps(line, ensure_ascii=False) + "\n")
        write_text(beside / "captions.jsonl", "".join(lines))


def _scene(chance: random.Random) -> Scene:
    """Two things: one somewhere, or doing something there, or to the other; or both doing."""
    pattern = one(chance, tuple(_TOLD))
    subject = _thing(chance, KINDS if pattern == "located" else ANIMALS)
    if pattern == "while":
        other = _thing(chance, ANIMALS, subject)
        return Scene(
            pattern, subject, one(chance, DOINGS), other=other, other_action=one(chance, DOINGS)
        )
    if pattern == "acts":
        return Scene(pattern, subject, one(chance, DEEDS), _thing(chance, KINDS, subject))
    return Scene(
        pattern,
        subject,
        one(chance, DOINGS) if pattern == "does" else None,
        relation=one(chance, RELATIONS),
        landmark=_thing(chance, THINGS, subject),
    )


def _thing(chance: random.Random, kinds: tuple[str, ...], apart: Thing | None = None) -> Thing:
    """Of another kind than ``apart``, and such that both have room in their usual size."""
    kind = one(chance, [kind for kind in kinds if apart is None or kind != apart.kind])
    count = one(chance, (1, 1, 1, 1, 2, 3))
    sizes: tuple[str | None, ...] = (None, None, None, "small", "tiny")
    if count == 1 and (apart is None or (apart.count == 1 and apart.size not in ("big", "huge"))):
        sizes = (*sizes, "big", "huge")
    return Thing(kind, one(chance, COLOURS), one(chance, sizes), count)


def _tellings(scene: Scene, chance: random.Random) -> tuple[Scene, ...]:
    """Two to five ways to tell of a picture, its own pattern first."""
    told: dict[tuple[str, ...], Scene] = {}
    for attempt in range(4 * MOST_CAPTIONS):
        pattern = scene.pattern if attempt < 2 else one(chance, _TOLD[scene.pattern])
        telling = _telling(scene, pattern, chance)
        told.setdefault(tuple(tell(telling) for tell in LANGUAGES.values()), telling)
        if len(told) == MOST_CAPTIONS:
            break
    return tuple(told.values())


def _telling(scene: Scene, pattern: Pattern, chance: random.Random) -> Scene:
    """Some of what there is to see: seen from the other side, less colours, less sizes."""
    turned = chance.random() < 0.4
    if turned and scene.pattern == "located" and scene.landmark and scene.relation:
        scene = replace(
            scene,
            subject=scene.landmark,
            landmark=scene.subject,
            relation=_CONVERSE[scene.relation],
        )
    if turned and scene.other:
        scene = replace(
            scene,
            subject=scene.other,
            action=scene.other_action,
            other=scene.subject,
            other_action=scene.action,
        )
    subject = _glimpse(scene.subject, chance)
    if pattern == "exists":
        subject = replace(subject, definite=False)
    elif pattern in ("located", "is_coloured"):
        named = subject.named_colour and pattern == "located"
        subject = replace(subject, definite=True, named_colour=named)
    return replace(
        scene,
        pattern=pattern,
        subject=subject,
        action=scene.action if pattern not in ("located", "exists") else None,
        object=scene.object and _glimpse(scene.object, chance),
        landmark=scene.landmark and _glimpse(scene.landmark, chance),
        other=scene.other and _glimpse(scene.other, chance),
    )


def _glimpse(thing: Thing, chance: random.Random) -> Thing:
    """The thing, with or without its article, colour and size."""
    return replace(
        thing,
        definite=chance.random() < 0.5,
        named_colour=chance.random() < 0.8,
        size=thing.size if chance.random() < 0.8 else None,
    )
