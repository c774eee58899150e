"""Caption scores against sacrebleu, COCO's own programs, brute force, and published figures."""

import gzip
import json
import random
import runpy
import sys
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgen.errors import UserError
from seqgen.scoring.captions import (
    BETA,
    bleu_counts,
    caption_scores,
    caption_statistics,
    longest_common,
    rouge_l,
)

WORDS = st.lists(st.sampled_from("abcde"), max_size=8)
LINE = WORDS.map(" ".join)
NOT_EMPTY = st.lists(st.sampled_from("abcde"), min_size=1, max_size=8).map(" ".join)
IMAGES = st.lists(
    st.tuples(NOT_EMPTY, st.lists(NOT_EMPTY, min_size=1, max_size=4)), min_size=2, max_size=5
)


def corpus(images=60, seed=1):
    """Captions and references of a few words, of one to five references each."""
    chance = random.Random(seed)
    words = ["a", "dog", "man", "runs", "on", "the", "red", "grass", "ball", "with", "two"]

    def caption():
        return " ".join(chance.choices(words, k=chance.randint(1, 12)))

    references = [[caption() for _ in range(chance.randint(1, 5))] for _ in range(images)]
    hypotheses = [
        chance.choice(captions) + chance.choice(["", " a dog", " the grass with"])
        for captions in references
    ]
    return hypotheses, references


def values(metrics):
    return {metric.name: metric.value for metric in metrics}


def test_bleu_is_sacrebleus():
    from sacrebleu.metrics.bleu import BLEU

    hypotheses, references = corpus()
    transposed = [
        [captions[i] if i < len(captions) else None for captions in references] for i in range(5)
    ]
    found = values(caption_scores(hypotheses, references, "none"))
    for n in (1, 2, 3, 4):
        scorer = BLEU(max_ngram_order=n, tokenize="none", smooth_method="none", force=True)
        whole = scorer.corpus_score(hypotheses, transposed)
        assert found[f"BLEU-{n}"] == pytest.approx(whole.score, abs=1e-9)
        assert whole.score > 10


@settings(deadline=None)
@given(IMAGES)
def test_cocos_own_programs_agree(images):
    bleu = pytest.importorskip("pycocoevalcap.bleu.bleu", reason="needs pycocoevalcap")
    from pycocoevalcap.rouge.rouge import Rouge

    hypotheses, references = zip(*images, strict=True)
    given_ = {i: list(captions) for i, captions in enumerate(references)}
    made = {i: [text] for i, text in enumerate(hypotheses)}
    found = values(caption_scores(hypotheses, references, "none"))
    theirs, _ = bleu.Bleu(4).compute_score(given_, made, verbose=0)
    for n, score in enumerate(theirs, start=1):
        ours = found[f"BLEU-{n}"]  # 0 without a match, where theirs multiplies by a millionth
        assert ours == pytest.approx(100 * score, abs=1e-4 if ours else 3.2)
    total, per_image = Rouge().compute_score(given_, made)
    assert found["ROUGE-L"] == pytest.approx(100 * total)
    np.testing.assert_allclose(rouge_l(hypotheses, references, "none"), per_image)


@settings(deadline=None)
@given(WORDS, WORDS)
def test_longest_common_by_trying_all(first, second):
    def all_of(words):
        return {c for n in range(len(words) + 1) for c in combinations(words, n)}

    assert longest_common(first, second) == max(map(len, all_of(first) & all_of(second)))


def test_rouge_by_hand():
    """P = 3/4 with the first reference, R = 1 with the second: the best of each is taken."""
    (score,) = rouge_l(["a b c d"], [["a b e c f g", "d"]], "none")
    precision, recall = 3 / 4, 1.0
    assert score == pytest.approx(
        (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision)
    )
    assert rouge_l(["", "a"], [["a"], ["", "."]], "ptb").tolist() == [0, 0]


def test_bleu_counts_by_hand():
    """Of references of 2 and 4 tokens the shorter is the closest to 3."""
    counts = bleu_counts(["a b a"], [["a b", "a c b a"]], "none")
    assert counts.tolist() == [[3, 2, 3, 2, 0, 0, 3, 2, 1, 0]]


def test_captions_like_their_references_are_perfect():
    hypotheses = ["a man runs on grass .", "two dogs play with a ball"]
    metrics = caption_scores(hypotheses, [[h.upper()] for h in hypotheses])
    assert [m.name for m in metrics] == [*(f"BLEU-{n}" for n in (1, 2, 3, 4)), "ROUGE-L", "CIDEr-D"]
    assert [m.value for m in metrics] == pytest.approx([100] * 5 + [1000])
    assert all(m.low is m.high is None and m.count == 2 for m in metrics)


def test_signatures_say_how():
    hypotheses, references = corpus()
    one, *_, rouge, cider = caption_scores(hypotheses, references, "none", bootstrap=40, seed=3)
    assert one.signature.startswith("images:60|refs:1-5|tok:none|bs:40|seed:3|n:1|smooth:none|")
    assert rouge.signature == "images:60|refs:1-5|tok:none|bs:40|seed:3|beta:1.2"
    assert cider.signature.endswith("|n:1-4|sigma:6|df:references")
    plain = caption_scores(hypotheses[:2], [["a"] * 5, ["b"] * 5])
    assert plain[-1].signature == "images:2|refs:5|tok:ptb|n:1-4|sigma:6|df:references"


def test_intervals_are_those_of_the_mean():
    """As wide as the normal approximation says, seeded, and around the score."""
    hypotheses, references = corpus(400)
    metrics = caption_scores(hypotheses, references, bootstrap=1000)
    assert metrics == caption_scores(hypotheses, references, bootstrap=1000)
    assert metrics != caption_scores(hypotheses, references, bootstrap=1000, seed=2)
    for metric in metrics:
        assert metric.low < metric.value < metric.high
    per_image = 100 * rouge_l(hypotheses, references)
    wide = 2 * 1.96 * per_image.std() / 20
    assert metrics[4].high - metrics[4].low == pytest.approx(wide, rel=0.1)


@pytest.mark.parametrize(
    ("hypotheses", "references", "said"),
    [
        (["a"], [["a"], ["b"]], "1 captions but references for 2 images"),
        ([], [], "there are no references"),
        (["a", "b"], [["a"], []], "image 2: has no reference"),
        (["a"], [["a"]], "there is just one"),
    ],
)
def test_what_cannot_be_scored(hypotheses, references, said):
    with pytest.raises(UserError, match=said):
        caption_scores(hypotheses, references)


def test_too_few_resamples():
    with pytest.raises(UserError, match="bootstrap: 5 resamples are too few"):
        caption_scores(["a", "b"], [["a"], ["b"]], bootstrap=5)


def test_statistics():
    found = caption_statistics(["A dog.", "a dog", "two big cats", ""])
    assert (found.count, found.shortest, found.mean_length, found.longest) == (4, 0, 1.75, 3)
    assert (found.distinct, found.vocabulary) == (0.75, 5)
    assert (found.commonest, found.commonest_share) == ("a dog", 0.5)
    assert found.describe() == [
        "4 captions of 1.8 tokens (0 to 3), 5 different tokens",
        "75.0% of the captions are different ones",
        "warning: 50% of captions identical: 'a dog'",
    ]
    assert len(caption_statistics(["a dog", "a cat", "a bird"]).describe()) == 2
    with pytest.raises(UserError, match="no captions"):
        caption_statistics([])


def test_people_agree_as_published(real_data, monkeypatch, capsys):
    """Kendall's tau-c on Flickr8k-Expert as in Hessel et al. 2021, table 1."""
    monkeypatch.setenv("SEQGEN_DATA", str(real_data("flickr8k").parent))
    monkeypatch.setattr(sys, "argv", ["judge_metrics.py"])
    main = runpy.run_path("recipes/judge_metrics.py")["main"]
    main()
    printed = dict(line.split(None, 1) for line in capsys.readouterr().out.splitlines())
    published = {"BLEU-1": 32.3, "BLEU-4": 30.8, "ROUGE-L": 32.3, "CIDEr-D": 43.9}
    assert printed.keys() == published.keys()
    for name, tau in published.items():
        assert float(printed[name].split()[1]) == pytest.approx(tau, abs=0.11)


def test_tau_c_by_counting_pairs():
    tau_c = runpy.run_path("recipes/judge_metrics.py")["tau_c"]
    chance = np.random.default_rng(1)
    scores, marks = chance.integers(0, 9, 50) / 9, chance.integers(1, 5, 50)
    surplus = sum(
        np.sign((scores[i] - scores[j]) * (marks[i] - marks[j]))
        for i, j in combinations(range(50), 2)
    )
    assert tau_c(scores, marks) == pytest.approx(2 * surplus / (50**2 * 3 / 4))


def test_real_captions(real_data):
    """One caption of each test image against its other four: what people themselves reach."""
    with gzip.open(real_data("flickr8k") / "dataset.json.gz", "rt", encoding="utf-8") as file:
        images = [
            [sentence["raw"] for sentence in image["sentences"]]
            for image in json.load(file)["images"]
            if image["split"] == "test"
        ]
    metrics = caption_scores([c[0] for c in images], [c[1:] for c in images])
    assert {m.count for m in metrics} == {1000}
    assert 60 < metrics[-1].value < 120 and 15 < metrics[3].value < 30
