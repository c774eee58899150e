"""CIDEr-D: how much a caption says of what people say of this image and not of the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqgen.errors import UserError
from seqgen.scoring.ptb import caption_tokens

Tokenize = Literal["ptb", "none"]
Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

ORDERS = 4  # n-grams of 1 to 4 tokens
SIGMA = 6.0  # tokens by which a length may differ before it costs much
_SHIFT = 32  # two numbers below 2**31 make one key: first << 32 | second


def tokens_of(text: str, tokenize: Tokenize) -> list[str]:
    """Tokens by ``caption_tokens`` for ``ptb``; split at spaces for ``none``."""
    if tokenize not in ("ptb", "none"):
        raise UserError(f"is {tokenize!r}", "tokenize", "choose from ptb, none")
    return caption_tokens(text) if tokenize == "ptb" else text.split()


def check_references(references: Sequence[Sequence[str]]) -> None:
    """See that there is at least one reference of every image.

    Raises:
        UserError: there are no images, or one of them has no reference.
    """
    if isinstance(references, str) or any(isinstance(r, str) for r in references):
        raise TypeError("references are a list of lists: all captions of one image in each")
    if not references:
        raise UserError("there are no references to score against")
    for number, captions in enumerate(references, start=1):
        if not captions:
            raise UserError("has no reference", f"image {number}", "give one or more")


class _Order(NamedTuple):
    """The n-grams of one n in the references."""

    known: Integers  # [G] keys, sorted; an n-gram's number is its place here
    idf: Floats  # [G + 1], the last of an n-gram that no reference has
    cells: Integers  # [E] (row, n-gram number) as keys, sorted
    weights: Floats  # [E] their tf-idf
    norms: Floats  # [R] of the rows' vectors


class CiderD:
    r"""CIDEr-D (Vedantam et al. 2015, section 7), what the tools of COCO print as CIDEr.

    With g the vector of tf-idf weights of a text's n-grams and l its number of tokens, an image
    with references r scores, for a hypothesis h,

        10/4 sum_n mean_r exp(-(l_h - l_r)^2 / (2 sigma^2)) min(g_h, g_r) . g_r / (|g_h| |g_r|).

    Document frequencies count the images whose references have an n-gram, so a score belongs to
    a set of images. They are counted once, here; ``scores`` may then be called for every batch
    of sampled captions (self-critical training, Rennie et al. 2017).

    Args:
        references: all captions of each image; images may have different numbers of them.
        tokenize: ``none`` where the text is tokens with spaces between them.

    Raises:
        UserError: fewer than two images, or an image without references.
    """

    def __init__(self, references: Sequence[Sequence[str]], tokenize: Tokenize = "ptb") -> None:
        check_references(references)
        if len(references) < 2:
            fix = "score two or more together"
            raise UserError("CIDEr-D compares an image with others and there is just one", fix=fix)
        self._tokenize = tokenize
        self._vocabulary: dict[str, int] = {}
        rows = [tokens_of(text, tokenize) for captions in references for text in captions]
        for token in (token for row in rows for token in row):
            self._vocabulary.setdefault(token, len(self._vocabulary))
        per_image = np.array([len(captions) for captions in references])
        self._first = np.concatenate([[0], np.cumsum(per_image)])  # [N + 1] rows of each image
        self._lengths = np.array([len(row) for row in rows])  # [R]
        image_of_row = np.repeat(np.arange(len(references)), per_image)
        self._orders = [
            _order(known, numbers, row, image_of_row)
            for known, numbers, row in _ngrams(*_flat(rows, self._vocabulary))
        ]

    def scores(
        self, hypotheses: Sequence[str], images: Sequence[int] | None = None
    ) -> NDArray[np.float64]:
        """CIDEr-D of each hypothesis: 0 to 10, 1 being good; [H].

        Args:
            hypotheses: captions.
            images: which image each is of, counted from 0, in any order and number; by default
                there is one hypothesis of every image, in order.

        Raises:
            UserError: numbers that do not fit together, or an image that is not there.
        """
        count = len(self._first) - 1
        image = np.arange(count) if images is None else np.asarray(images, dtype=np.int64)
        if len(hypotheses) != len(image):
            raise UserError(f"{len(hypotheses)} hypotheses but {len(image)} images")
        for wrong in image[(image < 0) | (image >= count)][:1]:
            raise UserError("is not among the images", f"image {wrong}", f"there are {count}")
        rows = [tokens_of(text, self._tokenize) for text in hypotheses]
        lengths = np.array([len(row) for row in rows], dtype=np.int64)
        fan = np.diff(self._first)[image]  # [H] references of each
        pair = _Pairs(np.repeat(np.arange(len(rows)), fan), _spread(self._first[image], fan))
        gap = lengths[pair.hypothesis] - self._lengths[pair.reference]
        total = np.zeros(len(pair.hypothesis))
        known = [order.known for order in self._orders]
        found = _ngrams(*_flat(rows, self._vocabulary), known)
        for order, (_, numbers, row) in zip(self._orders, found, strict=True):
            total += _cosines(order, numbers, row, self._first[image], fan, pair)
        total *= np.exp(-(gap**2) / (2 * SIGMA**2))
        summed = np.bincount(pair.hypothesis, total, minlength=len(rows))
        return 10 / ORDERS * summed / fan


class _Pairs(NamedTuple):
    """Every hypothesis with every reference of its image; [P] each."""

    hypothesis: Integers
    reference: Integers


def _spread(first: Integers, fan: Integers) -> Integers:
    """first, first + 1 ... for each of ``fan``: [sum of fan]."""
    ends = np.cumsum(fan)
    steps = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - fan, fan)
    result: Integers = np.repeat(first, fan) + steps
    return result


def _flat(rows: Sequence[Sequence[str]], vocabulary: dict[str, int]) -> tuple[Integers, Integers]:
    """The tokens of all rows as numbers, and the row of each; unknown words get new numbers."""
    new: dict[str, int] = {}
    size = len(vocabulary)
    words = [
        vocabulary[token] if token in vocabulary else new.setdefault(token, size + len(new))
        for row in rows
        for token in row
    ]
    lengths = [len(row) for row in rows]
    return np.array(words, dtype=np.int64), np.repeat(np.arange(len(rows)), lengths)


def _ngrams(
    words: Integers, rows: Integers, known: Sequence[Integers] | None = None
) -> Iterator[tuple[Integers, Integers, Integers]]:
    """For n = 1 to 4: the known keys, and each n-gram's number and row.

    An n-gram's key is the number of its first n - 1 tokens and its last token. Those that are
    not among the known keys (by default all are) are numbered from their end on.
    """
    start = np.arange(len(words))
    prefix = np.zeros(len(words), dtype=np.int64)
    for n in range(ORDERS):
        inside = start + n < len(words)
        start, prefix = start[inside], prefix[inside]
        inside = rows[start] == rows[start + n]
        start, prefix = start[inside], prefix[inside]
        keys = prefix << _SHIFT | words[start + n]
        table = np.unique(keys) if known is None else known[n]
        prefix = np.searchsorted(table, keys)
        missing = ~_among(keys, table, prefix)
        prefix[missing] = len(table) + np.unique(keys[missing], return_inverse=True)[1]
        yield table, prefix, rows[start]


def _among(keys: Integers, table: Integers, places: Integers) -> NDArray[np.bool_]:
    """Which keys stand in the sorted table at the places searched for them."""
    if not len(table):
        return np.zeros(len(keys), dtype=bool)
    return np.equal(table[np.minimum(places, len(table) - 1)], keys)


def _order(known: Integers, numbers: Integers, rows: Integers, image_of_row: Integers) -> _Order:
    """Document frequencies and the vectors of the references."""
    images = np.unique(image_of_row[rows] << _SHIFT | numbers)
    frequency = np.bincount(images & (1 << _SHIFT) - 1, minlength=len(known))
    idf = np.log(image_of_row[-1] + 1) - np.log(np.append(frequency, 1))
    cells, counts = np.unique(rows << _SHIFT | numbers, return_counts=True)
    weights = counts * idf[cells & (1 << _SHIFT) - 1]
    norms = np.sqrt(np.bincount(cells >> _SHIFT, weights**2, minlength=len(image_of_row)))
    return _Order(known, idf, cells, weights, norms)


def _cosines(
    order: _Order, numbers: Integers, rows: Integers, first: Integers, fan: Integers, pair: _Pairs
) -> Floats:
    """The clipped similarity of every pair by n-grams of one n; [P]."""
    cells, counts = np.unique(rows << _SHIFT | numbers, return_counts=True)
    row, number = cells >> _SHIFT, cells & (1 << _SHIFT) - 1
    weights = counts * order.idf[np.minimum(number, len(order.known))]
    norms = np.sqrt(np.bincount(row, weights**2, minlength=len(fan)))
    reference = _spread(first[row], fan[row])  # each n-gram meets each reference
    wanted = reference << _SHIFT | np.repeat(number, fan[row])
    place = np.searchsorted(order.cells, wanted)
    hit = _among(wanted, order.cells, place)
    theirs = order.weights[place[hit]]
    ours = np.repeat(weights, fan[row])[hit]
    begin = np.cumsum(fan) - fan  # of each hypothesis among the pairs
    which = _spread(begin[row], fan[row])[hit]
    dots = np.bincount(which, np.minimum(ours, theirs) * theirs, minlength=len(pair.reference))
    scale = norms[pair.hypothesis] * order.norms[pair.reference]
    return np.divide(dots, scale, out=np.zeros(len(dots)), where=scale > 0)
