"""Corpus scores of text against references, each with its signature and its interval.

The arithmetic is sacrebleu's (Post 2018, "A Call for Clarity in Reporting BLEU Scores"), so a
number from here is the number its command line prints. It is imported on first use.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from seqgen.errors import UserError

if TYPE_CHECKING:
    from sacrebleu.metrics.base import Metric as Scorer

FEWEST_RESAMPLES = 40  # with fewer, no resample lies outside a 95 % interval


@dataclass(frozen=True)
class Metric:
    """One score and everything needed to repeat it.

    ``low`` and ``high`` bound the 95 % interval: the mean of the bootstrap resamples (Koehn
    2004), less and plus half the distance between their 2.5 % and 97.5 % points, as sacrebleu
    gives it. They are None where no resamples were asked for.
    """

    name: str
    value: float  # 0 to 100; TER and CIDEr-D can exceed 100
    signature: str
    low: float | None
    high: float | None
    count: int  # lines or images scored


@dataclass(frozen=True)
class Comparison:
    """Two systems on the same lines, and how likely chance alone makes them differ as much."""

    name: str
    baseline: Metric
    system: Metric
    p_value: float


def bleu(
    hypotheses: Sequence[str],
    references: Sequence[Sequence[str]],
    lowercase: bool = False,
    tokenize: str = "13a",
    bootstrap: int = 0,
) -> Metric:
    """BLEU (Papineni et al. 2002) of the whole corpus, higher is better.

    Args:
        hypotheses: detokenized lines; a line may be empty.
        references: one list for each set of references, parallel to ``hypotheses``.
        lowercase: ignore case.
        tokenize: sacrebleu's tokenizer; ``none`` where the text is tokenized already.
        bootstrap: resamples for the interval, 0 for none. They take about 40 bytes of memory
            for each line and resample.

    Raises:
        UserError: no lines, unequal numbers of lines, an unknown tokenizer or one whose own
            package is missing, or too few resamples.
    """
    return _score(_bleu_scorer(lowercase, tokenize), hypotheses, references, bootstrap)


def chrf(
    hypotheses: Sequence[str],
    references: Sequence[Sequence[str]],
    lowercase: bool = False,
    bootstrap: int = 0,
) -> Metric:
    """The chrF2 (Popović 2015) of the whole corpus, higher is better; arguments as in ``bleu``."""
    return _score(_chrf_scorer(lowercase), hypotheses, references, bootstrap)


def ter(
    hypotheses: Sequence[str],
    references: Sequence[Sequence[str]],
    lowercase: bool = True,
    bootstrap: int = 0,
) -> Metric:
    """Translation edit rate (Snover et al. 2006), LOWER is better; arguments as in ``bleu``.

    Case is ignored unless ``lowercase`` is False, as is the custom for this score.
    """
    return _score(_ter_scorer(lowercase), hypotheses, references, bootstrap)


def compare(
    system: Sequence[str],
    baseline: Sequence[str],
    references: Sequence[Sequence[str]],
    measure: Literal["bleu", "chrf", "ter"] = "bleu",
    lowercase: bool | None = None,
    tokenize: str = "13a",
    bootstrap: int = 1000,
) -> Comparison:
    """Paired bootstrap (Koehn 2004): is the difference between two systems more than chance?

    Systems of equal score get a p-value of 1. (sacrebleu gives identical systems the smallest
    p-value there is, because no resample differs by more than the nothing they differ by.)

    Args:
        system: its lines.
        baseline: the other system's lines, parallel to ``system``.
        references: one list for each set of references, parallel to ``system``.
        measure: which score to compare.
        lowercase: ignore case; None takes the default of the function called ``measure``.
        tokenize: BLEU's tokenizer; the other measures take no notice of it.
        bootstrap: resamples, drawn once and used for both systems.

    Raises:
        UserError: as in ``bleu``, or no resamples.
    """
    _check(system, references, bootstrap, "system lines")
    _check(baseline, references, bootstrap, "baseline lines")
    if bootstrap == 0:
        raise UserError("a comparison needs resamples", "bootstrap", "give 1000")
    if measure == "bleu":
        scorer = _bleu_scorer(bool(lowercase), tokenize)
    elif measure == "chrf":
        scorer = _chrf_scorer(bool(lowercase))
    elif measure == "ter":
        scorer = _ter_scorer(lowercase is not False)
    else:
        raise UserError(f"is {measure!r}", "measure", "choose from bleu, chrf, ter")
    (first, _), (second, p_value) = _resample(scorer, [baseline, system], references, bootstrap)
    return Comparison(first.name, first, second, 1.0 if first.value == second.value else p_value)


def sentence_bleu(lowercase: bool = False) -> Callable[[str, str], float]:
    """A function (hypothesis, reference) to BLEU of that one sentence, 0 to 1.

    Orders longer than the hypothesis do not count, and orders without a match are smoothed, as
    sacrebleu does both for sentences (Chen & Cherry 2014, method 3).
    """
    from sacrebleu.metrics.bleu import BLEU

    scorer = BLEU(lowercase=lowercase, effective_order=True)
    return lambda hypothesis, reference: scorer.sentence_score(hypothesis, [reference]).score / 100


def _bleu_scorer(lowercase: bool, tokenize: str) -> Scorer:
    from sacrebleu.metrics.bleu import BLEU

    if tokenize not in BLEU.TOKENIZERS:
        known = ", ".join(BLEU.TOKENIZERS)
        raise UserError(f"is {tokenize!r}", "tokenize", f"choose from {known}")
    try:
        return BLEU(lowercase=lowercase, tokenize=tokenize, force=tokenize == "none")
    except (ImportError, RuntimeError, OSError) as error:
        raise UserError(f"cannot be used: {error}", f"tokenizer {tokenize}") from error


def _chrf_scorer(lowercase: bool) -> Scorer:
    from sacrebleu.metrics.chrf import CHRF

    return CHRF(lowercase=lowercase)


def _ter_scorer(lowercase: bool) -> Scorer:
    from sacrebleu.metrics.ter import TER

    return TER(case_sensitive=not lowercase)


def _score(
    scorer: Scorer, lines: Sequence[str], references: Sequence[Sequence[str]], bootstrap: int
) -> Metric:
    _check(lines, references, bootstrap, "hypotheses")
    if bootstrap:
        ((metric, _),) = _resample(scorer, [lines], references, bootstrap)
        return metric
    score = scorer.corpus_score(lines, references)
    return Metric(
        score.name, float(score.score), str(scorer.get_signature()), None, None, len(lines)
    )


def _resample(
    scorer: Scorer,
    systems: Sequence[Sequence[str]],
    references: Sequence[Sequence[str]],
    bootstrap: int,
) -> list[tuple[Metric, float]]:
    """Each system's score with its interval, and its p-value against the first (whose own is 1)."""
    from sacrebleu.significance import PairedTest, Result

    named = [(str(number), lines) for number, lines in enumerate(systems)]
    test = PairedTest(named, {"": scorer}, references, test_type="bs", n_samples=bootstrap)
    signatures, columns = test()
    ((name, signature),) = signatures.items()
    scores = []
    for result in columns[name]:
        assert isinstance(result, Result) and result.mean is not None and result.ci is not None
        mean, half = float(result.mean), float(result.ci)
        metric = Metric(
            name,
            float(result.score),
            str(signature),
            mean - half,
            mean + half,
            len(systems[0]),
        )
        scores.append((metric, 1.0 if result.p_value is None else float(result.p_value)))
    return scores


def _check(
    lines: Sequence[str], references: Sequence[Sequence[str]], bootstrap: int, what: str
) -> None:
    if isinstance(references, str) or any(isinstance(r, str) for r in references):
        raise TypeError("references are a list of lists: [lines] where there is one set")
    if not lines:
        raise UserError(f"there are no {what} to score")
    if not references:
        raise UserError("there are no references to score against")
    for number, reference in enumerate(references, start=1):
        if len(reference) != len(lines):
            counts = f"{len(lines)} {what} but {len(reference)} references"
            raise UserError(counts + (f" in set {number}" if len(references) > 1 else ""))
    check_resamples(bootstrap)


def check_resamples(bootstrap: int) -> None:
    """Hold that so many resamples make an interval, or that none is asked for.

    Raises:
        UserError: there are too few.
    """
    if bootstrap and bootstrap < FEWEST_RESAMPLES:
        fix = f"give {FEWEST_RESAMPLES} or more, or 0 for none"
        raise UserError(f"{bootstrap} resamples are too few for a 95 % interval", "bootstrap", fix)
