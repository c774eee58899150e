"""Scores of tags: words tagged right, and spans found where tags mark them (B-, I-, O)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqgen.errors import UserError
from seqgen.scoring.metrics import Metric
from seqgen.scoring.resample import SEED, interval, resamples

Tags = Sequence[str]  # of the words of one sentence
Score = Callable[[NDArray[np.int64]], float]  # of sums over sentences

_MARK = re.compile(r"O|[BIES](-.+)?")


class Span(NamedTuple):
    """Words ``begin`` to ``end`` (the first one after it) that together are a ``kind``."""

    kind: str
    begin: int
    end: int


def accuracy(hypotheses: Sequence[Tags], references: Sequence[Tags], bootstrap: int = 0) -> Metric:
    """Share of the words that are tagged right, in percent.

    Args:
        hypotheses: the tags of each sentence.
        references: the right ones, parallel to ``hypotheses``.
        bootstrap: resamples of the sentences for the interval, 0 for none.

    Raises:
        UserError: no words, other numbers of sentences or words, or too few resamples.
    """
    counts = _counts(hypotheses, references)[:, :2]
    (metric,) = _metrics(counts, {"accuracy": lambda s: _percent(s[0], s[1])}, bootstrap)
    return metric


def span_scores(
    hypotheses: Sequence[Tags], references: Sequence[Tags], bootstrap: int = 0
) -> list[Metric]:
    """Precision, recall and F1 of spans, in percent, as the conlleval of CoNLL-2000 counts them.

    A span counts as found where its first word, its last word and its kind are right.
    Arguments and errors as in ``accuracy``.
    """
    counts = _counts(hypotheses, references)[:, 2:]
    scores = {
        "span precision": lambda s: _percent(s[0], s[1]),
        "span recall": lambda s: _percent(s[0], s[2]),
        "span F1": lambda s: _percent(2 * s[0], s[1] + s[2]),
    }
    return _metrics(counts, scores, bootstrap)


def mark_spans(references: Iterable[Tags]) -> bool:
    """Whether tags are B-, I- (E-, S-) and O, and mark at least one span."""
    found = {tag for tags in references for tag in tags}
    return bool(found - {"O"}) and all(map(_MARK.fullmatch, found))


def spans(tags: Tags) -> list[Span]:
    """The spans that ``tags`` mark, by the rules of conlleval (Tjong Kim Sang & Buchholz 2000).

    A span ends before O, before another kind, before B or S, and after E or S; whatever else
    is inside goes on or, where nothing is open, begins one. So all of IOB1, IOB2, IOE and IOBES
    are read. A tag that is none of these is outside.
    """
    found: list[Span] = []
    last, last_kind, begin = "O", "", 0
    for place, tag in enumerate([*tags, "O"]):
        mark, _, kind = tag.partition("-") if _MARK.fullmatch(tag) else ("O", "", "")
        cut = mark in "OBS" or last in "OES" or kind != last_kind
        if cut:
            if last != "O":
                found.append(Span(last_kind, begin, place))
            begin = place
        last, last_kind = mark, kind
    return found


def _counts(hypotheses: Sequence[Tags], references: Sequence[Tags]) -> NDArray[np.int64]:
    """[N, 5] of each sentence: words right, words; spans right, guessed, there."""
    if len(hypotheses) != len(references):
        raise UserError(f"there are {len(hypotheses)} sentences but {len(references)} references")
    rows = []
    for number, (guessed, right) in enumerate(zip(hypotheses, references, strict=True), start=1):
        if len(guessed) != len(right):
            what = f"has {len(guessed)} tags where the reference has {len(right)}"
            raise UserError(what, f"sentence {number}")
        same = sum(one == other for one, other in zip(guessed, right, strict=True))
        found, there = set(spans(guessed)), set(spans(right))
        rows.append((same, len(right), len(found & there), len(found), len(there)))
    counts = np.array(rows, np.int64).reshape(-1, 5)
    if not counts[:, 1].sum():
        raise UserError("there are no words to score")
    return counts


def _percent(part: float, whole: float) -> float:
    return 100.0 * float(part) / float(whole) if whole else 0.0


def _metrics(counts: NDArray[np.int64], scores: dict[str, Score], bootstrap: int) -> list[Metric]:
    draws = resamples(len(counts), bootstrap) @ counts
    shared = f"sentences:{len(counts)}" + f"|bs:{bootstrap}|seed:{SEED}" * bool(bootstrap)
    found = []
    for name, score in scores.items():
        low, high = interval([score(line) for line in draws])
        own = "conlleval" if name.startswith("span") else f"words:{counts[:, 1].sum()}"
        value = score(counts.sum(0))
        found.append(Metric(name, value, f"{shared}|{own}", low, high, len(counts)))
    return found
