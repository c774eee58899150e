import numpy as np
import pytest
from typer.testing import CliRunner

import seqgen
from seqgen.cli import app
from seqgen.errors import UserError
from seqgen.plugins import name_of
from seqgen.search.beam import Beam
from seqgen.search.sample import Greedy
from seqgen.search.settings import SearchConfig, default_strategy, own_processors
from seqgen.text import EOS


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


def test_from_the_command_line_they_are_for_any_model(tiny_bundle, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "from seqgen import Greedy as Mine\n\n\ndef stop(prefix, log_probs):\n"
        "    changed = log_probs - float('inf')\n    changed[:, 3] = -1.0\n    return changed\n"
    )

    def translate(*options):
        words = ["translate", "--model", str(tiny_bundle), *options, "a big dog"]
        return CliRunner().invoke(app, words)

    def refused(*options):
        return str(translate(*options).exception)

    model = seqgen.load(tiny_bundle)
    (greedy,) = model.translate(["a big dog"], Greedy())
    assert translate("--strategy", f"{path}:Mine").stdout == f"{greedy}\n"
    assert EOS == 3 and translate("--processor", f"{path}:stop").stdout == "\n"
    for other in ("--beam-size=3", "--temperature=1", "--n-best=2"):
        told = refused("--strategy", f"{path}:Mine", other)
        assert "--strategy: is given beside options of another" in told
    beam = ("--strategy", "seqgen.search.beam:Beam", "--strategy-option")
    assert translate(*beam, "size=1", *beam[2:], "length_penalty=0").stdout == f"{greedy}\n"
    assert "unexpected keyword argument 'sise'" in refused(*beam, "sise=1")
    assert "--strategy-option: is given without --strategy" in refused(*beam[2:], "size=1")
    once = ("--processor", "seqgen.search.processors:Ban", "--processor-option")
    assert translate(*once, "Ban.sequences=[[3]]").stdout != "\n"
    assert "no processor 'Bann'; there are Ban" in refused(*once, "Bann.sequences=[]")
    assert "--processor-option: there is no processor 'Ban'" in refused(*once[2:], "Ban.a=1")
    for text in ("sequences=[]", "Ban", "Ban.=3", "Ban.x y=3"):
        assert "--processor-option" in refused(*once, text)
