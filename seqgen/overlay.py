"""Where a captioner looked while it wrote: each word's attention laid over the picture."""

from __future__ import annotations

import base64
import html
import io
import math
import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from seqgen.captioner import Caption
from seqgen.errors import UserError
from seqgen.files import write_bytes, write_text
from seqgen.images import ImageConfig, read_image

TILE = 240  # pixels of the longer side of a picture in an explanation
_TEXT = 24  # and of the line above it
_COLUMNS = 5
_DARK = 0.25  # brightness that is left where nothing was looked at
_SPACE = "▁"  # as SentencePiece writes it

Box = tuple[float, float, float, float]


def words(caption: Caption) -> list[tuple[str, npt.NDArray[np.float64]]]:
    """The words of a caption, each with where the model looked for it: [height, width].

    A word of several subwords has the mean of theirs.

    Raises:
        UserError: the model has no attention, or not to places of the picture.
    """
    attention = caption.hypothesis.attention
    if attention is None:
        raise UserError("this model has no attention to show", fix="train one with attention")
    if caption.grid is None:
        what = "what this model attends to has no grid of places in the picture"
        raise UserError(
            what, fix="give the Memory of its encoder a grid; export it again, if it is one"
        )
    groups: list[tuple[str, list[int]]] = []
    for number, piece in enumerate(caption.pieces):
        if not groups or piece.startswith(_SPACE):
            groups.append(("", []))
        text, numbers = groups[-1]
        groups[-1] = (text + piece.replace(_SPACE, ""), [*numbers, number])
    return [
        (text, np.asarray(attention[numbers], np.float64).mean(0).reshape(caption.grid))
        for text, numbers in groups
        if text
    ]


def seen(size: tuple[int, int], config: ImageConfig) -> Box:
    """The part (left, upper, right, lower) of a picture of ``size`` that the network sees."""
    width, height = size
    if config.fit == "squash":
        return 0.0, 0.0, float(width), float(height)
    side = min(width, height) * config.size / config.resize
    left, upper = (width - side) / 2, (height - side) / 2
    return left, upper, left + side, upper + side


def shade(image: Image.Image, weights: npt.NDArray[np.float64], config: ImageConfig) -> Image.Image:
    """``image`` as bright as it was looked at; what the network did not see stays dark.

    Args:
        image: RGB, of any shape.
        weights: [height, width], attention over the grid.
        config: how the picture was fitted to the network.
    """
    left, upper, right, lower = (round(edge) for edge in seen(image.size, config))
    grey = Image.fromarray((weights / weights.max() * 255).astype(np.uint8))
    light = Image.new("L", image.size)
    light.paste(grey.resize((right - left, lower - upper), Image.Resampling.BICUBIC), (left, upper))
    factor = _DARK + (1 - _DARK) * np.asarray(light, np.float64)[..., None] / 255
    return Image.fromarray((np.asarray(image) * factor).astype(np.uint8))


def explain(image: Image.Image, caption: Caption, config: ImageConfig) -> Image.Image:
    """One picture of tiles: the image with its caption, then a tile for each word."""
    small = _sized(image)
    tiles = [("", small)]
    tiles += [(text, shade(small, weights, config)) for text, weights in words(caption)]
    columns = min(_COLUMNS, len(tiles))
    wide, high = small.width + 4, small.height + _TEXT
    rows = math.ceil(len(tiles) / columns)
    sheet = Image.new("RGB", (columns * wide, _TEXT + rows * high), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
    pen.text((4, 4), caption.text, "black", font)
    for number, (text, tile) in enumerate(tiles):
        left, upper = number % columns * wide, _TEXT + number // columns * high
        pen.text((left + 4, upper + 4), text, "black", font)
        sheet.paste(tile, (left, upper + _TEXT))
    return sheet


def gallery(pictures: Sequence[Path], captions: Sequence[str], columns: int = 4) -> bytes:
    """A PNG of pictures in rows, each with its caption below.

    Raises:
        UserError: a file is no picture.
    """
    rows = math.ceil(len(pictures) / columns)
    lines = 3
    high = TILE + lines * 18 + 8
    sheet = Image.new("RGB", (columns * (TILE + 8), rows * high), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for number, (path, text) in enumerate(zip(pictures, captions, strict=True)):
        left, upper = number % columns * (TILE + 8) + 4, number // columns * high + 4
        sheet.paste(_sized(read_image(path)), (left, upper))
        for line, part in enumerate(textwrap.wrap(text, TILE // 7)[:lines]):
            pen.text((left, upper + TILE + 18 * line), part, "black", font)
    return _png(sheet)


def _sized(image: Image.Image) -> Image.Image:
    """The image so that its longer side has ``TILE`` pixels; a drawing of few keeps its edges."""
    scale = TILE / max(image.size)
    kind = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.LANCZOS
    return image.resize((round(image.width * scale), round(image.height * scale)), kind)


def write_explanation(
    path: Path, captions: Sequence[tuple[Path, Caption]], config: ImageConfig
) -> None:
    """Write explanations of pictures and their captions to a ``.png`` or an ``.html`` page.

    Raises:
        UserError: another suffix, no captions, several for one ``.png``, a model without
            attention, or a file that cannot be read or written.
    """
    suffix = path.suffix.lower()
    if suffix not in (".png", ".html"):
        raise UserError("is neither .png nor .html", path, "choose one of them")
    if not captions:
        raise UserError("there is no caption to explain", path)
    if suffix == ".png" and len(captions) > 1:
        raise UserError(f"{len(captions)} pictures do not fit one .png", path, "name an .html")
    sheets = [_png(explain(read_image(file), caption, config)) for file, caption in captions]
    if suffix == ".png":
        write_bytes(path, sheets[0])
        return
    parts = [
        f"<h2>{html.escape(str(file))}</h2>\n<p>{html.escape(caption.text)}</p>\n"
        f'<img alt="" src="data:image/png;base64,{base64.b64encode(sheet).decode()}">\n'
        for (file, caption), sheet in zip(captions, sheets, strict=True)
    ]
    head = '<!doctype html>\n<meta charset="utf-8">\n<title>Captions</title>\n'
    write_text(path, head + "".join(parts))


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
