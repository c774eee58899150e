"""Every kind of thing as a few shapes in a unit square, looking to the right, y downwards."""

from __future__ import annotations

from math import cos, pi, sin
from typing import Literal, NamedTuple

Point = tuple[float, float]
Paint = Literal["body", "dark", "light", "line", "eye", "wood", "leaf", "beak", "glass"]


class Shape(NamedTuple):
    """A filled outline, or a stroke where ``width`` is given (as a share of the square)."""

    paint: Paint
    points: tuple[Point, ...]
    width: float | None = None


def oval(paint: Paint, x: float, y: float, across: float, down: float) -> Shape:
    """An ellipse around (x, y) with these radii."""
    steps = 12 if across < 0.1 else 20
    return Shape(
        paint,
        tuple(
            (x + across * cos(2 * pi * i / steps), y + down * sin(2 * pi * i / steps))
            for i in range(steps)
        ),
    )


def _poly(paint: Paint, *points: Point) -> Shape:
    return Shape(paint, points)


def _bar(paint: Paint, x0: float, y0: float, x1: float, y1: float) -> Shape:
    return Shape(paint, ((x0, y0), (x1, y0), (x1, y1), (x0, y1)))


def _stroke(paint: Paint, width: float, *points: Point) -> Shape:
    return Shape(paint, points, width)


def _legs(top: float, width: float, *places: float) -> list[Shape]:
    return [_bar("body", x, top, x + width, 1) for x in places]


def _eye(x: float, y: float) -> Shape:
    return oval("eye", x, y, 0.055, 0.055)


def _star(paint: Paint, x: float, y: float, outer: float, inner: float, tips: int) -> Shape:
    radii = (outer, inner) * tips
    return Shape(
        paint,
        tuple(
            (x + r * sin(pi * i / tips), y - r * cos(pi * i / tips)) for i, r in enumerate(radii)
        ),
    )


SPRITES: dict[str, tuple[Shape, ...]] = {
    "dog": (
        _poly("body", (0.16, 0.55), (0.0, 0.22), (0.07, 0.2), (0.26, 0.48)),  # tail up
        *_legs(0.66, 0.1, 0.16, 0.3, 0.52, 0.65),
        oval("body", 0.45, 0.6, 0.33, 0.18),
        oval("body", 0.9, 0.44, 0.1, 0.08),  # snout
        oval("body", 0.74, 0.36, 0.18, 0.17),
        oval("dark", 0.62, 0.42, 0.08, 0.2),  # hanging ear
        oval("line", 0.97, 0.42, 0.035, 0.035),
        _eye(0.79, 0.32),
    ),
    "cat": (
        _stroke("body", 0.08, (0.2, 0.62), (0.06, 0.5), (0.04, 0.3), (0.12, 0.12), (0.2, 0.1)),
        *_legs(0.74, 0.09, 0.2, 0.33, 0.5, 0.62),
        oval("body", 0.43, 0.68, 0.3, 0.17),
        _poly("body", (0.58, 0.36), (0.58, 0.06), (0.76, 0.26)),  # pointed ears
        _poly("body", (0.76, 0.26), (0.95, 0.06), (0.95, 0.36)),
        oval("body", 0.765, 0.42, 0.21, 0.2),
        _stroke("line", 0.02, (0.8, 0.5), (1.0, 0.46)),
        _stroke("line", 0.02, (0.8, 0.52), (1.0, 0.56)),
        _eye(0.69, 0.39),
        _eye(0.85, 0.39),
    ),
    "bird": (
        _stroke("line", 0.035, (0.44, 0.74), (0.44, 1.0)),
        _stroke("line", 0.035, (0.56, 0.74), (0.56, 1.0)),
        _poly("dark", (0.25, 0.5), (0.0, 0.38), (0.0, 0.66)),  # tail
        oval("body", 0.46, 0.55, 0.29, 0.24),
        _poly("beak", (0.86, 0.2), (1.0, 0.32), (0.84, 0.38)),
        oval("body", 0.73, 0.28, 0.17, 0.17),
        _poly("dark", (0.56, 0.48), (0.12, 0.22), (0.34, 0.66)),  # wing
        _eye(0.78, 0.25),
    ),
    "horse": (
        _poly("dark", (0.14, 0.44), (0.0, 0.5), (0.0, 0.82), (0.08, 0.8), (0.18, 0.56)),  # tail
        *_legs(0.54, 0.075, 0.14, 0.26, 0.5, 0.61),
        oval("body", 0.4, 0.5, 0.29, 0.14),
        _poly("body", (0.52, 0.54), (0.66, 0.06), (0.8, 0.12), (0.7, 0.52)),  # neck
        _poly("body", (0.68, 0.02), (0.82, 0.06), (1.0, 0.28), (0.92, 0.36), (0.7, 0.24)),
        _poly("dark", (0.7, 0.0), (0.6, 0.04), (0.46, 0.42), (0.56, 0.42), (0.7, 0.08)),  # mane
        _eye(0.8, 0.15),
    ),
    "fish": (
        _poly("dark", (0.28, 0.55), (0.0, 0.3), (0.07, 0.55), (0.0, 0.8)),  # tail
        _poly("dark", (0.42, 0.4), (0.5, 0.18), (0.72, 0.4)),
        oval("body", 0.6, 0.55, 0.38, 0.22),
        _stroke("line", 0.025, (0.66, 0.4), (0.61, 0.55), (0.66, 0.7)),
        _eye(0.8, 0.49),
    ),
    "ball": (
        oval("body", 0.5, 0.62, 0.38, 0.38),
        _poly("light", (0.16, 0.48), (0.84, 0.48), (0.88, 0.66), (0.12, 0.66)),
    ),
    "cube": (
        _poly("body", (0.06, 0.4), (0.64, 0.4), (0.64, 1.0), (0.06, 1.0)),
        _poly("light", (0.06, 0.4), (0.32, 0.16), (0.92, 0.16), (0.64, 0.4)),
        _poly("dark", (0.64, 0.4), (0.92, 0.16), (0.92, 0.76), (0.64, 1.0)),
    ),
    "star": (_star("body", 0.5, 0.54, 0.5, 0.2, 5),),
    "tree": (
        _bar("wood", 0.43, 0.7, 0.57, 1.0),
        _poly("body", (0.5, 0.26), (0.9, 0.78), (0.1, 0.78)),
        _poly("body", (0.5, 0.0), (0.8, 0.44), (0.2, 0.44)),
    ),
    "flower": (
        _stroke("leaf", 0.06, (0.5, 0.4), (0.5, 1.0)),
        _poly("leaf", (0.5, 0.92), (0.8, 0.66), (0.72, 0.88)),
        *(oval("body", 0.5 + 0.2 * sin(a), 0.3 - 0.2 * cos(a), 0.13, 0.13)
          for a in (0, 1.257, 2.513, 3.77, 5.027)),
        oval("beak", 0.5, 0.3, 0.1, 0.1),
    ),
    "box": (
        _poly("dark", (0.14, 0.5), (0.0, 0.24), (0.34, 0.3), (0.44, 0.5)),  # open lid
        _poly("dark", (0.86, 0.5), (1.0, 0.24), (0.66, 0.3), (0.56, 0.5)),
        _bar("body", 0.12, 0.5, 0.88, 1.0),
        _stroke("line", 0.035, (0.5, 0.5), (0.5, 1.0)),
        _stroke("line", 0.035, (0.12, 0.7), (0.88, 0.7)),
    ),
    "lamp": (
        _bar("line", 0.46, 0.4, 0.54, 0.94),
        _bar("line", 0.28, 0.92, 0.72, 1.0),
        _poly("body", (0.34, 0.04), (0.66, 0.04), (0.88, 0.5), (0.12, 0.5)),
    ),
    "house": (
        _bar("body", 0.12, 0.44, 0.88, 1.0),
        _poly("dark", (0.0, 0.46), (0.5, 0.04), (1.0, 0.46)),
        _bar("wood", 0.54, 0.64, 0.74, 1.0),
        _bar("glass", 0.22, 0.58, 0.42, 0.78),
    ),
    "car": (
        _poly("body", (0.2, 0.62), (0.32, 0.36), (0.68, 0.36), (0.84, 0.62)),
        _poly("glass", (0.3, 0.6), (0.37, 0.42), (0.64, 0.42), (0.74, 0.6)),
        _poly("body", (0.0, 0.6), (0.96, 0.6), (1.0, 0.7), (1.0, 0.86), (0.0, 0.86)),
        oval("line", 0.25, 0.86, 0.14, 0.14),
        oval("line", 0.75, 0.86, 0.14, 0.14),
        oval("light", 0.25, 0.86, 0.06, 0.06),
        oval("light", 0.75, 0.86, 0.06, 0.06),
    ),
    "boat": (
        _stroke("wood", 0.05, (0.46, 0.02), (0.46, 0.7)),
        _poly("light", (0.52, 0.06), (0.92, 0.6), (0.52, 0.6)),  # sails
        _poly("light", (0.4, 0.16), (0.4, 0.6), (0.12, 0.6)),
        _poly("body", (0.0, 0.66), (1.0, 0.66), (0.82, 1.0), (0.18, 1.0)),
    ),
}  # fmt: skip
