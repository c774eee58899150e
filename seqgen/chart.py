"""Charts of lines and of counts, drawn with Pillow."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw, ImageFont

from seqgen.errors import UserError

Point = tuple[float, float]

COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf")
_SIZE = (720, 420)  # pixels
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 176, 40, 52  # pixels free; the legend is on the right
_TICKS = 5  # on the upright axis
_CELL, _LONGEST = 44, 16  # pixels of a count, characters of a label


def line_chart(
    title: str, labels: Sequence[str], lines: Mapping[str, Sequence[float]], below: str = ""
) -> bytes:
    """A PNG with one line for each of ``lines``, over places that ``labels`` name.

    Args:
        title: above the chart.
        labels: [N], names of the places along the bottom.
        lines: by name, each N finite numbers; the upright axis holds them all, and 0.
        below: what the places are.

    Raises:
        UserError: there is nothing to draw, or a line has another number of points.
    """
    values = [value for line in lines.values() for value in line]
    if not values or not all(map(math.isfinite, values)):
        raise UserError("there is nothing to draw", title, "give lines of finite numbers")
    for name, line in lines.items():
        if len(line) != len(labels):
            raise UserError(f"line '{name}' has {len(line)} points, not {len(labels)}", title)
    low, high = _range(values)
    sheet = Image.new("RGB", _SIZE, "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    pen.text((_LEFT, 12), title, "black", font)
    _draw_axes(pen, font, labels, (low, high), below)
    for number, (name, line) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        points = [
            (_across(i, len(labels)), _down(value, low, high)) for i, value in enumerate(line)
        ]
        pen.line(points, colour, 3)
        for x, y in points:
            pen.ellipse((x - 4, y - 4, x + 4, y + 4), colour)
        height = _TOP + 22 * number
        left = _SIZE[0] - _RIGHT + 20
        pen.line([(left, height + 9), (left + 22, height + 9)], colour, 3)
        pen.text((left + 30, height), name, "black", font)
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    return buffer.getvalue()


def matrix_chart(title: str, labels: Sequence[str], counts: Sequence[Sequence[int]]) -> bytes:
    """A PNG with a square for each count, the darker the greater its share of its row.

    Args:
        title: above the chart.
        labels: [L], names of the rows and of the columns.
        counts: [L, L].

    Raises:
        UserError: there is nothing to draw, or not a count for each pair of labels.
    """
    size = len(labels)
    if not size or len(counts) != size or any(len(row) != size for row in counts):
        raise UserError("there is nothing to draw", title, "give a count for each pair of labels")
    font = ImageFont.load_default(14)
    names = [label if len(label) <= _LONGEST else f"{label[: _LONGEST - 1]}…" for label in labels]
    left = math.ceil(max(map(font.getlength, names))) + 24
    cell = max(_CELL, math.ceil(max(map(font.getlength, names))) + 12)
    wide = max(left + cell * size + 24, math.ceil(font.getlength(title)) + 24)
    sheet = Image.new("RGB", (wide, _TOP + 28 + _CELL * size + 24), "white")
    pen = ImageDraw.Draw(sheet)
    pen.text((12, 12), title, "black", font)
    for i, (name, row) in enumerate(zip(names, counts, strict=True)):
        y = _TOP + 28 + _CELL * i
        pen.text((left + cell * (i + 0.5), _TOP + 20), name, "black", font, anchor="ms")
        pen.text((left - 10, y + _CELL / 2), name, "black", font, anchor="rm")
        for j, count in enumerate(row):
            share = count / max(1, sum(row))
            x = left + cell * j
            shade = tuple(round(255 + share * (dark - 255)) for dark in (31, 119, 180))
            pen.rectangle((x, y, x + cell - 1, y + _CELL - 1), shade, "#dddddd")
            ink = "white" if share > 0.5 else "black"
            pen.text((x + cell / 2, y + _CELL / 2), str(count), ink, font, anchor="mm")
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    return buffer.getvalue()


def _range(values: Sequence[float]) -> Point:
    """The least and the greatest value of the upright axis: 0 is in it, and the ends are round."""
    low, high = min(0.0, *values), max(0.0, *values)
    step = 10 ** math.floor(math.log10(max(high - low, 1e-9)))
    return math.floor(low / step) * step, math.ceil(high / step) * step or 1.0


def _across(place: int, count: int) -> float:
    wide = _SIZE[0] - _LEFT - _RIGHT
    return _LEFT + wide * (place + 0.5) / count


def _down(value: float, low: float, high: float) -> float:
    tall = _SIZE[1] - _TOP - _BOTTOM
    return _TOP + tall * (high - value) / (high - low)


def _draw_axes(
    pen: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    labels: Sequence[str],
    limits: Point,
    below: str,
) -> None:
    right, bottom = _SIZE[0] - _RIGHT, _SIZE[1] - _BOTTOM
    for tick in range(_TICKS + 1):
        value = limits[0] + (limits[1] - limits[0]) * tick / _TICKS
        y = _down(value, *limits)
        pen.line([(_LEFT, y), (right, y)], "#dddddd")
        pen.text((_LEFT - 8, y), f"{value:.4g}", "black", font, anchor="rm")
    pen.line([(_LEFT, _TOP), (_LEFT, bottom), (right, bottom)], "black")
    for place, label in enumerate(labels):
        pen.text((_across(place, len(labels)), bottom + 6), label, "black", font, anchor="ma")
    pen.text(((_LEFT + right) / 2, bottom + 28), below, "black", font, anchor="ma")
