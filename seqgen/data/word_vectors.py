"""Word vectors learned elsewhere: files of them, and the vocabulary and the table they make."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from seqgen.errors import UserError
from seqgen.files import read_lines, writing
from seqgen.text import UNK, TextConfig, Tokenizer

Table = npt.NDArray[np.float32]


@dataclass(frozen=True)
class WordVectors:
    """Words [N], and a vector for each, [N, F]."""

    words: list[str]
    vectors: Table


def read_word_vectors(path: Path) -> WordVectors:
    """Read a file in the text format of GloVe, or of word2vec, whose first line holds two numbers.

    On each line stand a word and F numbers, a space between; gzipped (``.gz``) or not.

    Raises:
        UserError: the file is missing or empty, a line has not F numbers, or one is NaN or
            infinite.
    """
    words, numbers, width = [], array("f"), 0
    for number, line in enumerate(read_lines(path), start=1):
        word, *rest = line.rstrip().rsplit(" ", width or -1)
        if number == 1 and len(rest) == 1 and word.isdecimal() and rest[0].isdecimal():
            continue  # word2vec's: how many words, how many numbers
        where = f"{path}, line {number}"
        width = width or len(rest)
        if not word or not rest or len(rest) != width:
            what = f"has no word with {width} numbers" if width else "has no word with numbers"
            raise UserError(what, where, "write a word and its numbers, a space between")
        try:
            with np.errstate(over="ignore"):  # what is too large becomes infinite, and is told of
                vector = np.array(rest, np.float64).astype(np.float32)
        except ValueError as error:
            raise UserError("has something that is no number after its word", where) from error
        if not np.isfinite(vector).all():
            raise UserError("has NaN, infinity or a number too large", where)
        words.append(word)
        numbers.frombytes(vector.tobytes())
    if not words:
        raise UserError("has no word vectors", path)
    return WordVectors(words, np.frombuffer(numbers, np.float32).reshape(len(words), width))


def write_word_vectors(path: Path, words: Iterable[str], vectors: Table) -> None:
    """Write the text format of GloVe; the words have no space in them."""
    with writing(path) as file:
        for word, vector in zip(words, vectors, strict=True):
            numbers = " ".join(f"{value:.5g}" for value in vector.tolist())
            file.write(f"{word} {numbers}\n".encode())


def with_words(tokenizer: Tokenizer, config: TextConfig, words: Sequence[str]) -> Tokenizer:
    """A tokenizer whose first tokens are those of ``tokenizer``; then come ``words``.

    Args:
        tokenizer: of the kind ``word``.
        config: that it was trained with.
        words: more of them; each may be there already.
    """
    own = [piece for piece in tokenizer.pieces(range(tokenizer.size)) if piece.startswith("▁")]
    every = dict.fromkeys([*own, *tokenizer.normalized(words)])
    # SentencePiece puts frequent words first
    lines = [word.replace("▁", " ").strip() for word in [*own, *every]]
    size, characters = tokenizer.size + len(words), sum(map(len, lines))
    return Tokenizer.train(lines, replace(config, vocab_size=size), characters)


def vector_table(tokenizer: Tokenizer, found: WordVectors) -> Table:
    """What ``found`` says of each token, [V, F]: zeros of those it has not.

    As a whole they are scaled to a mean square of 1. Of words that the tokenizer takes for the
    same, as it lowercases them, the first counts.
    """
    table = np.zeros((tokenizer.size, found.vectors.shape[1]), np.float32)
    filled = np.zeros(tokenizer.size, np.bool_)
    for row, vector in zip(tokenizer.encode(found.words), found.vectors, strict=True):
        if len(row) == 1 and row[0] != UNK and not filled[row[0]]:
            table[row[0]], filled[row[0]] = vector, True
    size = np.sqrt(np.mean(np.square(table[filled], dtype=np.float64))) if filled.any() else 0.0
    if not size:
        raise UserError("the word vectors have none of the words, or only zeros")
    return table / np.float32(size)
