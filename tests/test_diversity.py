import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgen.scoring.diversity import Cycle, distinct, find_cycle, known, repetition, words

texts = st.text("ab", max_size=14)


def slow_cycle(text: str, turns: int) -> Cycle | None:
    """By its definition: every period, every beginning."""
    for period in range(1, len(text) + 1):
        for start in range(len(text)):
            tail = text[start:]
            same = all(a == b for a, b in zip(tail, tail[period:], strict=False))
            if same and len(tail) >= turns * period:
                return Cycle(start, period)
    return None


@given(texts, st.integers(2, 4))
@settings(deadline=None)
def test_the_cycle_is_the_one_that_looking_everywhere_finds(text, turns):
    assert find_cycle(text, turns) == slow_cycle(text, turns)


@pytest.mark.parametrize(
    ("text", "cycle"),
    [
        ("she said that she said that she said that ", Cycle(0, 14)),
        ("in the end the end the end the end", Cycle(2, 8)),
        ("xyaaaa", Cycle(2, 1)),
        ("abababab", Cycle(0, 2)),
        ("abcabc", None),
        ("", None),
    ],
)
def test_cycles_one_can_see(text, cycle):
    assert find_cycle(text) == cycle


def test_a_long_cycle_is_found_in_a_long_text():
    chance = random.Random(1)
    turn = [chance.randrange(50) for _ in range(700)]
    start = [chance.randrange(50, 99) for _ in range(1234)]
    assert find_cycle(start + 4 * turn) == Cycle(1234, 700)


@given(st.lists(st.integers(0, 3), max_size=20), st.integers(1, 4))
@settings(deadline=None)
def test_distinct_counts_each_n_gram_once(items, n):
    grams = [tuple(items[i : i + n]) for i in range(len(items) - n + 1)]
    expected = len({*grams}) / len(grams) if grams else 1.0
    assert distinct(items, n) == pytest.approx(expected)


@given(st.lists(st.integers(0, 9), max_size=30), st.integers(1, 6))
@settings(deadline=None)
def test_repetition_looks_back_as_far_as_told(items, within):
    again = sum(item in items[max(0, i - within) : i] for i, item in enumerate(items))
    assert repetition(items, within) == pytest.approx(again / len(items) if items else 0.0)


def test_words_and_which_of_them_are_known():
    found = words("Don't stop -- the CAT's 2 naïve_friends!")
    assert found == ["don't", "stop", "the", "cat's", "naïve", "friends"]
    assert known(found, ["the", "stop", "dog"]) == pytest.approx(2 / 6)
    assert known([], []) == 1.0
