"""Running text on disk: one stream of tokens, memory-mapped, of a file of any size."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from seqgen.data.prepare import fingerprint, refuse_other_things, token_type
from seqgen.data.store import RaggedWriter, Store, StoreInfo, write_info
from seqgen.errors import UserError
from seqgen.files import checksum, read_lines, writing_folder
from seqgen.running_text import encode_lines
from seqgen.text import Tokenizer

COLUMN = "text"

_BLOCK = 4096  # lines tokenized at a time


def read_text(path: Path, begin: int = 0, end: int | None = None) -> Iterator[str]:
    r"""The lines of a text file (also ``.gz``), each with its ``\n``; memory is that of one line.

    Args:
        path: UTF-8 text. A last line without an end is given one.
        begin: number of the first character.
        end: number of the character after the last; lines are cut there.

    Raises:
        UserError: it cannot be read, or is no UTF-8.
    """
    place = 0
    for line in read_lines(path):
        text = f"{line}\n"
        part = text[max(0, begin - place) : None if end is None else max(0, end - place)]
        if part:
            yield part
        place += len(text)


def count_characters(path: Path) -> int:
    """How many characters ``read_text`` gives."""
    return sum(len(line) for line in read_text(path))


def prepare_text(
    path: Path, tokenizer: Tokenizer, out: Path, begin: int = 0, end: int | None = None
) -> Store:
    """Tokenize a text, or the characters ``begin`` to ``end`` of it, into a store.

    Its column ``text`` has the lines as rows; what counts is their tokens one after another.
    ``store.json`` keeps the number of characters.

    Raises:
        UserError: the file cannot be read, has no text there, or ``out`` holds something else.
    """
    refuse_other_things(out)
    characters = rows = 0
    with writing_folder(out) as folder:
        with RaggedWriter(folder / COLUMN, token_type(tokenizer)) as column:
            lines = read_text(path, begin, end)
            while block := list(islice(lines, _BLOCK)):
                column.extend(encode_lines(tokenizer, block))
                characters += sum(map(len, block))
                rows += len(block)
        if not characters:
            raise UserError("has no text to use", path)
        settings = {"characters": characters, COLUMN: fingerprint(tokenizer)}
        write_info(folder, StoreInfo((COLUMN,), rows, 1, {str(path): checksum(path)}, settings))
    return Store.open(out)
