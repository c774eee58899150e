"""Bootstrap resamples of a corpus, for scores that are a function of sums over its rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seqgen.scoring.metrics import check_resamples

SEED = 12345  # sacrebleu's


def resamples(count: int, bootstrap: int, seed: int = SEED) -> NDArray[np.int64]:
    """How often each of ``count`` rows is in each resample: [bootstrap, count].

    Multiplied with what is known of each row [count, C], it gives the sums of every resample.

    Raises:
        UserError: there are too few resamples for an interval.
    """
    check_resamples(bootstrap)
    chance = np.random.default_rng(seed)
    return chance.multinomial(count, np.full(count, 1 / count), size=bootstrap)


def interval(scores: Sequence[float]) -> tuple[float | None, float | None]:
    """The 95 % interval, as ``Metric`` has it, of the ``scores`` of resamples; None without any."""
    if not scores:
        return None, None
    samples, cut = np.sort(scores), len(scores) // 40  # as sacrebleu cuts them
    mean, half = float(samples.mean()), float(samples[-cut - 1] - samples[cut]) / 2
    return mean - half, mean + half
