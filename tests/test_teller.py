import pytest
from animals import ANIMALS
from models import loaded_double

import seqgen
from seqgen import Beam, Greedy, Sample, UserError
from seqgen.generate import load_teller, load_writer
from seqgen.inspection import describe, replay

VALUES = ["dog", "cat", "dog", "sea bird", "cat", "sea bird", "dog"]
STRATEGIES = [Greedy(), Beam(3, n_best=2), Sample(1.0, samples=2, seed=4)]


@pytest.fixture(scope="module")
def model(tiny_teller):
    return loaded_double(tiny_teller)


def test_it_says_of_a_value_what_it_learned(model):
    for value in ANIMALS:
        said = model.tell([value] * 40, Sample(0.7, seed=2))
        good = {f"{article} {value} {deed}" for article in ("a", "the") for deed in ANIMALS[value]}
        assert sum(text in good for text in said) > 30
        assert len(set(said)) > 1  # one value, many texts


@pytest.mark.parametrize("strategy", STRATEGIES, ids=repr)
def test_the_log_prob_reported_is_what_scoring_gives(model, strategy):
    checked = 0
    for value, best in zip(VALUES, model.hypotheses(VALUES, strategy), strict=True):
        for found in best:
            again = model.target.encode([found.text])[0]
            if found.hypothesis.finished and tuple(again) == found.hypothesis.tokens:
                (scored,) = model.score([value], [found.text])
                assert scored == pytest.approx(found.hypothesis.token_log_probs, abs=1e-9)
                assert sum(scored) == pytest.approx(found.hypothesis.log_prob)
                checked += 1
    assert checked > len(VALUES) // 2


@pytest.mark.parametrize("strategy", STRATEGIES, ids=repr)
def test_output_does_not_depend_on_the_batch(model, strategy):
    def texts(size):
        return [[w.text for w in b] for b in model.hypotheses(VALUES, strategy, batch_size=size)]

    alone = texts(1)
    assert texts(3) == alone and texts(64) == alone


def test_an_ensemble_of_one_model_twice_is_that_model(model, tiny_teller):
    twice = seqgen.load(tiny_teller, tiny_teller)
    assert twice.tell(VALUES, Greedy()) == model.tell(VALUES, Greedy())
    (one,), (other,) = (m.score(["dog"], ["a dog runs"]) for m in (model, twice))
    assert one == pytest.approx(other, abs=1e-5)


def test_the_bundle_tells_and_replays_itself(tiny_teller):
    text = describe(tiny_teller)
    assert "tell, " in text and "3 values and" in text and "perplexity" in text
    assert "3 of 3" in replay(tiny_teller)


def test_what_is_not_there_is_refused(model, tiny_teller, tiny_writer):
    with pytest.raises(UserError, match="no value 'horse'"):
        model.tell(["dog", "horse"])
    with pytest.raises(UserError, match="1 values and 2 texts"):
        model.score(["dog"], ["a", "b"])
    with pytest.raises(UserError, match="can tell, not write"):
        load_writer(tiny_teller)
    with pytest.raises(UserError, match="can write, not tell"):
        load_teller(tiny_writer.folder)
