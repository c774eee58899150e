"""A chart of lines, drawn with Pillow."""

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
