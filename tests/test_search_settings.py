import numpy as np
import pytest

import seqgen
from seqgen.errors import UserError
from seqgen.plugins import name_of
from seqgen.search.beam import Beam
from seqgen.search.sample import Greedy
from seqgen.search.settings import SearchConfig, default_strategy, own_processors


class Without:
    def __init__(self, target, token: int):
        self.target, self.token = target, token

    def __call__(self, prefix, log_probs):
        changed = log_probs.copy()
        changed[:, self.token] = -np.inf
        return changed


def nothing(prefix, log_probs):
    return log_probs


class Narrow:
    def __init__(self, size: int = 2):
        self.beam = Beam(size)

    def run(self, *arguments):
        return (yield from self.beam.run(*arguments))


def test_a_strategy_of_ones_own_takes_the_place_of_the_beam():
    assert default_strategy(SearchConfig(beam_size=1)) == Greedy()
    search = SearchConfig(strategy=name_of(Narrow), strategy_options={"size": 3})
    assert default_strategy(search).beam.size == 3
    with pytest.raises(UserError, match="no method 'run'"):
        default_strategy(SearchConfig(strategy=name_of(object)))


def test_processors_are_made_with_their_options_in_order():
    names = tuple(map(name_of, (nothing, Without)))
    search = SearchConfig(processors=names, processor_options={"Without": {"token": 7}})
    first, second = own_processors(search, "tokenizer")
    assert first is nothing and (second.target, second.token) == ("tokenizer", 7)
    with pytest.raises(UserError, match="missing a required argument: 'token'"):
        own_processors(SearchConfig(processors=names), None)
    with pytest.raises(UserError, match="no processor 'Witout'; there are Without, nothing"):
        own_processors(SearchConfig(processors=names, processor_options={"Witout": {}}), None)


def test_they_belong_to_the_model_and_to_every_call(tiny_bundle):
    model = seqgen.load(tiny_bundle)
    (best,) = model.hypotheses(["a big dog"])
    banned = best[0].hypothesis.tokens[0]
    options = {"Without": {"token": banned}}
    model.search = SearchConfig(
        processors=(name_of(Without),), processor_options=options, strategy=name_of(Narrow)
    )
    for strategy in (None, Greedy()):
        (best,) = model.hypotheses(["a big dog"], strategy)
        assert banned not in best[0].hypothesis.tokens
