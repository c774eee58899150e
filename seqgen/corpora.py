"""Running text to learn to write from: known data sets, the scenes told as stories, any file."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from seqgen.data.fetch import data_folder
from seqgen.data.text_stream import read_text
from seqgen.errors import UserError
from seqgen.files import writing
from seqgen.scenes.corpus import generate
from seqgen.scenes.english import english

_STORY = 5  # sentences


@dataclass(frozen=True)
class RunningText:
    """Files of running text.

    Attributes:
        train: to learn from.
        valid: None where the end of ``train`` is held out.
        test: None where the set has none.
    """

    train: Path
    valid: Path | None = None
    test: Path | None = None


def running_text(name: str, out: Path) -> RunningText:
    """The text of a data set below $SEQGEN_DATA, of the scenes, or of any file.

    Args:
        name: one of ``CORPORA``, or the path of a file of text, also ``.gz``.
        out: folder for text that has to be written first: ``scenes`` (stories of five
            sentences), ``ag_news`` (a headline, a line with its report, an empty line) and
            ``ptb`` (whose lines begin and end with a space).

    Raises:
        UserError: there is no such set or file, or a line cannot be read.
    """
    if name not in CORPORA:
        if Path(name).is_file():
            return RunningText(Path(name))
        fix = f"known are {', '.join(CORPORA)}, and any file of text"
        raise UserError(f"there is no text '{name}'", fix=fix)
    return CORPORA[name](out)


def _written(path: Path, lines: Iterable[str]) -> Path:
    with writing(path) as file:
        for line in lines:
            file.write(line.encode("utf-8"))
    return path


def _scenes(out: Path) -> RunningText:
    lines = [f"{english(scene)}\n" for scene in generate()["train"]]
    stories = (lines[i : i + _STORY] for i in range(0, len(lines), _STORY))
    return RunningText(
        _written(out / "scenes.txt", chain.from_iterable([*s, "\n"] for s in stories))
    )


def _alice(_: Path) -> RunningText:
    return RunningText(data_folder("alice") / "alice.txt.gz")


def _tinyshakespeare(_: Path) -> RunningText:
    return RunningText(data_folder("tinyshakespeare") / "input.txt.gz")


def _ag_news(out: Path) -> RunningText:
    return RunningText(_written(out / "ag_news.txt", _news(data_folder("ag_news") / "test.csv.gz")))


def _news(path: Path) -> Iterator[str]:
    rows = csv.reader(read_text(path))
    try:
        for row in rows:
            if len(row) != 3:
                raise csv.Error(f"{len(row)} columns where 3 are expected")
            for text in row[1:]:  # a backslash stands for a line end
                yield " ".join(text.replace("\\n", " ").replace("\\", " ").split()) + "\n"
            yield "\n"
    except csv.Error as error:
        raise UserError(f"is no news: {error}", f"{path}, line {rows.line_num}") from error


def _ptb(out: Path) -> RunningText:
    parts = (
        _written(out / f"ptb.{part}.txt", _stripped(data_folder("ptb") / f"ptb.{part}.txt.gz"))
        for part in ("train", "valid", "test")
    )
    return RunningText(*parts)


def _stripped(path: Path) -> Iterator[str]:
    return (f"{line.strip()}\n" for line in read_text(path))


CORPORA: dict[str, Callable[[Path], RunningText]] = {
    "scenes": _scenes,
    "alice": _alice,
    "tinyshakespeare": _tinyshakespeare,
    "ag_news": _ag_news,
    "ptb": _ptb,
}
