"""Shapes put together: transformed, coloured, moved, and one to three of them as a group."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from math import cos, radians, sin

from seqgen.scenes.sprites import SPRITES, Paint, Point, Shape
from seqgen.scenes.world import Thing

Colour = tuple[int, int, int]

USUAL = 19.0  # the side of a thing of the usual size, where the picture has 64
SIZES: dict[str | None, float] = {"tiny": 0.58, "small": 0.78, None: 1, "big": 1.28, "huge": 1.6}
COLOURS: dict[str, Colour] = {
    "red": (220, 30, 35),
    "blue": (35, 85, 215),
    "green": (45, 160, 60),
    "yellow": (250, 215, 40),
    "black": (30, 30, 32),
    "white": (253, 253, 253),
    "brown": (135, 85, 45),
    "grey": (140, 142, 148),
}
INK: Colour = (25, 25, 30)
_FIXED: dict[Paint, Colour] = {
    "eye": (255, 255, 255),
    "wood": (95, 60, 30),
    "leaf": (60, 130, 50),
    "beak": (255, 150, 20),
    "glass": (185, 220, 240),
    "line": INK,
}


@dataclass(frozen=True)
class Stroke:
    """One outline on the paper, in units of a picture 64 wide.

    ``width`` makes it an open line of that width instead of a filled shape with a thin outline.
    """

    points: tuple[Point, ...]
    colour: Colour
    edge: Colour = INK
    width: float | None = None


@dataclass(frozen=True)
class Group:
    """Strokes in the order they are drawn."""

    strokes: tuple[Stroke, ...]

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom."""
        lefts, tops, rights, bottoms = [], [], [], []
        for stroke in self.strokes:
            half = (stroke.width or 0) / 2
            xs, ys = [x for x, _ in stroke.points], [y for _, y in stroke.points]
            lefts.append(min(xs) - half)
            tops.append(min(ys) - half)
            rights.append(max(xs) + half)
            bottoms.append(max(ys) + half)
        return min(lefts), min(tops), max(rights), max(bottoms)

    @property
    def middle(self) -> Point:
        """The middle of the box."""
        left, top, right, bottom = self.box
        return (left + right) / 2, (top + bottom) / 2

    def moved(self, x: float, y: float) -> Group:
        """Further to the right and down."""
        return self._mapped(lambda p: (p[0] + x, p[1] + y))

    def scaled(self, factor: float) -> Group:
        """Larger around the origin, its lines wider."""
        larger = self._mapped(lambda p: (p[0] * factor, p[1] * factor))
        return Group(tuple(replace(s, width=s.width and s.width * factor) for s in larger.strokes))

    def flipped(self) -> Group:
        """Looking the other way, in its own box."""
        left, _, right, _ = self.box
        return self._mapped(lambda p: (left + right - p[0], p[1]))

    def __add__(self, above: Group) -> Group:
        return Group(self.strokes + above.strokes)

    def _mapped(self, move: Callable[[Point], Point]) -> Group:
        moved = ((tuple(move(p) for p in s.points), s) for s in self.strokes)
        return Group(tuple(Stroke(points, s.colour, s.edge, s.width) for points, s in moved))


@dataclass(frozen=True)
class Pose:
    """How one thing holds itself: degrees it leans back, how flat it lies, its eyes."""

    lean: float = 0.0
    flat: float = 1.0
    asleep: bool = False


STANDING = Pose()


def gather(thing: Thing, chance: random.Random, pose: Pose = STANDING) -> Group:
    """One, two side by side, or three with one of them behind, standing on y = 0 at x = 0."""
    side = USUAL * SIZES[thing.size] * (0.96 + 0.08 * chance.random())
    one = _single(thing, side, pose)
    left, top, right, _ = one.box
    wide, high = right - left, -top
    step = wide * 1.04 + 0.5
    places: Sequence[Point] = ((0.0, 0.0),)
    if thing.count == 2:
        places = ((0.0, 0.0), (step, 0.12 * high * (chance.random() - 0.5)))
    elif thing.count == 3:
        places = ((step * (0.4 + 0.2 * chance.random()), -high - 0.8), (0.0, 0.0), (step, 0.0))
    return together(one.moved(x - left, y) for x, y in places)


def together(groups: Iterable[Group]) -> Group:
    """Groups as one, the first drawn first."""
    return Group(tuple(stroke for group in groups for stroke in group.strokes))


def _single(thing: Thing, side: float, pose: Pose) -> Group:
    strokes = []
    body = COLOURS[thing.colour]
    edge = (110, 110, 115) if thing.colour == "black" else INK
    for shape in SPRITES[thing.kind]:
        points = tuple(_posed(point, side, pose) for point in shape.points)
        if shape.paint == "eye":
            strokes += _eye(points, side, pose)
        else:
            width = None if shape.width is None else max(shape.width * side, 0.6)
            if width is not None and shape.paint == "body":  # a line has no outline of its own
                strokes.append(Stroke(points, edge, edge, width + 0.8))
            strokes.append(Stroke(points, _painted(shape, body), edge, width))
    low = max(y for stroke in strokes for _, y in stroke.points)
    return Group(tuple(strokes)).moved(0, -low)


def _eye(points: tuple[Point, ...], side: float, pose: Pose) -> list[Stroke]:
    x = sum(p[0] for p in points) / len(points)
    y = sum(p[1] for p in points) / len(points)
    if pose.asleep:
        return [Stroke(((x - 0.06 * side, y), (x + 0.06 * side, y)), INK, INK, 0.8)]
    pupil = 0.028 * side
    corners = ((x, y - pupil), (x + 2 * pupil, y), (x, y + pupil))
    return [Stroke(points, _FIXED["eye"]), Stroke(corners, INK)]


def _posed(point: Point, side: float, pose: Pose) -> Point:
    x, y = side * (point[0] - 0.5), side * (point[1] - 1) * pose.flat
    turn = radians(-pose.lean)
    return x * cos(turn) - y * sin(turn), x * sin(turn) + y * cos(turn)


def _painted(shape: Shape, body: Colour) -> Colour:
    if shape.paint in _FIXED:
        return _FIXED[shape.paint]
    if shape.paint == "body":
        return body
    toward, share = (0, 0.28) if shape.paint == "dark" else (255, 0.5)
    if shape.paint == "dark" and sum(body) < 150:
        toward = 150  # the dark parts of what is black
    red, green, blue = (round(part + share * (toward - part)) for part in body)
    return red, green, blue
