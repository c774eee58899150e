import math
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

import seqgen
from seqgen.errors import UserError
from seqgen.generate import load, load_translator, load_writer
from seqgen.inspection import describe, replay
from seqgen.plugins import name_of
from seqgen.running_text import encode_text
from seqgen.search.beam import Beam
from seqgen.search.processors import NoRepeat
from seqgen.search.sample import Greedy, Sample
from seqgen.search.settings import SearchConfig
from seqgen.writer import Writer, _cut_after


@pytest.mark.parametrize(
    "strategy", [Greedy(), Sample(0.8, top_p=0.9, seed=4), Beam(3, length_penalty=0.0)]
)
@pytest.mark.parametrize("prompt", ["", "the cat ", "\n", "Ω ünseen"])
def test_stream_search_and_score_agree(tiny_writer, strategy, prompt):
    text = "".join(tiny_writer.generate(prompt, strategy, length=40))
    (best,) = next(tiny_writer.hypotheses([prompt], strategy, 40))
    assert best.text == text and len(best.hypothesis.tokens) == 40
    begun = len(encode_text(tiny_writer.target, prompt))
    tokens = [*encode_text(tiny_writer.target, prompt), *best.hypothesis.tokens]
    whole = np.concatenate([p[0] for p in tiny_writer.bundles[0].stream(np.array(tokens), 1)])
    np.testing.assert_allclose(whole[begun:], best.hypothesis.token_log_probs, atol=1e-4)


def without_a(prefix, log_probs, piece=4):
    changed = log_probs.copy()
    changed[:, piece] = -np.inf
    return changed


@pytest.mark.parametrize("strategy", [None, Greedy(), Sample(seed=4), Beam(3, length_penalty=0.0)])
def test_a_stream_obeys_the_processors_of_the_model_and_those_given(tiny_writer, strategy):
    (often, *_) = tiny_writer.target.encode(["e"])[0]
    model = Writer(*tiny_writer.bundles)
    model.search = SearchConfig(
        processors=(name_of(without_a), name_of(NoRepeat)),
        processor_options={"without_a": {"piece": often}, "NoRepeat": {"n": 12}},
    )
    assert "e" in "".join(tiny_writer.generate("the ", strategy, 60))
    text = "".join(model.generate("the ", strategy, 60))
    assert text and "e" not in text
    less = "".join(model.generate("the ", strategy, 60, processors=[NoRepeat(3)]))
    grams = [less[i : i + 3] for i in range(len(less) - 2)]
    assert less and less != text and len(set(grams)) == len(grams)
    (best,) = next(model.hypotheses(["the "], strategy or Sample(), 60))
    assert best.text == text


def test_a_strategy_of_ones_own_writes_unless_told_otherwise(tiny_writer):
    model = Writer(*tiny_writer.bundles)
    model.search = SearchConfig(strategy=name_of(Sample), strategy_options={"seed": 9})
    drawn = ["".join(tiny_writer.generate("a ", Sample(seed=seed), 30)) for seed in (9, 0)]
    assert "".join(model.generate("a ", length=30)) == drawn[0] != drawn[1]
    assert "".join(model.generate("a ", Sample(), 30)) == drawn[1]


def test_it_has_learned_to_go_on(tiny_writer):
    text = "".join(tiny_writer.generate("the c", Greedy(), until="\n"))
    assert text.startswith("at ") and text.endswith(".\n")
    assert load(tiny_writer.folder).target == tiny_writer.target


def test_what_is_known_scores_above_what_is_not(tiny_writer):
    good, bad, empty = map(math.fsum, tiny_writer.score(["a dog runs.\n", "a god snur.\n", ""]))
    assert bad < good < empty == 0.0


def test_measuring_a_text_is_scoring_it(tiny_writer):
    lines = ["a dog runs.\n", "\n", "the cat sings.\n"]
    measure = tiny_writer.measure(lines)
    (row,) = tiny_writer.score(["".join(lines)])
    assert measure.nats == pytest.approx(-math.fsum(row), abs=1e-4)
    assert (measure.tokens, measure.characters) == (len(row), sum(map(len, lines)))
    assert measure.perplexity == pytest.approx(math.exp(measure.nats / measure.tokens))
    assert measure.bits_per_character == pytest.approx(
        measure.nats / math.log(2) / measure.characters
    )
    with pytest.raises(UserError, match="no text"):
        tiny_writer.measure([])


def test_samples_are_numbered_and_do_not_depend_on_their_batch(tiny_writer):
    texts = ["".join(tiny_writer.generate("a ", Sample(seed=1), 20, number=n)) for n in range(5)]
    assert len(set(texts)) > 2
    found = tiny_writer.hypotheses(["a "] * 5, Sample(seed=1), 20, batch_size=3)
    assert [best[0].text for best in found] == texts


def test_memory_of_a_stream_does_not_grow(tiny_writer):
    import tracemalloc

    pieces = tiny_writer.generate("", Sample(seed=2), length=10**6)
    for _ in islice(pieces, 100):
        pass
    # What runs beside it in this process, such as the test runner's own thread, is not meant.
    package = str(Path(seqgen.__file__).parent / "*")
    of_seqgen = tracemalloc.Filter(True, package, all_frames=True)
    tracemalloc.start(20)
    for _ in islice(pieces, 600):
        pass
    held = tracemalloc.take_snapshot().filter_traces([of_seqgen])
    tracemalloc.stop()
    assert sum(trace.size for trace in held.traces) < 20_000


def test_an_ensemble_of_one_model_twice_is_that_model(tiny_writer):
    twice = Writer(*tiny_writer.bundles, *tiny_writer.bundles)
    for text in ("a dog runs.\n", "the"):
        assert twice.score([text])[0] == pytest.approx(tiny_writer.score([text])[0], abs=1e-5)
    greedy = ("".join(model.generate("a", Greedy(), 15)) for model in (twice, tiny_writer))
    assert len(set(greedy)) == 1
    assert twice.measure(["a cat\n"]).nats == pytest.approx(
        tiny_writer.measure(["a cat\n"]).nats, abs=1e-4
    )


@pytest.mark.parametrize(
    ("pieces", "until", "expected"),
    [
        (["ab", "c", "d"], "bc", "abc"),
        (["a", "b", "a", "b", "c"], "abc", "ababc"),
        (["a", "b"], "", "ab"),
        (["x\n", "y", "\n", "\n", "z"], "\n\n", "x\ny\n\n"),
        (["ab"], "bc", "ab"),
    ],
)
def test_text_is_cut_after_the_first_match(pieces, until, expected):
    assert "".join(_cut_after(iter(pieces), until)) == expected


def test_only_what_may_be_the_end_is_held_back():
    found = _cut_after(iter(["a", "b", "x", "a"]), "abc")
    assert list(found) == ["abx", "a"]


def test_the_bundle_tells_and_replays_itself(tiny_writer, tiny_bundle):
    assert "write, " in describe(tiny_writer.folder)
    assert "encoder none" in describe(tiny_writer.folder)
    assert replay(tiny_writer.folder) == "self-test: 4 of 4 outputs as they were"
    with pytest.raises(UserError, match="can write, not translate"):
        load_translator(tiny_writer.folder)
    with pytest.raises(UserError, match="can translate, not write"):
        load_writer(tiny_bundle)


def test_bad_requests_are_refused(tiny_writer):
    with pytest.raises(UserError, match="less than 0"):
        tiny_writer.generate("a", length=-1)
    with pytest.raises(UserError, match="no UTF-8"):
        tiny_writer.generate("a\ud800")
    with pytest.raises(UserError, match="no encoder"):
        tiny_writer.bundles[0].model(None, torch.zeros(1, 1, dtype=torch.long))
    assert list(tiny_writer.generate("a", length=0)) == []
