"""What is drawn at random comes as often as the model and the settings say."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from effort import COUNTS, pick
from tables import SAMPLINGS, distribution, processed, random_table
from tiny import KINDS

from seqgen.search import processors as pr
from seqgen.search.sample import Sample
from seqgen.search.step import run

DRAWS = pick(3000, 40_000)
LIMIT = 2  # tokens


def chances(following, eos, options):
    """Of every output (tokens, finished) of at most ``LIMIT`` tokens its probability.

    ``following(prefix)`` gives the log-probabilities of the next token as processors left them.
    """
    found, level = {}, {(): 1.0}
    for time in range(LIMIT + 1):
        longer = {}
        for prefix, mass in level.items():
            values = following(prefix)
            shares = distribution(values, **options) if max(values) > -math.inf else {}
            ends = shares.pop(eos, 0.0)
            if ends:
                found[prefix, True] = mass * ends
            if not shares or time == LIMIT:
                if ends < 1.0:
                    found[prefix, False] = mass * (1.0 - ends)
                continue
            longer |= {(*prefix, token): mass * share for token, share in shares.items()}
        level = longer
    return found


def held_against(drawn: Counter, expected: dict) -> None:
    """Pearson's test at one in ten thousand; outputs that are too rare count as one."""
    assert set(drawn) <= set(expected)
    total = sum(drawn.values())
    common = {key: p for key, p in expected.items() if total * p >= 5}
    cells = [(drawn[key], total * p) for key, p in common.items()]
    rest = total - sum(seen for seen, _ in cells), total * (1.0 - sum(common.values()))
    if rest[1] > 1e-6:
        cells.append(rest)
    chi2 = sum((seen - mean) ** 2 / mean for seen, mean in cells)
    degrees = max(1, len(cells) - 1)
    spread = 2 / (9 * degrees)  # the quantile by Wilson & Hilferty (1931)
    assert chi2 <= degrees * (1 - spread + 3.72 * math.sqrt(spread)) ** 3
    COUNTS["samples drawn for chi-square tests"] += total


def outputs(found) -> Counter:
    return Counter((h.tokens, h.finished) for best in found for h in best)


@pytest.mark.parametrize("options", SAMPLINGS, ids=str)
@pytest.mark.parametrize("seed", range(pick(4, 12)))
def test_sequences_of_a_table_come_as_often_as_they_should(options, seed):
    table = random_table(seed, 1, 5, LIMIT, holes=0.2 * (seed % 2))
    other = (table.eos + 1) % 5
    processors = [
        (),
        (pr.MinimumLength(1, table.eos), pr.NoRepeat(1)),
        (pr.RepetitionPenalty(2.0), pr.Ban(((other, other),))),
        (pr.ForcedPrefix((other,)),),
    ][seed % 4]
    samples = (1, 4)[seed % 2]
    strategy = Sample(**options, samples=samples, seed=seed)
    count = DRAWS // samples
    found = run(strategy.run(table, [0] * count, np.full(count, LIMIT), processors))
    expected = chances(lambda p: processed(table, 0, p, processors)[1], table.eos, options)
    held_against(outputs(found), expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", SAMPLINGS[::3], ids=str)
def test_sequences_of_a_model_come_as_often_as_they_should(kind, options):
    model = KINDS[kind]()
    stepper, item = model.stepper, model.inputs[3]
    table = model.following(item, LIMIT)
    strategy = Sample(**options, samples=4, seed=11)
    count = DRAWS // 4
    limits = np.full(50, LIMIT)
    drawn: Counter = Counter()
    for first in range(0, count, 50):
        batch, rows = model.batch([item] * 50), np.arange(first, first + 50)
        drawn += outputs(run(strategy.run(stepper, batch, limits, (), rows)))
    held_against(drawn, chances(table.__getitem__, stepper.eos, options))
