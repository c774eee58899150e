"""Small signs beside what somebody does: z's, notes, speed lines, looks, arrows, hearts."""

from __future__ import annotations

from math import cos, pi, sin

from seqgen.scenes.groups import INK, Colour, Group, Stroke
from seqgen.scenes.sprites import Point, oval

WHITE: Colour = (255, 255, 255)
PINK: Colour = (245, 60, 130)
BLUE: Colour = (70, 150, 235)
GOLD: Colour = (245, 165, 20)
VIOLET: Colour = (140, 60, 190)


def line(*points: Point, colour: Colour = INK, width: float = 1.0) -> Stroke:
    """An open line."""
    return Stroke(points, colour, colour, width)


def disc(x: float, y: float, across: float, down: float, colour: Colour) -> Stroke:
    """A filled ellipse with an outline of its own colour."""
    return Stroke(oval("line", x, y, across, down).points, colour, colour)


def sleeping(x: float, y: float) -> Group:
    """Two z's rising from (x, y)."""

    def z(left: float, low: float, side: float) -> Stroke:
        high, right = low - side, left + side
        return line((left, high), (right, high), (left, low), (right, low), colour=BLUE, width=1.1)

    return Group((z(x, y, 3.4), z(x + 4.2, y - 3.6, 4.6)))


def dancing(x: float, y: float) -> Group:
    """Two musical notes rising from (x, y)."""
    strokes: list[Stroke] = []
    for left, low in ((x, y), (x + 5.5, y - 2)):
        strokes.append(disc(left, low, 1.5, 1.1, VIOLET))
        stem, top = left + 1.3, low - 5.5
        strokes.append(line((stem, low), (stem, top), (stem + 2.2, top + 1.6), colour=VIOLET))
    return Group(tuple(strokes))


def waiting(x: float, y: float) -> Group:
    """Three dots in a bubble around (x, y)."""
    bubble = Stroke(oval("eye", x, y, 5.4, 3.0).points, WHITE)
    return Group((bubble, *(disc(x + d, y, 0.8, 0.8, INK) for d in (-2.6, 0, 2.6))))


def sitting(left: float, right: float, y: float) -> Group:
    """A cushion below."""
    x, half = (left + right) / 2, max((right - left) / 2, 4)
    return Group((Stroke(oval("eye", x, y + 1, half, 1.9).points, VIOLET),))


def speeding(x: float, top: float, bottom: float) -> Group:
    """Three lines that end at x: something came from the left."""
    third = (bottom - top) / 4
    lines = ((x - 4 - i % 2 * 2, top + third * (i + 1)) for i in range(3))
    return Group(tuple(line((left, y), (x, y), colour=BLUE, width=0.9) for left, y in lines))


def jumping(left: float, right: float, bottom: float) -> Group:
    """A shadow on the ground, and two bows that spring from it."""
    x, half = (left + right) / 2, (right - left) / 2
    shadow = disc(x, bottom + 6.5, half * 0.8, 1.2, (165, 165, 170))
    bows = (
        line((x + d - 1.6, bottom + 4), (x + d, bottom + 1.6), (x + d + 1.6, bottom + 4),
             colour=GOLD, width=1.2)
        for d in (-half / 2, half / 2)
    )  # fmt: skip
    return Group((shadow, *bows))


def footprints(left: float, right: float, y: float) -> Group:
    """A trail of dots from left to right."""
    count = max(3, int((right - left) / 3))
    step = (right - left) / (count - 1)
    return Group(
        tuple(disc(left + i * step, y + 0.8 * (i % 2), 0.9, 0.7, VIOLET) for i in range(count))
    )


def arrow(start: Point, end: Point, colour: Colour) -> Group:
    """An arrow along an axis."""
    across, down = end[0] - start[0], end[1] - start[1]
    length = max(abs(across), abs(down))
    ux, uy = across / length, down / length
    back = (end[0] - 2.4 * ux, end[1] - 2.4 * uy)
    head = (end, (back[0] - 2 * uy, back[1] + 2 * ux), (back[0] + 2 * uy, back[1] - 2 * ux))
    return Group((line(start, back, colour=colour, width=1.3), Stroke(head, colour, colour)))


def glance(start: Point, end: Point) -> Group:
    """A dotted look."""
    pieces = 5
    across, down = (end[0] - start[0]) / pieces, (end[1] - start[1]) / pieces
    dots = ((start[0] + across * (i + 0.5), start[1] + down * (i + 0.5)) for i in range(pieces))
    return Group(tuple(disc(x, y, 0.75, 0.75, BLUE) for x, y in dots))


def gaze(start: Point, top: Point, bottom: Point) -> Group:
    """A long look: a beam as wide as what is looked at."""
    return Group((Stroke((start, top, bottom), (255, 238, 150), GOLD),))


def finding(x: float, y: float) -> Group:
    """An exclamation mark."""
    red: Colour = (230, 30, 30)
    return Group((line((x, y - 6.5), (x, y - 2.4), colour=red, width=1.7),
                  disc(x, y - 0.2, 1, 1, red)))  # fmt: skip


def shining(x: float, y: float, across: float, down: float) -> Group:
    """Rays around something found."""
    rays = (2 * pi * i / 8 for i in range(8))
    return Group(
        tuple(
            line((x + (across + 1) * cos(a), y + (down + 1) * sin(a)),
                 (x + (across + 3.4) * cos(a), y + (down + 3.4) * sin(a)), colour=GOLD)
            for a in rays
        )
    )  # fmt: skip


def heart(x: float, y: float) -> Group:
    """A heart around (x, y)."""
    points = ((0, 3), (-3, 0), (-3, -1.6), (-1.6, -2.6), (0, -1.2), (1.6, -2.6), (3, -1.6), (3, 0))
    return Group((Stroke(tuple((x + a, y + b) for a, b in points), PINK, PINK),))
