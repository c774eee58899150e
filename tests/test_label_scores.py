import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgen.errors import UserError
from seqgen.scoring.labels import confusion, label_scores

# Counted by hand: a is given 3 times and right 2 of 3 times; b given 2, right 1 of 2; c never
# given; d given once, never right.
GIVEN = ["a", "a", "b", "a", "b", "d"]
RIGHT = ["a", "a", "a", "b", "b", "c"]


def test_what_was_counted_by_hand():
    accuracy, macro = label_scores(GIVEN, RIGHT)
    assert accuracy.value == pytest.approx(100 * 3 / 6)
    f1 = {"a": 2 * 2 / (3 + 3), "b": 2 * 1 / (2 + 2), "c": 0.0, "d": 0.0}
    assert macro.value == pytest.approx(100 * sum(f1.values()) / 4)
    assert (accuracy.count, accuracy.low, macro.name) == (6, None, "macro F1")
    found = confusion(GIVEN, RIGHT)
    assert found.labels == ("a", "b", "c", "d")
    assert found.counts.tolist() == [[2, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]]
    assert found.table().splitlines() == [
        "right \\ given  a  b  c  d  precision  recall    F1",
        "a              2  1  0  0       66.7    66.7  66.7",
        "b              1  1  0  0       50.0    50.0  50.0",
        "c              0  0  0  1        0.0     0.0   0.0",
        "d              0  0  0  0        0.0     0.0   0.0",
    ]


def oracle(given, right):
    """Macro F1 by the definition: precision and recall of each label, one row at a time."""
    values = []
    for label in {*given, *right}:
        hits = sum(g == r == label for g, r in zip(given, right, strict=True))
        precision = hits / given.count(label) if label in given else 0.0
        recall = hits / right.count(label) if label in right else 0.0
        both = precision + recall
        values.append(2 * precision * recall / both if both else 0.0)
    return 100 * sum(values) / len(values)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(*[st.sampled_from("abcd")] * 2), min_size=1, max_size=30))
def test_macro_f1_is_its_definition(pairs):
    given_, right = (list(side) for side in zip(*pairs, strict=True))
    accuracy, macro = label_scores(given_, right)
    assert macro.value == pytest.approx(oracle(given_, right))
    same = np.mean([g == r for g, r in zip(given_, right, strict=True)])
    assert accuracy.value == pytest.approx(100 * same)


def test_intervals_hold_the_score_and_are_as_wide_as_chance_makes_them():
    chance = np.random.default_rng(1)
    right = chance.choice(list("ab"), 1000).tolist()
    given_ = [label if chance.random() < 0.8 else "b" for label in right]
    accuracy, macro = label_scores(given_, right, bootstrap=1000)
    assert accuracy.low < accuracy.value < accuracy.high and macro.low < macro.value < macro.high
    share = accuracy.value / 100
    width = 2 * 1.96 * 100 * (share * (1 - share) / 1000) ** 0.5  # of a binomial
    assert accuracy.high - accuracy.low == pytest.approx(width, rel=0.15)
    assert accuracy.signature == "labels:2|bs:1000|seed:12345"


def test_long_labels_are_cut_in_the_table():
    table = confusion(["a" * 40, "b"], ["b", "b"]).table()
    assert f"{'a' * 15}…" in table and "a" * 16 not in table
    assert len({len(line) for line in table.splitlines()}) == 1


def test_what_cannot_be_scored():
    with pytest.raises(UserError, match="1 labels but 2"):
        label_scores(["a"], ["a", "b"])
    with pytest.raises(UserError, match="no labels"):
        label_scores([], [])
    with pytest.raises(UserError, match="too few"):
        label_scores(["a"], ["a"], bootstrap=3)
