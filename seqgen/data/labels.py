"""Texts and images with a label each, from the files that people have."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from seqgen.data.caption_store import IMAGES
from seqgen.data.captions import image_name
from seqgen.data.prepare import fingerprint, refuse_other_things, token_type
from seqgen.data.store import RaggedWriter, StoreInfo, write_info
from seqgen.data.values import Values
from seqgen.errors import UserError
from seqgen.files import check_characters, read_lines, read_objects, write_json, writing_folder
from seqgen.text import Tokenizer

Kind = Literal["text", "image"]

_SHOWN = 3  # of many missing images
_FORMATS = "give a .csv, .tsv or .jsonl, each also .gz"


@dataclass(frozen=True)
class Example:
    """Something to label: a text or the path of an image, its label, and where it was read."""

    item: str
    label: str
    where: str


def read_labelled(path: Path, images: Path | None = None) -> list[Example]:
    r"""Read texts, or with ``images`` the names of image files, and the label of each.

    - CSV (quoted as spreadsheets do) and TSV (never quoted): two columns, the text (or image)
      and its label; or any columns below a first row that names ``text`` (or ``image``) and
      ``label``;
    - JSONL: the keys ``text`` (or ``image``) and ``label``, which may be a whole number.

    Each may be gzipped (``.gz``). Labels lose the space around them.

    Args:
        path: the file.
        images: folder of the images; without it the file is one of texts.

    Raises:
        UserError: the file is missing, empty or of no such format; a line has no text, no label
            or a label with a tab or line end in it; or images are missing (all are counted).
    """
    kind: Kind = "text" if images is None else "image"
    name = path.name.lower().removesuffix(".gz")
    rows = next((read(path, kind) for end, read in _READERS.items() if name.endswith(end)), None)
    if rows is None:
        raise UserError("is no file of labels that is known", path, _FORMATS)
    found = [_example(item, label, where, kind) for item, label, where in rows]
    if not found:
        raise UserError("is empty", path, f"give a file with a {kind} and a label on each line")
    return found if images is None else _with_folder(found, path, images)


def _csv(path: Path, kind: Kind) -> Iterator[tuple[Any, Any, str]]:
    rows = csv.reader(f"{line}\n" for line in read_lines(path))
    yield from _columns(_numbered(rows, path), kind)


def _numbered(rows: Any, path: Path) -> Iterator[tuple[list[str], str]]:
    """The rows of a CSV, each with the line that it ends on."""
    try:
        for row in rows:
            yield row, f"{path}, line {rows.line_num}"
    except csv.Error as error:
        raise UserError(f"is no CSV: {error}", f"{path}, line {rows.line_num}") from error


def _tsv(path: Path, kind: Kind) -> Iterator[tuple[Any, Any, str]]:
    lines = enumerate(read_lines(path), start=1)
    yield from _columns(((line.split("\t"), f"{path}, line {n}") for n, line in lines), kind)


def _columns(rows: Iterator[tuple[list[str], str]], kind: Kind) -> Iterator[tuple[Any, Any, str]]:
    """Item, label and place of each row, by the names in the first one if it has them."""
    places, width, named = (0, 1), 2, False
    for number, (row, where) in enumerate(rows):
        names = [cell.strip().lower() for cell in row]
        if number == 0 and kind in names and "label" in names:
            places, width, named = (names.index(kind), names.index("label")), len(row), True
            continue
        if len(row) != width:
            fix = "" if named else f"; else name the columns '{kind}' and 'label' in the first line"
            raise UserError(f"has {len(row)} columns where {width} are expected{fix}", where)
        yield row[places[0]], row[places[1]], where


def _jsonl(path: Path, kind: Kind) -> Iterator[tuple[Any, Any, str]]:
    for values, where in read_objects(read_lines(path), path):
        yield values.get(kind), values.get("label"), where


_READERS: dict[str, Callable[[Path, Kind], Iterator[tuple[Any, Any, str]]]] = {
    ".csv": _csv, ".tsv": _tsv, ".jsonl": _jsonl,
}  # fmt: skip


def _example(item: Any, label: Any, where: str, kind: Kind) -> Example:
    """One row, checked."""
    if type(label) is int:
        label = str(label)
    for value, what in ((item, kind), (label, "label")):
        if not isinstance(value, str) or not value.strip():
            raise UserError(f"has no {what}", where)
        check_characters(value, f"its {what}", where)
    label = label.strip()
    if len(label.splitlines()) > 1 or "\t" in label:
        raise UserError("has a label with a tab or a line end in it", where)
    return Example(item, label, where)


def _with_folder(found: list[Example], path: Path, images: Path) -> list[Example]:
    """The examples with the paths of their images, which are all there."""
    if not images.is_dir():
        raise UserError("is no folder", images, "give the folder of the images")
    placed = [
        Example(str(images / image_name(one.item, one.where)), one.label, one.where)
        for one in found
    ]
    missing = [one.item for one in placed if not os.path.isfile(one.item)]
    if missing:
        names = ", ".join(missing[:_SHOWN]) + (", …" if len(missing) > _SHOWN else "")
        raise UserError(
            f"{len(missing):,} of {len(placed):,} images are missing: {names}",
            path,
            "check the folder of the images",
        )
    return placed


def right_labels(path: Path) -> list[str]:
    """The labels of a file of texts and labels; of any other file its lines are labels.

    Raises:
        UserError: as ``read_labelled``, or a line is empty.
    """
    if path.name.lower().removesuffix(".gz").endswith(tuple(_READERS)):
        return [one.label for one in read_labelled(path)]
    labels = [line.strip() for line in read_lines(path)]
    if "" in labels:
        raise UserError("has no label", f"{path}, line {labels.index('') + 1}")
    return labels


def hold_out(examples: Sequence[Example], share: float, seed: int) -> tuple[list[Example], ...]:
    """Two parts in the order of the file, the second of about ``share`` of it, by chance.

    Raises:
        UserError: there are fewer than two examples.
    """
    if len(examples) < 2:
        raise UserError("one example is too few to hold some out", fix="name the file to judge by")
    count = min(max(1, round(share * len(examples))), len(examples) - 1)
    order = np.random.Generator(np.random.PCG64(seed % (1 << 64))).permutation(len(examples))
    held = set(order[:count].tolist())
    return (
        [one for i, one in enumerate(examples) if i not in held],
        [one for i, one in enumerate(examples) if i in held],
    )


def prepare_texts(
    examples: Sequence[Example],
    tokenizer: Tokenizer,
    labels: Values,
    out: Path,
    max_length: int = 512,
    drop_long: bool = False,
) -> int:
    """Tokenize texts into a store; it appears whole or not at all.

    Its columns are ``source``, token ids without BOS and EOS; ``source_text``, the texts in
    UTF-8; and ``label``, one number a row.

    Args:
        examples: texts.
        tokenizer: cuts them.
        labels: their labels by number.
        out: folder of the store; a store that is there is replaced.
        max_length: tokens of a text, at most.
        drop_long: leave longer texts out. By default they are an error.

    Returns:
        How many were left out.

    Raises:
        UserError: a text is too long or a label is not known, with the place of the first; or
            ``out`` holds something else.
    """
    rows = tokenizer.encode([one.item for one in examples])
    long = [i for i, row in enumerate(rows) if len(row) > max_length]
    if long and not drop_long:
        raise UserError(
            f"has more than {max_length} tokens, the first of {len(long)} such texts;"
            f" the longest has {max(map(len, rows))}",
            examples[long[0]].where,
            "raise max_length, or set drop_long to leave such texts out",
        )
    left = set(long)
    kept = [i for i in range(len(rows)) if i not in left]
    if not kept:
        raise UserError(f"no text has at most {max_length} tokens", out, "raise max_length")
    numbers = [labels.number(examples[i].label, examples[i].where) for i in kept]
    columns: dict[str, tuple[str, list[Any]]] = {
        "source": (token_type(tokenizer), [rows[i] for i in kept]),
        "source_text": ("uint8", [examples[i].item.encode("utf-8") for i in kept]),
        "label": ("int32", [[number] for number in numbers]),
    }
    settings = {"max_length": max_length, "source": fingerprint(tokenizer)}
    _write(out, columns, settings)
    return len(long)


def prepare_images(examples: Sequence[Example], labels: Values, out: Path) -> None:
    """Write the labels of images into a store; it appears whole or not at all.

    Its columns are ``image``, which of the images in ``images.json`` a row is of, and
    ``label``, one number a row. Errors as in ``prepare_texts``.
    """
    numbers = [labels.number(one.label, one.where) for one in examples]
    columns: dict[str, tuple[str, list[Any]]] = {
        "image": ("int32", [[i] for i in range(len(examples))]),
        "label": ("int32", [[number] for number in numbers]),
    }
    _write(out, columns, {}, [os.path.abspath(one.item) for one in examples])


def _write(
    out: Path,
    columns: dict[str, tuple[str, list[Any]]],
    settings: dict[str, Any],
    images: list[str] | None = None,
) -> None:
    refuse_other_things(out)
    with writing_folder(out) as folder:
        for name, (kind, values) in columns.items():
            with RaggedWriter(folder / name, kind) as writer:
                writer.extend(values)
        if images is not None:
            write_json(folder / IMAGES, images)
        rows = len(columns["label"][1])
        write_info(folder, StoreInfo(tuple(columns), rows, settings=settings))
