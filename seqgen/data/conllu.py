r"""Sentences whose words have tags: CoNLL-U, and lines of a word, a tab and its tag.

CoNLL-U (https://universaldependencies.org/format.html) has a line of ten columns for each word,
comments before them and an empty line after them. A multiword token (``1-2``) and an empty node
(``1.1``) have lines of their own; they are no words here. In the other form, called TSV, an
empty line ends a sentence too, and there are no comments: ``#`` may be a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Literal, get_args

from seqgen.errors import UserError
from seqgen.files import read_whole_lines

Form = Literal["conllu", "tsv"]

COLUMNS = {"upos": 3, "xpos": 4, "feats": 5, "deprel": 7}  # of CoNLL-U, from 0
_KNOWN = f"one of {', '.join(COLUMNS)}"
_TEN = ["id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc"]
_WITH_SPACES = ("form", "lemma", "misc")
_ID = re.compile(r"([0-9]{1,9})(?:([-.])([0-9]{1,9}))?")


@dataclass(frozen=True)
class Sentence:
    """Words with their tags, and the lines they stand in.

    Attributes:
        words: without multiword tokens and empty nodes; none where a file ends in empty lines.
        tags: one of each word as it stands there; empty where a line of TSV has a word alone.
        lines: all of them with their line ends, the empty one after the sentence included.
        places: which of ``lines`` holds each word.
        first: the number in the file of the first of ``lines``.
        column: which column holds the tags, from 0.
    """

    words: tuple[str, ...]
    tags: tuple[str, ...]
    lines: tuple[str, ...]
    places: tuple[int, ...]
    first: int
    column: int

    def retagged(self, tags: Sequence[str]) -> str:
        """The lines with other tags, each character besides as it was.

        Args:
            tags: one for each word.
        """
        lines = list(self.lines)
        for place, tag in zip(self.places, tags, strict=True):
            body = lines[place].removesuffix("\n").removesuffix("\r")
            end = lines[place][len(body) :]
            cells = body.split("\t")
            cells[self.column : self.column + 1] = [tag]
            lines[place] = "\t".join(cells) + end
        return "".join(lines)

    def line(self, word: int) -> int:
        """The number in the file of the line of a word, counted from 0."""
        return self.first + self.places[word]


def form_of(path: Path, asked: str | None = None) -> Form:
    """The form that was asked for, or that the name of a file says; it may end in ``.gz``.

    Raises:
        UserError: it is neither ``conllu`` nor ``tsv``.
    """
    forms: tuple[Form, ...] = get_args(Form)
    for form in forms:
        if asked == form:
            return form
    if asked:
        raise UserError(f"is '{asked}'", "--format", "choose conllu or tsv")
    name = path.name.lower().removesuffix(".gz")
    for form in forms:
        if name.endswith(f".{form}"):
            return form
    raise UserError("is neither .conllu nor .tsv", path, "give --format conllu or tsv")


def read_sentences(
    path: Path, form: Form, column: str = "upos", bare: bool = False
) -> Iterator[Sentence]:
    """Yield the sentences of a file in order, in the memory of one of them.

    Args:
        path: UTF-8; also .gz.
        form: which of the two.
        column: of CoNLL-U, one of ``COLUMNS``, where the tags stand.
        bare: let lines of TSV have a word alone.

    Raises:
        UserError: the file cannot be read, a line is malformed (with its number), or there is
            no such column.
    """
    if column not in COLUMNS:
        raise UserError(f"there is no column '{column}' of tags", fix=f"choose {_KNOWN}")
    growing = _Growing(path, form, column, bare, first=1)
    number = 0
    for number, line in enumerate(read_whole_lines(path), start=1):
        if growing.add(line, number):
            yield growing.sentence(number)
            growing = _Growing(path, form, column, bare, first=number + 1)
    if growing.lines:
        yield growing.sentence(number)


def sentence_lines(words: Sequence[str], tags: Sequence[str]) -> str:
    """A sentence in TSV, the empty line after it included."""
    return "".join(f"{word}\t{tag}\n" for word, tag in zip(words, tags, strict=True)) + "\n"


def read_both(
    hypotheses: Path, references: Path, asked: str | None = None, column: str = "upos"
) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """The tags of each sentence in two files of the same words.

    Args:
        hypotheses: one of them.
        references: the other; it may have the other form.
        asked: the form of both, where their names do not say it.
        column: as for ``read_sentences``.

    Raises:
        UserError: a file cannot be read, or they do not have the same words (with the line).
    """
    pair = [read_sentences(p, form_of(p, asked), column) for p in (hypotheses, references)]
    found: tuple[list[tuple[str, ...]], list[tuple[str, ...]]] = ([], [])
    full = ((one for one in both if one.words) for both in pair)
    for mine, right in zip_longest(*full):
        if mine is None or right is None:
            short = hypotheses if mine is None else references
            raise UserError(f"ends after {len(found[0])} sentences; the other goes on", short)
        if mine.words != right.words:
            words = zip_longest(mine.words, right.words, fillvalue="")
            place, (one, other) = next((i, w) for i, w in enumerate(words) if w[0] != w[1])
            where = f"{hypotheses}, line {mine.line(min(place, len(mine.words) - 1))}"
            raise UserError(f"has the word '{one}' where {references} has '{other}'", where)
        found[0].append(mine.tags)
        found[1].append(right.tags)
    return found


class _Growing:
    """The lines of one sentence, as they come."""

    def __init__(self, path: Path, form: Form, column: str, bare: bool, first: int) -> None:
        self.path, self.form, self.bare, self.first = path, form, bare, first
        self.column = COLUMNS[column] if form == "conllu" else 1
        self.words: list[str] = []
        self.tags: list[str] = []
        self.lines: list[str] = []
        self.places: list[int] = []
        self.begun = False  # something stands in it
        self.nodes = 0  # empty ones since the last word
        self.until = 0  # the last word of the last multiword token

    def add(self, line: str, number: int) -> bool:
        """Take in a line; whether it ends the sentence."""
        body = line.removesuffix("\n").removesuffix("\r")
        if number == 1:
            body = body.removeprefix("\ufeff")
        if body:
            self.begun = True
            try:
                if self.form == "tsv":
                    self._two_columns(body)
                elif not body.startswith("#"):
                    self._ten_columns(body)
                elif self.words or self.nodes or self.until:
                    raise UserError("is a comment within a sentence")
            except UserError as error:
                raise UserError(error.what, f"{self.path}, line {number}", error.fix) from error
        self.lines.append(line)
        return self.begun and not body

    def sentence(self, number: int) -> Sentence:
        """What has grown up to line ``number``."""
        where = f"{self.path}, line {number}"
        if self.begun and not self.words:
            raise UserError("ends a sentence without words", where)
        if self.until > len(self.words):
            what = f"ends a sentence before word {self.until}, the last of a multiword token"
            raise UserError(what, where)
        return Sentence(
            tuple(self.words),
            tuple(self.tags),
            tuple(self.lines),
            tuple(self.places),
            self.first,
            self.column,
        )

    def _word(self, word: str, tag: str) -> None:
        self.words.append(word)
        self.tags.append(tag)
        self.places.append(len(self.lines))
        self.nodes = 0

    def _two_columns(self, body: str) -> None:
        word, *tags = body.split("\t")
        if len(tags) > 1 or not (tags or self.bare):
            wanted = "1 or 2" if self.bare else "2"
            raise UserError(f"has {len(tags) + 1} columns where {wanted} are expected")
        if not word.strip():
            raise UserError("has no word")
        tag = tags[0] if tags else ""
        if " " in tag or not (tag or self.bare):
            raise UserError(f"has the tag '{tag}'", None, "write one without spaces")
        self._word(word, tag)

    def _ten_columns(self, body: str) -> None:
        cells = body.split("\t")
        if len(cells) != len(_TEN):
            raise UserError(f"has {len(cells)} columns where {len(_TEN)} are expected")
        for name, cell in zip(_TEN, cells, strict=True):
            if not cell.strip():
                raise UserError(f"has an empty column {name}", None, "write _ for nothing")
            if " " in cell and name not in _WITH_SPACES:
                raise UserError(f"has a space in column {name}")
        self._number(cells[0])
        if cells[0].isdecimal():
            self._word(cells[1], cells[self.column])

    def _number(self, text: str) -> None:
        """Check that a line with the number ``text`` may come next."""
        found, last = _ID.fullmatch(text), len(self.words)
        if found is None:
            raise UserError(f"has no number but '{text}'")
        begin, kind, end = int(found[1]), found[2], int(found[3] or 0)
        if kind == ".":
            if (begin, end) != (last, self.nodes + 1):
                raise UserError(f"has {text} where {last}.{self.nodes + 1} is expected")
            self.nodes += 1
        elif begin != last + 1:
            raise UserError(f"has {text} where {last + 1} is expected")
        elif kind == "-":
            if end < begin or self.until > last:
                raise UserError(f"has the multiword token {text}, which cannot be here")
            self.until = end
