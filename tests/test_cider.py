"""CIDEr-D against the formula written out, numbers worked by hand, and COCO's own program."""

from collections import Counter
from math import exp, log, sqrt

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from seqgen.errors import UserError
from seqgen.scoring.cider import CiderD

WORDS = st.lists(st.sampled_from(["a", "dog", "runs", ".", "über"]), max_size=7).map(" ".join)
IMAGE = st.tuples(WORDS, st.lists(WORDS, min_size=1, max_size=4))
IMAGES = st.lists(IMAGE, min_size=2, max_size=5)


def grams(text, n):
    words = text.split()
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def by_the_formula(hypothesis, captions, references):
    """One score, term by term."""

    def vector(text, n):
        def idf(gram):
            images = sum(any(gram in grams(r, n) for r in refs) for refs in references)
            return log(len(references)) - log(max(1, images))

        return {gram: count * idf(gram) for gram, count in grams(text, n).items()}

    def norm(g):
        return sqrt(sum(x * x for x in g.values()))

    total = 0.0
    for n in (1, 2, 3, 4):
        for reference in captions:
            h, r = vector(hypothesis, n), vector(reference, n)
            gap = len(hypothesis.split()) - len(reference.split())
            dot = sum(min(x, r.get(gram, 0)) * r.get(gram, 0) for gram, x in h.items())
            if dot:
                total += exp(-(gap**2) / 72) * dot / (norm(h) * norm(r)) / len(captions)
    return 10 * total / 4


@settings(deadline=None)
@given(IMAGES)
def test_the_formula_agrees(images):
    hypotheses, references = zip(*images, strict=True)
    scores = CiderD(references, "none").scores(hypotheses)
    wanted = [by_the_formula(h, refs, references) for h, refs in images]
    np.testing.assert_allclose(scores, wanted, atol=1e-9)


@settings(deadline=None)
@given(IMAGES)
def test_cocos_own_program_agrees(images):
    cider = pytest.importorskip("pycocoevalcap.cider.cider", reason="needs pycocoevalcap")
    hypotheses, references = zip(*images, strict=True)
    assume(any(any(captions) for captions in references))  # it fails where no word is
    total, theirs = cider.Cider().compute_score(
        {i: list(captions) for i, captions in enumerate(references)},
        {i: [text] for i, text in enumerate(hypotheses)},
    )
    ours = CiderD(references, "none").scores(hypotheses)
    np.testing.assert_allclose(ours, theirs, atol=1e-9)
    assert ours.mean() == pytest.approx(total, abs=1e-9)


def test_by_hand():
    """One caption in all, then one of two words shared, with a length one off."""
    scorer = CiderD([["a b c d"], ["e f"]], "none")
    assert scorer.scores(["a b c d", "e f"]) == pytest.approx([10, 5])  # "e f" has no 3-grams
    # "a b x": of 1-grams 2 / sqrt(4 * 3), of 2-grams 1 / sqrt(3 * 2), and exp(-1 / 72).
    wanted = 10 / 4 * exp(-1 / 72) * (2 / sqrt(12) + 1 / sqrt(6))
    assert scorer.scores(["a b x"], [0]) == pytest.approx([wanted])


def test_saying_a_word_again_does_not_pay():
    scorer = CiderD([["red dog here now"], ["blue cat there then"]], "none")
    once, again = scorer.scores(["red dog", "red red dog dog"], [0, 0])
    assert again < once * exp(4 / 72)


def test_what_all_images_have_counts_nothing():
    scorer = CiderD([["a dog"], ["a cat"]], "none")
    assert scorer.scores(["a", "a"]).tolist() == [0, 0]


@settings(deadline=None)
@given(IMAGES, st.data())
def test_any_images_in_any_order(images, data):
    hypotheses, references = zip(*images, strict=True)
    chosen = data.draw(st.lists(st.integers(0, len(images) - 1), max_size=8))
    scorer = CiderD(references, "none")
    whole = scorer.scores(hypotheses)
    part = scorer.scores([hypotheses[i] for i in chosen], chosen)
    np.testing.assert_allclose(part, whole[chosen], atol=1e-12)


def test_the_treebank_cuts_text_by_default():
    references = [["A man's dog."], ["Two cats."]]
    cut = CiderD([["a man 's dog"], ["two cats"]], "none")
    scores = CiderD(references).scores(["the Man's dog!", "two Cats ..."])
    assert scores == pytest.approx(cut.scores(["the man 's dog", "two cats"]))


@pytest.mark.parametrize(
    ("references", "said"),
    [
        ([], "there are no references"),
        ([["a"]], "CIDEr-D compares an image with others"),
        ([["a"], []], "image 2: has no reference"),
    ],
)
def test_bad_references(references, said):
    with pytest.raises(UserError, match=said):
        CiderD(references)


def test_bad_hypotheses():
    scorer = CiderD([["a"], ["b"]])
    with pytest.raises(UserError, match="1 hypotheses but 2 images"):
        scorer.scores(["a"])
    for image in (2, -1):
        with pytest.raises(UserError, match=rf"image {image}: is not among the images; .* 2"):
            scorer.scores(["a"], [image])
    with pytest.raises(UserError, match="tokenize: is '13a'; choose from ptb, none"):
        CiderD([["a"], ["b"]], "13a")
    with pytest.raises(TypeError, match="a list of lists"):
        CiderD(["a dog", "a cat"])
