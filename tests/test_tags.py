import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from seqgen.cli import app
from seqgen.errors import UserError
from seqgen.scoring.tags import Span, accuracy, mark_spans, span_scores, spans

# conlleval 2004-01-26 as tables: between which marks of one kind a span ends, where one begins.
ENDS = {"BB", "BO", "IB", "IO", "EE", "EI", "EO"}
BEGINS = {"BB", "IB", "OB", "OI", "EE", "EI", "OE"}


def by_tables(tags):
    """All spans of tags B, I, E, O by trying every stretch of words."""
    marks = [("O", ""), *((tag[0], tag[2:]) for tag in tags), ("O", "")]

    def ends(place):
        (last, kind), (mark, other) = marks[place - 1], marks[place]
        return last + mark in ENDS or (last != "O" and kind != other)

    def begins(place):
        (last, kind), (mark, other) = marks[place - 1], marks[place]
        return last + mark in BEGINS or (mark != "O" and kind != other)

    found = []
    for begin, end in itertools.combinations(range(1, len(tags) + 2), 2):
        if begins(begin) and ends(end):
            inside = range(begin + 1, end)
            if not any(begins(place) or ends(place) for place in inside):
                found.append(Span(marks[begin][1], begin - 1, end - 1))
    return found


TAG = st.sampled_from(["O", "B-x", "I-x", "E-x", "B-y-z", "I-y-z", "E-y-z"])


@given(st.lists(TAG, max_size=9).filter(lambda tags: "EB" not in "".join(t[0] for t in tags)))
def test_spans_are_those_of_conlleval(tags):
    """E before B is left out: conlleval lets such a span neither end nor begin."""
    assert spans(tags) == by_tables(tags)


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        ("B-x I-x O B-x B-x I-y", ["x 0 2", "x 3 4", "x 4 5", "y 5 6"]),  # IOB2, and one mistake
        ("I-x I-x O I-x B-x I-y", ["x 0 2", "x 3 4", "x 4 5", "y 5 6"]),  # IOB1
        ("B-x E-x S-x S-y O B-y", ["x 0 2", "x 2 3", "y 3 4", "y 5 6"]),  # IOBES
        ("E-x B-x", ["x 0 1", "x 1 2"]),
        ("O O", []),
        ("B I B", [" 0 2", " 2 3"]),
        ("B-x NOUN I-x", ["x 0 1", "x 2 3"]),
        ("", []),
    ],
)
def test_each_way_of_marking_spans(tags, found):
    assert [f"{s.kind} {s.begin} {s.end}" for s in spans(tags.split())] == found


def test_scores_by_hand():
    right = [["B-x", "I-x", "O", "B-y"], ["O", "B-y"], ["O"]]
    guess = [["B-x", "I-x", "O", "B-x"], ["B-x", "B-y"], ["O"]]
    words = accuracy(guess, right)
    assert words.value == pytest.approx(100 * 5 / 7)
    assert (words.count, words.signature) == (3, "sentences:3|words:7")
    values = [metric.value for metric in span_scores(guess, right)]
    assert values == pytest.approx([100 * 2 / 4, 100 * 2 / 3, 100 * 4 / 7])


@given(st.lists(st.lists(st.tuples(TAG, TAG), min_size=1, max_size=6), min_size=1, max_size=6))
def test_what_must_hold_of_every_score(pairs):
    guess, right = ([[pair[side] for pair in row] for row in pairs] for side in (0, 1))
    precision, recall, f1 = (m.value for m in span_scores(guess, right))
    again = [m.value for m in span_scores(right, guess)]
    assert again == [recall, precision, f1]
    assert min(precision, recall) - 1e-9 <= f1 <= max(precision, recall) + 1e-9
    assert accuracy(right, right).value == 100.0
    assert 0.0 <= accuracy(guess, right).value <= 100.0


def test_intervals_hold_the_value_and_are_the_same_again():
    right = [["X", "Y"], ["X"], ["Z", "Z", "Z"]] * 20
    guess = [["X", "X"], ["X"], ["Z", "Z", "Y"]] * 20
    one, other = (accuracy(guess, right, bootstrap=200) for _ in range(2))
    assert one == other and one.low < one.value < one.high
    assert one.signature == "sentences:60|bs:200|seed:12345|words:120"


def test_tags_that_mark_spans_are_known():
    assert mark_spans([["O", "B-x"], ["I-x", "S-y", "E-x"]])
    assert not mark_spans([["O"]]) and not mark_spans([])
    assert not mark_spans([["NOUN", "O"]]) and not mark_spans([["B-x", "X"]])


@pytest.mark.parametrize(
    ("guess", "right", "message"),
    [
        ([["X"]], [["X"], ["X"]], "1 sentences but 2"),
        ([["X"], ["X"]], [["X"], ["X", "Y"]], "sentence 2: has 1 tags where the reference has 2"),
        ([], [], "no words"),
        ([[]], [[]], "no words"),
    ],
)
def test_what_does_not_fit_is_refused(guess, right, message):
    with pytest.raises(UserError, match=message):
        accuracy(guess, right)
    with pytest.raises(UserError, match="too few"):
        span_scores([["X"]], [["X"]], bootstrap=3)


def test_score_tags(tmp_path):
    mine, right = tmp_path / "a.tsv", tmp_path / "b.txt"
    mine.write_text("a\tB-x\nb\tO\n\nc\tO\n\n")
    right.write_text("a\tB-x\nb\tO\n\nc\tB-x\n\n")
    done = CliRunner().invoke(app, ["score", "tags", str(mine), str(right), "--format", "tsv"])
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert [line.split(" [")[0] for line in lines] == [
        "accuracy 66.67", "span precision 100.00", "span recall 50.00", "span F1 66.67",
    ]  # fmt: skip
    right.write_text("a\tNOUN\nb\tVERB\n\nc\tX\n\n")
    done = CliRunner().invoke(app, ["score", "tags", str(mine), str(right), "--format", "tsv"])
    assert done.stdout.count("\n") == 1
