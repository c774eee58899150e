"""Scores of captions as the tools of COCO give them, without Java: BLEU, ROUGE-L, CIDEr-D.

The names and the arithmetic are those of "Microsoft COCO Captions: Data Collection and
Evaluation Server" (Chen et al. 2015); every score is in hundredths. ``docs/caption_metrics.md``
says what they are and how METEOR and SPICE are had for the same files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqgen.errors import UserError
from seqgen.scoring.cider import ORDERS, SIGMA, CiderD, Tokenize, check_references, tokens_of
from seqgen.scoring.metrics import Metric
from seqgen.scoring.resample import SEED, interval, resamples

BETA = 1.2  # how much more recall counts than precision in ROUGE-L
COLLAPSED = 0.5  # of the captions being the same one


def caption_scores(
    hypotheses: Sequence[str],
    references: Sequence[Sequence[str]],
    tokenize: Tokenize = "ptb",
    bootstrap: int = 0,
    seed: int = SEED,
) -> list[Metric]:
    """BLEU-1 to BLEU-4, ROUGE-L and CIDEr-D of one caption for every image.

    Args:
        hypotheses: one caption for each image; it may be empty.
        references: all captions of each image; images may have different numbers of them.
        tokenize: ``ptb`` cuts both as ``caption_tokens`` does; ``none`` splits at spaces.
        bootstrap: resamples of the images for the intervals, 0 for none. Those of CIDEr-D keep
            the document frequencies of all images.
        seed: of the resamples.

    Raises:
        UserError: no images, just one, one without references, other numbers of hypotheses
            than of images, or too few resamples.
    """
    check_references(references)
    if len(hypotheses) != len(references):
        raise UserError(f"{len(hypotheses)} captions but references for {len(references)} images")
    counts = bleu_counts(hypotheses, references, tokenize)
    rouge = rouge_l(hypotheses, references, tokenize)
    cider = CiderD(references, tokenize).scores(hypotheses)
    draws = resamples(len(hypotheses), bootstrap, seed)
    shared = _signature(references, tokenize) + (f"|bs:{bootstrap}|seed:{seed}" * bool(bootstrap))

    def metric(name: str, per_image: NDArray[Any], score: Callable[..., float], own: str) -> Metric:
        low, high = interval([score(line) for line in draws @ per_image])
        value, count = score(per_image.sum(0)), len(hypotheses)
        return Metric(name, value, f"{shared}|{own}", low, high, count)

    def percent(total: float) -> float:
        return 100 * float(total) / len(hypotheses)

    return [
        *(metric(f"BLEU-{n}", counts, _bleu(n), _bleu_signature(n)) for n in range(1, ORDERS + 1)),
        metric("ROUGE-L", rouge, percent, f"beta:{BETA}"),
        metric("CIDEr-D", cider, percent, f"n:1-{ORDERS}|sigma:{SIGMA:g}|df:references"),
    ]


def bleu_counts(
    hypotheses: Sequence[str], references: Sequence[Sequence[str]], tokenize: Tokenize = "ptb"
) -> NDArray[np.int64]:
    """What BLEU adds up, counted by sacrebleu; [N, 10].

    The columns are the hypothesis's length, that of the reference closest to it in length, the
    matches of 1- to 4-grams, and their numbers.
    """
    from sacrebleu.metrics.bleu import BLEU

    scorer = BLEU(tokenize="none", smooth_method="none", effective_order=True, force=True)
    rows = []
    for text, captions in zip(hypotheses, references, strict=True):
        joined = [" ".join(tokens_of(caption, tokenize)) for caption in captions]
        found = scorer.sentence_score(" ".join(tokens_of(text, tokenize)), joined)
        rows.append([found.sys_len, found.ref_len, *found.counts, *found.totals])
    return np.array(rows, dtype=np.int64)


def _bleu(n: int) -> Callable[[NDArray[np.int64]], float]:
    """BLEU (Papineni et al. 2002) with n-grams up to n, of a sum of ``bleu_counts``."""
    from sacrebleu.metrics.bleu import BLEU

    def score(total: NDArray[np.int64]) -> float:
        lengths, matches, numbers = total[:2], total[2 : 2 + n], total[2 + ORDERS :]
        found = BLEU.compute_bleu(
            [int(x) for x in matches],
            [int(x) for x in numbers[:n]],
            int(lengths[0]),
            int(lengths[1]),
            max_ngram_order=n,
        )
        return float(found.score)

    return score


def rouge_l(
    hypotheses: Sequence[str], references: Sequence[Sequence[str]], tokenize: Tokenize = "ptb"
) -> NDArray[np.float64]:
    """ROUGE-L (Lin 2004) of every image in the form COCO uses, 0 to 1; [N].

    With P the longest common subsequence's share of the hypothesis and R its share of a
    reference, each the highest among the references: (1 + beta^2) P R / (R + beta^2 P). It is 0
    where nothing is shared.
    """
    scores = []
    for text, captions in zip(hypotheses, references, strict=True):
        ours = tokens_of(text, tokenize)
        theirs = [tokens_of(caption, tokenize) for caption in captions]
        common = [longest_common(ours, reference) for reference in theirs]
        precision = max(common) / max(len(ours), 1)
        recall = max(c / max(len(r), 1) for c, r in zip(common, theirs, strict=True))
        below = recall + BETA**2 * precision
        scores.append((1 + BETA**2) * precision * recall / below if below else 0.0)
    return np.array(scores)


def longest_common(first: Sequence[str], second: Sequence[str]) -> int:
    """The length of the longest common subsequence, a whole row of its table in one integer.

    A zero bit stands where the row grows (Crochemore et al. 2001, "A fast and practical
    bit-vector algorithm for the longest common subsequence problem").
    """
    places: dict[str, int] = {}
    for i, token in enumerate(first):
        places[token] = places.get(token, 0) | 1 << i
    full = (1 << len(first)) - 1
    row = full
    for token in second:
        match = row & places.get(token, 0)
        row = (row + match | row - match) & full
    return len(first) - row.bit_count()


@dataclass(frozen=True)
class CaptionStatistics:
    """What a set of captions looks like, whatever the references say.

    Attributes:
        count: captions.
        shortest: tokens in the shortest.
        mean_length: tokens in the mean.
        longest: tokens in the longest.
        distinct: share of different captions, 0 to 1.
        vocabulary: number of different tokens.
        commonest: the caption given most often.
        commonest_share: its share, 0 to 1.
    """

    count: int
    shortest: int
    mean_length: float
    longest: int
    distinct: float
    vocabulary: int
    commonest: str
    commonest_share: float

    def describe(self) -> list[str]:
        """Two lines for people, and a third if one caption is given for most images."""
        lines = [
            f"{self.count} captions of {self.mean_length:.1f} tokens"
            f" ({self.shortest} to {self.longest}), {self.vocabulary} different tokens",
            f"{self.distinct:.1%} of the captions are different ones",
        ]
        if self.count > 1 and self.commonest_share >= COLLAPSED:
            share = f"{self.commonest_share:.0%}"
            lines.append(f"warning: {share} of captions identical: {self.commonest!r}")
        return lines


def caption_statistics(hypotheses: Sequence[str], tokenize: Tokenize = "ptb") -> CaptionStatistics:
    """Count lengths, different captions and different tokens; captions of like tokens are one.

    Raises:
        UserError: there are no captions.
    """
    if not hypotheses:
        raise UserError("there are no captions to describe")
    rows = [tokens_of(text, tokenize) for text in hypotheses]
    lengths = [len(row) for row in rows]
    captions = Counter(" ".join(row) for row in rows)
    commonest, times = captions.most_common(1)[0]
    return CaptionStatistics(
        count=len(rows),
        shortest=min(lengths),
        mean_length=sum(lengths) / len(rows),
        longest=max(lengths),
        distinct=len(captions) / len(rows),
        vocabulary=len({token for row in rows for token in row}),
        commonest=commonest,
        commonest_share=times / len(rows),
    )


def _signature(references: Sequence[Sequence[str]], tokenize: Tokenize) -> str:
    """The settings all scores share."""
    numbers = [len(captions) for captions in references]
    fewest, most = min(numbers), max(numbers)
    span = f"{fewest}" if fewest == most else f"{fewest}-{most}"
    return f"images:{len(references)}|refs:{span}|tok:{tokenize}"


def _bleu_signature(n: int) -> str:
    import sacrebleu

    return f"n:{n}|smooth:none|len:closest|sacrebleu:{sacrebleu.__version__}"
