"""Known texts with labels: question types, sentiment, news topics, who a scene is about."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from seqgen.data.fetch import data_folder
from seqgen.errors import UserError
from seqgen.files import read_bytes, unreadable, write_text
from seqgen.scenes.corpus import generate
from seqgen.scenes.english import english

Pairs = list[tuple[str, str]]  # a text and its label

_TOPICS = {"1": "World", "2": "Sports", "3": "Business", "4": "Sci/Tech"}
_SENTIMENTS = {"0": "negative", "1": "positive"}


@dataclass(frozen=True)
class LabelledText:
    """CSV files of texts and labels, as ``seqgen train classify`` reads them.

    Attributes:
        train: to learn from.
        valid: None where a share of ``train`` is to be held out.
        test: to be scored on, once.
    """

    train: Path
    valid: Path | None
    test: Path


def labelled_text(name: str, out: Path) -> LabelledText:
    """Write the texts of a data set below $SEQGEN_DATA, or of the scenes, into ``out``.

    - ``scenes``: which kind of thing the subject of a sentence is;
    - ``trec``: what a question asks for, six types (Li & Roth 2002);
    - ``sst2``: sentences of film reviews, negative or positive (Socher et al. 2013);
    - ``ag_news``: topics of news (Zhang et al. 2015), from the 7,600 rows of ``test.csv``
      alone: row i, from 0, is tested on where i mod 19 < 4 (1,600 rows), else learned from.

    Raises:
        UserError: there is no such set, or a file is missing or not as it should be.
    """
    if name not in LABELLED:
        raise UserError(f"there are no texts '{name}'", fix=f"known are {', '.join(LABELLED)}")
    paths: dict[str, Path] = {}
    for part, pairs in LABELLED[name]().items():
        table = io.StringIO()
        csv.writer(table, lineterminator="\n").writerows([("text", "label"), *pairs])
        paths[part] = out / f"{part}.csv"
        write_text(paths[part], table.getvalue())
    return LabelledText(paths["train"], paths.get("valid"), paths["test"])


def _scenes() -> dict[str, Pairs]:
    return {
        part: [(english(scene), scene.subject.kind) for scene in scenes]
        for part, scenes in generate().items()
    }


def _trec() -> dict[str, Pairs]:
    folder, files = data_folder("sentclass") / "trec", ("TREC.train.raw.gz", "TREC.test.raw")
    parts = zip(("train", "test"), files, strict=True)
    return {part: _labelled(folder / file, None, "latin-1") for part, file in parts}


def _sst2() -> dict[str, Pairs]:
    folder = data_folder("sentclass") / "sst2"
    parts = {"train": "train", "valid": "dev", "test": "test"}
    return {
        part: _labelled(folder / f"stsa.binary.{file}.gz", _SENTIMENTS)
        for part, file in parts.items()
    }


def _labelled(path: Path, names: dict[str, str] | None, encoding: str = "utf-8") -> Pairs:
    """Lines of a label, a space and a text; ``names`` of the labels, else what is before ":"."""
    pairs = []
    for number, line in enumerate(_text(path, encoding).split("\n")[:-1], start=1):
        mark, _, text = line.partition(" ")
        label = mark.partition(":")[0] if names is None else names.get(mark, "")
        if not label or not text:
            raise UserError("has no label and text", f"{path}, line {number}")
        pairs.append((text, label))
    return pairs


def _ag_news() -> dict[str, Pairs]:
    path = data_folder("ag_news") / "test.csv.gz"
    parts: dict[str, Pairs] = {"train": [], "test": []}
    rows = csv.reader(_text(path, "utf-8").splitlines(keepends=True))
    for number, row in enumerate(rows):
        if len(row) != 3 or row[0] not in _TOPICS:
            raise UserError("is no news of a topic", f"{path}, line {rows.line_num}")
        text = " ".join(" ".join(row[1:]).replace("\\", " ").split())  # it stands for a line end
        parts["test" if number % 19 < 4 else "train"].append((text, _TOPICS[row[0]]))
    return parts


def _text(path: Path, encoding: str) -> str:
    """A whole file, gzipped if it ends in ``.gz``."""
    data = read_bytes(path)
    try:
        return (gzip.decompress(data) if path.suffix == ".gz" else data).decode(encoding)
    except UnicodeDecodeError as error:
        raise UserError(f"is not {encoding} at byte {error.start}", path) from error
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable(path, error) from error


LABELLED: dict[str, Callable[[], dict[str, Pairs]]] = {
    "scenes": _scenes,
    "trec": _trec,
    "sst2": _sst2,
    "ag_news": _ag_news,
}
