"""What is wrong with text that a model writes by itself: cycles, repetition, made-up words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*")

_TURNS = 3  # times round before it is called a cycle


def words(text: str) -> list[str]:
    """The words of a text, lowercased: runs of letters, also with apostrophes inside."""
    return _WORD.findall(text.lower())


def distinct(items: Sequence[Any], n: int) -> float:
    """The share of different n-grams among all n-grams (distinct-n, Li et al. 2016).

    Of fewer than n items it is 1: nothing was said twice.
    """
    grams = list(zip(*(items[i:] for i in range(n)), strict=False))
    return len(set(grams)) / len(grams) if grams else 1.0


def repetition(items: Sequence[Any], within: int = 16) -> float:
    """The share of items that are among the ``within`` items before them (Welleck et al. 2020).

    Of no items it is 0.
    """
    last: dict[Any, int] = {}
    found = 0
    for place, item in enumerate(items):
        found += place - last.get(item, -within - 1) <= within
        last[item] = place
    return found / len(items) if items else 0.0


def known(items: Sequence[str], vocabulary: Iterable[str]) -> float:
    """The share of items that are in ``vocabulary``; of no items it is 1."""
    have = set(vocabulary)
    return sum(item in have for item in items) / len(items) if items else 1.0


@dataclass(frozen=True)
class Cycle:
    """What a sequence ends in over and over.

    Attributes:
        start: the first item from which on it repeats itself.
        period: items of one turn.
    """

    start: int
    period: int


def find_cycle(items: Sequence[Any], turns: int = _TURNS) -> Cycle | None:
    """The shortest cycle in which a sequence ends, if it has gone round ``turns`` times.

    A sequence backwards agrees with itself moved by p over as many items as the tail with
    period p has but p; all these lengths are found in one pass (Z algorithm, Gusfield 1997).
    """
    agreed = _agreement(items[::-1])
    for period in range(1, len(items) // turns + 1):
        length = period + agreed[period]
        if length >= turns * period:
            return Cycle(len(items) - length, period)
    return None


def _agreement(items: Sequence[Any]) -> list[int]:
    """For each place how many items from there on are those at the beginning."""
    found = [len(items)] + [0] * max(0, len(items) - 1)
    left = right = 0  # the agreement that reaches furthest
    for place in range(1, len(items)):
        length = min(found[place - left], right - place) if place < right else 0
        while place + length < len(items) and items[length] == items[place + length]:
            length += 1
        found[place] = length
        if place + length > right:
            left, right = place, place + length
    return found
