"""How far the exactness suite looks, and what it has looked at so far."""

import os
from collections import Counter
from typing import TypeVar

from hypothesis import HealthCheck, settings

T = TypeVar("T")

LONG = os.environ.get("SEQGEN_EXACT") == "long"

COUNTS: Counter[str] = Counter()  # of the test that runs


def pick(short: T, long: T) -> T:
    """What fits a run for every change, or the long run."""
    return long if LONG else short


def examples(short: int, long: int) -> settings:
    """So many cases of Hypothesis, the same in every run, so that a failure repeats."""
    return settings(
        deadline=None,
        max_examples=pick(short, long),
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
