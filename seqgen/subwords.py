"""Subword regularisation that gives the same tokens in every process.

SentencePiece samples segmentations too, but its generator is salted anew in each process, so
the same seed gives other tokens after a restart. Here chance comes from ``random.Random``,
whose sequence Python fixes for all versions and machines.
"""

from __future__ import annotations

import math
import random
import re
import struct
import sys
from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import accumulate

from seqgen.errors import UserError

_UNIGRAM, _BPE = 1, 2  # TrainerSpec.model_type
_NORMAL, _UNKNOWN, _USER, _BYTE = 1, 2, 4, 6  # SentencePiece.type
_UNKNOWN_PENALTY = 10.0  # below the worst piece, as in SentencePiece
_CACHED = 300_000  # characters whose lattices are held, some 100 MB

_NO_CHOICE: list[float] = []

Lattice = list[tuple[list[float], list[tuple[int, list[int]]]]]


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield (number, value) of the fields of a protocol buffer message.

    Raises:
        ValueError: the message is cut off, or none.
    """
    place = 0

    def varint() -> int:
        nonlocal place
        value = shift = 0
        while place < len(message):
            byte = message[place]
            place += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
        raise ValueError("cut off")

    while place < len(message):
        number, wire = divmod(varint(), 8)
        if wire == 0:
            yield number, varint()
            continue
        if wire not in (1, 2, 5):
            raise ValueError("no protocol buffer")
        end = (varint() if wire == 2 else {1: 8, 5: 4}[wire]) + place
        if end > len(message):
            raise ValueError("cut off")
        yield number, message[place:end]
        place = end


class SubwordSampler:
    """Draws segmentations of normalized text from a SentencePiece model.

    A unigram model samples from P(segmentation)^alpha over *all* segmentations of a word, by
    filtering forward and sampling backward (Kudo 2018, section 3.2; pieces never cross words,
    so words are independent). A BPE model leaves out each merge with probability alpha
    (Provilkov et al. 2020, algorithm 1).

    Args:
        proto: a SentencePiece model.

    Raises:
        UserError: the model is neither of the two kinds.
    """

    def __init__(self, proto: bytes) -> None:
        kind, symbols = _UNIGRAM, []
        self._ids: dict[str, int] = {}
        self._scores: dict[str, float] = {}
        self._bytes: dict[int, int] = {}
        self._unknown_id = count = 0
        for number, part in fields(proto):
            if number == 2 and isinstance(part, bytes):
                value = dict(fields(part)).get(3)
                kind = value if isinstance(value, int) else _UNIGRAM
            if number != 1 or not isinstance(part, bytes):
                continue
            piece, score, what = _piece(part)
            if what in (_NORMAL, _USER):
                self._ids[piece] = count
            if what == _NORMAL:
                self._scores[piece] = score
            elif what == _USER:
                symbols.append(piece)
            elif what == _BYTE:
                self._bytes[int(piece[3:5], 16)] = count
            elif what == _UNKNOWN:
                self._unknown_id = count
            count += 1
        if kind not in (_UNIGRAM, _BPE):
            raise UserError(
                "subwords can be sampled from unigram and bpe models only",
                fix="set subword_sampling to 0",
            )
        self._is_bpe = kind == _BPE
        self._unknown = min(self._scores.values(), default=0.0) - _UNKNOWN_PENALTY
        self._single = {piece: [self._ids[piece]] for piece in self._scores}
        self._longest = max(map(len, self._scores), default=1)
        whole = "|".join(sorted(map(re.escape, symbols), key=len, reverse=True)) or "(?!)"
        self._words = re.compile(f"{whole}|▁?(?:(?!{whole})[^▁])+|▁")
        self._symbols = frozenset(symbols)
        self._lattices: dict[tuple[str, float], Lattice] = {}
        self._cached = 0

    def sample(self, texts: list[str], alpha: float, seed: int) -> list[list[int]]:
        """Token ids of each text.

        Args:
            texts: as normalized by the model, with ``▁`` for spaces.
            alpha: for unigram models from 0 (all segmentations alike) up, where more means
                closer to the best; for BPE models a probability.
            seed: any integer.

        Raises:
            UserError: ``alpha`` is out of its range.
        """
        if not 0.0 <= alpha <= (1.0 if self._is_bpe else sys.float_info.max):
            allowed = "between 0 and 1" if self._is_bpe else "0 or more"
            raise UserError(f"the alpha of subword sampling must be {allowed}, not {alpha}")
        draw = random.Random(seed).random
        segment = self._merge if self._is_bpe else self._walk
        rows = []
        for text in texts:
            row: list[int] = []
            for word in self._words.findall(text):
                if word in self._symbols:
                    row.append(self._ids[word])
                else:
                    row += segment(word, alpha, draw)
            if self._unknown_id in row:  # a stretch of unknown characters is one token
                pairs = zip([-1, *row[:-1]], row, strict=True)
                row = [new for old, new in pairs if not old == new == self._unknown_id]
            rows.append(row)
        return rows

    def _tokens(self, piece: str) -> list[int]:
        """The id of a piece; what has none becomes bytes, or unknown."""
        token = self._ids.get(piece)
        if token is not None:
            return [token]
        if self._bytes:
            return [self._bytes[byte] for byte in piece.encode("utf-8")]
        return [self._unknown_id]

    def _walk(self, word: str, alpha: float, draw: Callable[[], float]) -> list[int]:
        """Sample a path through the lattice of a word, from its end."""
        lattice = self._lattices.get((word, alpha))
        if lattice is None:
            self._cached += len(word)
            if self._cached > _CACHED:
                self._lattices.clear()
                self._cached = len(word)
            lattice = self._lattices[word, alpha] = self._lattice(word, alpha)
        row: list[int] = []
        end = len(word)
        while end:
            shares, edges = lattice[end]
            end, tokens = edges[bisect_right(shares, draw())] if shares else edges[0]
            row += tokens
        row.reverse()
        return row

    def _lattice(self, word: str, alpha: float) -> Lattice:
        """For each end of a piece: cumulative probabilities of its starts; those, reversed ids."""
        forward = [0.0]  # log of the sum over segmentations of word[:end]
        lattice: Lattice = [(_NO_CHOICE, [])]
        for end in range(1, len(word) + 1):
            edges, weights = [], []
            for start in range(max(0, end - self._longest), end):
                piece = word[start:end]
                score = self._scores.get(piece)
                if score is not None:
                    edges.append((start, self._single[piece]))
                elif start + 1 == end:
                    score = self._unknown
                    edges.append((start, self._tokens(piece)[::-1]))
                else:
                    continue
                weights.append(forward[start] + alpha * score)
            if len(edges) == 1:
                forward.append(weights[0])
                lattice.append((_NO_CHOICE, edges))
                continue
            peak = max(weights)
            shares = [math.exp(weight - peak) for weight in weights]
            total = sum(shares)
            forward.append(peak + math.log(total))
            # All but the last: a draw at or above them all takes the last.
            shares = [share / total for share in accumulate(shares[:-1])]
            lattice.append((shares, edges))
        return lattice

    def _merge(self, word: str, alpha: float, draw: Callable[[], float]) -> list[int]:
        """Merge the best pair that is not dropped, until none is left."""
        pieces = list(word)
        while True:
            best, place = -math.inf, -1
            for i in range(len(pieces) - 1):
                score = self._scores.get(pieces[i] + pieces[i + 1])
                if score is not None and score > best and draw() >= alpha:
                    best, place = score, i
            if place < 0:
                return [token for piece in pieces for token in self._tokens(piece)]
            pieces[place : place + 2] = [pieces[place] + pieces[place + 1]]


def _piece(message: bytes) -> tuple[str, float, int]:
    """Text, score and type of a piece."""
    values = dict(fields(message))
    text, score, what = values.get(1, b""), values.get(2, b"\0\0\0\0"), values.get(3, _NORMAL)
    if not (isinstance(text, bytes) and isinstance(score, bytes) and isinstance(what, int)):
        raise ValueError("no piece")
    return text.decode("utf-8"), struct.unpack("<f", score)[0], what
