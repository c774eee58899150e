"""Which tokens may turn into which: an output layer that asks for these alone is faster.

Learned from pairs as IBM's model 1 (Brown et al. 1993), whose table of translations is cut to the
likeliest (Jean et al. 2015).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save

from seqgen.data.prepare import fingerprint
from seqgen.errors import UserError
from seqgen.files import read_bytes, write_bytes
from seqgen.text import EOS, Tokenizer

IntArray = npt.NDArray[np.int64]
Pair = tuple[Sequence[int], Sequence[int]]
Pairs = Callable[[], Iterable[tuple[str, str]]]

_ROUNDS = 4  # of expectation and maximization
_MOST_CELLS = 10_000_000  # source tokens times target tokens, over all pairs learned from
_BLOCK = 4096  # pairs tokenized at a time


@dataclass(frozen=True)
class Shortlist:
    """The tokens that an output may have, of each input.

    Attributes:
        always: [F] that every output may have, EOS among them.
        starts: [S + 1]; what source token s may turn into is
            ``tokens[starts[s] : starts[s + 1]]``, none if it was never seen.
        tokens: target tokens.
        size: V, the number of target tokens.
    """

    always: IntArray
    starts: IntArray
    tokens: IntArray
    size: int

    def allowed(self, source: Iterable[int]) -> IntArray:
        """The tokens, ascending, of an output for ``source``: all where it has an unseen token."""
        parts = [self.always]
        for token in sorted(set(source)):
            begin, end = self.starts[token : token + 2]
            if begin == end:
                return np.arange(self.size)
            parts.append(self.tokens[begin:end])
        return np.unique(np.concatenate(parts))

    @classmethod
    def learn(
        cls,
        pairs: Pairs,
        source: Tokenizer,
        target: Tokenizer,
        candidates: int = 20,
        always: int = 100,
    ) -> Shortlist:
        """A list from pairs of texts; of more than it takes to learn, an even sample.

        Args:
            pairs: gives them, anew each time it is called.
            source: cuts what is read.
            target: cuts what is written.
            candidates: of each source token, at most.
            always: the most frequent target tokens that every output may have.

        Raises:
            UserError: there are no pairs, or a number is less than 1.
        """
        if candidates < 1 or always < 1:
            raise UserError(f"are {candidates} and {always}", "candidates and always", "1 or more")
        cells = sum(len(one) * len(other) for one, other in _cut(pairs(), source, target))
        if not cells:
            raise UserError("there are no pairs to learn a shortlist from")
        rows = islice(_cut(pairs(), source, target), 0, None, -(-cells // _MOST_CELLS))
        sources, targets, places = _cells(rows)
        counts = np.bincount(targets[np.diff(places, prepend=-1) != 0], minlength=target.size)
        frequent = np.argsort(-counts, kind="stable")[: min(always, np.count_nonzero(counts))]
        keys, probabilities = _translations(sources, targets, places, target.size)
        owners, found = np.divmod(keys, target.size)
        order = np.lexsort((-probabilities, owners))
        owners, found = owners[order], found[order]
        rank = np.arange(len(owners)) - np.searchsorted(owners, owners)
        kept = rank < candidates
        starts = np.searchsorted(owners[kept], np.arange(source.size + 1))
        return cls(np.union1d(frequent, [EOS]), starts, found[kept], target.size)

    def save(self, path: Path, source: Tokenizer, target: Tokenizer) -> None:
        """Write it as safetensors, with what tokens these are."""
        arrays: dict[str, Any] = {
            "always": self.always, "starts": self.starts, "tokens": self.tokens
        }  # fmt: skip
        for name, tokenizer in (("source", source), ("target", target)):
            arrays[name] = np.frombuffer(_identity(tokenizer), np.uint8)
        write_bytes(path, save(arrays))

    @classmethod
    def open(cls, path: Path, source: Tokenizer, target: Tokenizer) -> Shortlist:
        """Read what ``save`` wrote.

        Raises:
            UserError: it is missing, damaged, or of other tokens than these.
        """
        try:
            arrays = load(read_bytes(path))
            for name, tokenizer in (("source", source), ("target", target)):
                if arrays[name].tobytes() != _identity(tokenizer):
                    raise UserError("is of other tokens than the model's", path, "make it anew")
            always, starts, tokens = (arrays[name] for name in ("always", "starts", "tokens"))
            if starts.shape != (source.size + 1,) or starts[-1] != len(tokens):
                raise ValueError("its parts do not fit each other")
        except (KeyError, ValueError, SafetensorError) as error:
            raise UserError("is no shortlist, or a damaged one", path, "make it anew") from error
        return cls(always, starts, tokens, target.size)


def _identity(tokenizer: Tokenizer) -> bytes:
    return str(fingerprint(tokenizer)).encode()


def _cut(
    pairs: Iterable[tuple[str, str]], source: Tokenizer, target: Tokenizer
) -> Iterator[tuple[list[int], list[int]]]:
    """The token ids of both sides of each pair, but for those of which one is empty."""
    waiting = iter(pairs)
    while block := list(islice(waiting, _BLOCK)):
        sides = zip(*block, strict=True)
        ids = (cutter.encode(texts) for cutter, texts in zip((source, target), sides, strict=True))
        yield from filter(all, zip(*ids, strict=True))


def _cells(rows: Iterable[Pair]) -> tuple[IntArray, IntArray, IntArray]:
    """Every source token beside every target token of its pair.

    Returns:
        Source tokens, target tokens, and a number for each place of a target text, ascending:
        [C] all three.
    """
    sources, targets, lengths = [], [], []
    for one, other in rows:
        sources.append(np.tile(np.asarray(one), len(other)))
        targets.append(np.repeat(np.asarray(other), len(one)))
        lengths.append(np.full(len(other), len(one)))
    spans = np.concatenate(lengths)
    return np.concatenate(sources), np.concatenate(targets), np.repeat(np.arange(len(spans)), spans)


def _translations(
    sources: IntArray, targets: IntArray, places: IntArray, size: int
) -> tuple[IntArray, npt.NDArray[np.float64]]:
    """How probable it is that a source token turns into a target token.

    Returns:
        For each pair of tokens that was seen: ``source * size + target``, and p(target | source).
    """
    keys, cells = np.unique(sources * size + targets, return_inverse=True)
    owners = keys // size
    probabilities = np.ones(len(keys))
    for _ in range(_ROUNDS):
        share = probabilities[cells]
        share /= np.bincount(places, share)[places]
        counts = np.bincount(cells, share)
        probabilities = counts / np.bincount(owners, counts)[owners]
    return keys, probabilities
