"""Words as ids, one for a word and one for each of its characters, all of it by SentencePiece."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seqgen.data.batches import pad
from seqgen.text import EOS, UNK, TextConfig, Tokenizer

LONGEST = 40  # characters of a word that are read: of a longer one its beginning and its end


@dataclass(frozen=True)
class WordRow:
    """A sentence as ids.

    Attributes:
        tokens: [S] one id a word.
        spellings: [S] the ids of each word's characters, end of sequence included.
    """

    tokens: list[int]
    spellings: list[list[int]]


class Lexicon:
    """Two SentencePiece models: of whole words, and of characters.

    A word that the first one does not know, or takes for several, is UNK; so is a character
    that the second one does not know.

    Args:
        words: of the kind ``word``.
        characters: of the kind ``char``.
    """

    def __init__(self, words: Tokenizer, characters: Tokenizer) -> None:
        self.words, self.characters = words, characters

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Lexicon):
            return NotImplemented
        return (self.words, self.characters) == (other.words, other.characters)

    def __hash__(self) -> int:
        return hash((self.words, self.characters))

    @classmethod
    def train(
        cls,
        sentences: Callable[[], Iterable[Sequence[str]]],
        words: TextConfig,
        characters: TextConfig,
    ) -> Lexicon:
        """Train both models.

        Args:
            sentences: gives the words of each sentence, anew each time it is called.
            words: how the model of words is made.
            characters: how the model of characters is made.

        Raises:
            UserError: there are no words, or settings they cannot fulfil.
        """
        models = (
            Tokenizer.train((" ".join(sentence) for sentence in sentences()), config)
            for config in (words, characters)
        )
        return cls(*models)

    def encode(self, sentences: Sequence[Sequence[str]]) -> list[WordRow]:
        """The ids of each sentence's words and of their characters."""
        flat = [word for sentence in sentences for word in sentence]
        known = {word: None for word in flat}
        tokens = dict(zip(known, map(_one, self.words.encode(list(known))), strict=True))
        letters = self.characters.encode(list(known))
        spellings = dict(zip(known, map(_shown, letters), strict=True))
        return [
            WordRow([tokens[word] for word in one], [spellings[word] for word in one])
            for one in sentences
        ]


def _one(ids: list[int]) -> int:
    return ids[0] if len(ids) == 1 else UNK


def _shown(ids: list[int]) -> list[int]:
    """A spelling that is never empty and never longer than ``LONGEST``."""
    half = LONGEST // 2
    return [*(ids if len(ids) <= LONGEST else ids[:half] + ids[-half:]), EOS]


IntArray = npt.NDArray[np.int64]


def word_arrays(rows: Sequence[WordRow]) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Rows [B] of S words at most, U of them spelled differently, as arrays padded on the right.

    Returns:
        Word ids [B, S]; lengths [B]; which spelling each word has [B, S]; the spellings [U, C].
    """
    different: dict[tuple[int, ...], int] = {}
    spelled = [
        [different.setdefault(tuple(one), len(different)) for one in row.spellings] for row in rows
    ]
    lengths = np.array([len(row.tokens) for row in rows], np.int64)
    return pad([row.tokens for row in rows]), lengths, pad(spelled, 0), pad(list(different))
