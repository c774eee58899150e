"""Images with their captions, from the files that people have."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, NamedTuple

from seqgen.errors import UserError
from seqgen.files import check_characters, no_json, read_lines, read_objects

_NAMES = ("captions.tsv", "captions.jsonl", "dataset.json")  # looked for in a folder, also .gz
_SHOWN = 3  # of many missing images
_FORMATS = "give a Karpathy or COCO captions .json, a .jsonl or a .tsv"


@dataclass(frozen=True)
class Captioned:
    """An image, what people wrote of it, and the part of the data that it belongs to."""

    image: Path
    captions: tuple[str, ...]
    split: str


class _Entry(NamedTuple):
    """One caption as it was found, of any types; ``where`` names its place."""

    image: Any
    caption: Any
    split: Any
    where: str


def read_captions(
    path: Path, images: Path | None = None, split: str | None = None
) -> list[Captioned]:
    r"""Read captions in any of four formats, recognised by their content.

    - Karpathy's ``dataset.json``: ``images[]`` with ``filename``, ``split`` (``restval`` counts
      as ``train``), perhaps ``filepath``, and ``sentences[]`` with ``raw`` or ``tokens``;
    - COCO's ``captions_*.json``: ``images[]`` and ``annotations[]``, of one split;
    - JSONL: ``image``, ``caption`` or ``captions``, and perhaps ``split`` on each line;
    - TSV: image, caption and perhaps split on each line.

    Each may be gzipped (``.gz``). Lines about one image are put together; images come in the
    order of their first. Runs of white space in a caption become one space.

    Args:
        path: the file, or a folder with ``captions.tsv``, ``captions.jsonl`` or ``dataset.json``.
        images: folder of the images; if not given, ``images`` beside the file where there is
            such a folder, and otherwise the file's own.
        split: read this one alone. Captions that name no split count as of this one, or as
            ``train`` if it is not given.

    Raises:
        UserError: the file is missing or of no such format; an entry is malformed, has an empty
            caption or an image outside the folder (with its place); no image is of ``split``;
            or images are missing (all are counted).
    """
    path = captions_file(path)
    if images is None:
        beside = path.parent / "images"
        images = beside if beside.is_dir() else path.parent
    if not images.is_dir():
        raise UserError("is no folder", images, "give the folder of the images")
    every = _gather(_entries(path), images, split or "train")
    if not every:
        raise UserError("has no captions", path)
    chosen = [one for one in every if split in (None, one.split)]
    if not chosen:
        splits = ", ".join(sorted({one.split for one in every}))
        raise UserError(f"has no image of the split '{split}'", path, f"it has {splits}")
    missing = [one.image for one in chosen if not os.path.isfile(one.image)]
    if missing:
        names = ", ".join(str(image.relative_to(images)) for image in missing[:_SHOWN])
        more = ", …" if len(missing) > _SHOWN else ""
        raise UserError(
            f"{len(missing):,} of the {len(chosen):,} images of {path} are missing: {names}{more}",
            images,
            "check the folder of the images",
        )
    return chosen


def captions_file(path: Path) -> Path:
    """``path``, or the one file of captions in the folder ``path``.

    Raises:
        UserError: the folder has none, or several.
    """
    if not path.is_dir():
        return path
    names = [name + end for name in _NAMES for end in ("", ".gz")]
    found = [name for name in names if (path / name).is_file()]
    if not found:
        raise UserError(
            "has no captions", path, f"it needs {', '.join(_NAMES[:-1])} or {_NAMES[-1]}"
        )
    if len(found) > 1:
        raise UserError(f"has {' and '.join(found)}", path, "give the one that is meant")
    return path / found[0]


def _entries(path: Path) -> Iterator[_Entry]:
    """The captions of a file in any format."""
    lines = list(read_lines(path))
    text = "\n".join(lines)
    start = len(text) - len(text.lstrip())
    if text[start : start + 1] not in ("{", "["):
        if not lines or "\t" not in lines[0]:
            raise UserError("is no file of captions that is known", path, _FORMATS)
        return _tsv(lines, path)
    try:
        first, end = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError) as error:
        raise no_json(error, path, 1) from error
    if isinstance(first, dict) and "images" not in first and "image" in first:
        return _jsonl(lines, path)
    if not isinstance(first, dict) or not isinstance(first.get("images"), list):
        raise UserError("has neither a list 'images' nor an 'image'", path, _FORMATS)
    if rest := text[end:].lstrip():
        line = text.count("\n", 0, len(text) - len(rest)) + 1
        raise UserError("is not JSON: more text after its end", f"{path}, line {line}")
    return _coco(first, path) if "annotations" in first else _karpathy(first, path)


def _tsv(lines: list[str], path: Path) -> Iterator[_Entry]:
    for number, line in enumerate(lines, start=1):
        columns, where = line.split("\t"), f"{path}, line {number}"
        if len(columns) not in (2, 3):
            raise UserError(f"has {len(columns)} columns where 2 or 3 are expected", where)
        yield _Entry(columns[0], columns[1], columns[2] if len(columns) == 3 else None, where)


def _jsonl(lines: list[str], path: Path) -> Iterator[_Entry]:
    for values, where in read_objects(lines, path):
        captions = _list(values, "captions", where) if "captions" in values else []
        if "caption" in values:
            captions = [*captions, values["caption"]]
        if not captions:
            raise UserError("has no captions", where)
        for caption in captions:
            yield _Entry(values.get("image"), caption, values.get("split"), where)


def _karpathy(values: dict[str, Any], path: Path) -> Iterator[_Entry]:
    for i, image in enumerate(values["images"]):
        where = f"{path}, images[{i}]"
        name, folder = _field(image, "filename", where), image.get("filepath", "")
        if isinstance(name, str) and isinstance(folder, str) and folder:
            name = f"{folder}/{name}"
        split = _field(image, "split", where)
        sentences = _list(image, "sentences", where)
        if not sentences:
            raise UserError("has no captions", where)
        for j, sentence in enumerate(sentences):
            place = f"{where}.sentences[{j}]"
            if not isinstance(sentence, dict) or not {"raw", "tokens"} & sentence.keys():
                raise UserError("has neither 'raw' nor 'tokens'", place)
            caption = sentence.get("raw")
            if caption is None:
                caption = " ".join(map(str, _list(sentence, "tokens", place)))
            yield _Entry(name, caption, "train" if split == "restval" else split, place)


def _coco(values: dict[str, Any], path: Path) -> Iterator[_Entry]:
    names: dict[str, Any] = {}
    captions: dict[str, list[tuple[Any, str]]] = {}
    for i, image in enumerate(values["images"]):
        where = f"{path}, images[{i}]"
        number = repr(_field(image, "id", where))
        if number in names:
            raise UserError(f"has the id {number} of an image before it", where)
        names[number], captions[number] = _field(image, "file_name", where), []
    for i, annotation in enumerate(_list(values, "annotations", path)):
        where = f"{path}, annotations[{i}]"
        number = repr(_field(annotation, "image_id", where))
        if number not in names:
            raise UserError(f"is about an image {number} that is not listed", where)
        captions[number].append((_field(annotation, "caption", where), where))
    for i, (number, name) in enumerate(names.items()):
        if not captions[number]:
            raise UserError("has no captions", f"{path}, images[{i}]")
        for caption, where in captions[number]:
            yield _Entry(name, caption, None, where)


def _field(values: Any, key: str, where: object) -> Any:
    if not isinstance(values, dict) or key not in values:
        raise UserError(f"has no '{key}'", where)
    return values[key]


def _list(values: dict[str, Any], key: str, where: object) -> list[Any]:
    if not isinstance(values.get(key), list):
        raise UserError(f"has no list '{key}'", where)
    found: list[Any] = values[key]
    return found


def _gather(entries: Iterable[_Entry], folder: Path, unnamed: str) -> list[Captioned]:
    """One ``Captioned`` an image, in first-seen order; each entry is checked."""
    captions: dict[PurePosixPath, list[str]] = {}
    splits: dict[PurePosixPath, str] = {}
    for entry in entries:
        name = image_name(entry.image, entry.where)
        caption = " ".join(_text(entry.caption, "caption", entry.where).split())
        if not caption:
            raise UserError("has an empty caption", entry.where)
        split = unnamed if entry.split in (None, "") else _text(entry.split, "split", entry.where)
        if splits.setdefault(name, split) != split:
            raise UserError(
                f"puts {name} into '{split}', and an entry before it into '{splits[name]}'",
                entry.where,
                "an image belongs to one split",
            )
        captions.setdefault(name, []).append(caption)
    return [Captioned(folder / n, tuple(texts), splits[n]) for n, texts in captions.items()]


def image_name(value: Any, where: str) -> PurePosixPath:
    """The name of an image, if it stays in its folder on every system.

    Raises:
        UserError: it does not, or is no name.
    """
    name = _text(value, "image name", where)
    strict = PureWindowsPath(name)  # takes both kinds of slashes, and drives
    if strict.anchor or ".." in strict.parts or "\0" in name:
        raise UserError(f"names an image outside its folder: {name!r}", where)
    if not strict.name:
        raise UserError("has an empty image name", where)
    return PurePosixPath(name)


def _text(value: Any, what: str, where: str) -> str:
    if not isinstance(value, str):
        raise UserError(f"has no text as {what}", where)
    check_characters(value, f"its {what}", where)
    return value
