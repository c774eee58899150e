"""A search among few tokens against one over all, of which those not listed are impossible."""

import numpy as np
import pytest
import torch
from models import CONFIGURATIONS, VOCAB, batch, row, small
from pairs import write_pairs

import seqgen
from seqgen import Beam, Greedy, Sample
from seqgen.data.shortlist import Shortlist
from seqgen.errors import UserError
from seqgen.model.listed import Few, ListedStepper, allowed, allowed_mask
from seqgen.model.stepper import ModelStepper
from seqgen.scoring.likelihood import token_log_probs
from seqgen.search.processors import NoRepeat
from seqgen.search.step import run

STRATEGIES = (Greedy(), Beam(4, n_best=2), Sample(1.0, samples=2, seed=3))
LENGTHS = [5, 2, 7, 3]
WHOLE = Shortlist(np.arange(VOCAB), np.arange(VOCAB + 1), np.arange(VOCAB), VOCAB)


def some(seed: int = 0, each: int = 3) -> Shortlist:
    """Three tokens for each source token, but none for the last, and five always."""
    chance = np.random.default_rng(seed)
    starts = np.minimum(np.arange(VOCAB + 1), VOCAB - 1) * each
    return Shortlist(
        np.array([3, 4, 5, 6, 7]), starts, chance.integers(8, VOCAB, VOCAB * each), VOCAB
    )


class Masked(ModelStepper):
    """All tokens are asked for, and those not listed are made impossible."""

    def __init__(self, model, shortlist):
        super().__init__(model)
        self.shortlist = shortlist

    def start(self, inputs):
        self.within = allowed_mask(self.shortlist, inputs)
        self.owners = torch.arange(len(self.within))
        return super().start(inputs)

    def step(self, tokens, state):
        found, state, weights = super().step(tokens, state)
        found = torch.from_numpy(np.asarray(found))
        found = found.masked_fill(~self.within[self.owners], -torch.inf)
        return torch.log_softmax(found, -1).numpy(), state, weights

    def select(self, state, rows):
        self.owners = self.owners[torch.from_numpy(rows)]
        return super().select(state, rows)


def search(stepper, inputs, strategy, processors=()):
    limits = np.full(len(inputs.tokens), 8)
    return run(strategy.run(stepper, inputs, limits, processors))


def same(one, other):
    for best, others in zip(one, other, strict=True):
        assert [h.tokens for h in best] == [h.tokens for h in others]
        for hypothesis, expected in zip(best, others, strict=True):
            assert hypothesis.token_log_probs == pytest.approx(expected.token_log_probs, abs=1e-9)


@pytest.mark.parametrize("strategy", STRATEGIES, ids=["greedy", "beam", "sample"])
def test_it_finds_what_a_mask_finds(strategy):
    for number, configuration in enumerate(CONFIGURATIONS[::2]):
        model, inputs = small(**configuration), batch(LENGTHS, number)
        for shortlist in (some(number), WHOLE):
            found = search(ListedStepper(model, shortlist), inputs, strategy)
            same(found, search(Masked(model, shortlist), inputs, strategy))
        same(found, search(ModelStepper(model), inputs, strategy))


def test_processors_see_all_tokens():
    model, inputs = small(), batch(LENGTHS)
    steppers = ListedStepper(model, some()), Masked(model, some())
    same(*(search(one, inputs, Beam(3), [NoRepeat(1)]) for one in steppers))


def test_a_batch_gives_what_singles_give():
    model, inputs = small(), batch(LENGTHS)
    stepper = ListedStepper(model, some())
    singles = [search(stepper, row(inputs, i), Beam(4))[0] for i in range(len(LENGTHS))]
    same(search(stepper, inputs, Beam(4)), singles)


def test_the_score_of_a_text_is_what_the_search_reports():
    model, inputs = small(), batch(LENGTHS)
    best = [one[0] for one in search(ListedStepper(model, some()), inputs, Beam(4))]
    scored = token_log_probs(
        model, inputs, [one.tokens for one in best], allowed_mask(some(), inputs)
    )
    for one, log_probs in zip(best, scored, strict=True):
        assert one.token_log_probs == pytest.approx(log_probs[: len(one.token_log_probs)])


def test_only_what_is_listed_is_written():
    model, inputs = small(), batch(LENGTHS)
    lists = allowed(some(), inputs)
    for best, own in zip(search(ListedStepper(model, some()), inputs, Beam(4)), lists, strict=True):
        assert set(best[0].tokens) <= set(own.tolist())


def test_more_candidates_than_a_list_has():
    few = Few(np.log(np.array([[0.25, 0.75], [1.0, 0.0]]) + 1e-300), np.array([[3, 9]]), 12)
    values, tokens = few.top(3)
    assert tokens[:, :2].tolist() == [[9, 3], [3, 9]]
    assert np.isneginf(values[:, 2]).all()


@pytest.fixture(scope="module")
def listed(tiny_bundle, tmp_path_factory):
    folder = tmp_path_factory.mktemp("listed")
    write_pairs(folder, "train", 400, seed=1)
    model = seqgen.load(tiny_bundle)
    path = folder / "list"
    sides = [(folder / f"train.{side}").read_text().splitlines() for side in ("en", "de")]
    cutters = model.source, model.target
    Shortlist.learn(lambda: zip(*sides, strict=True), *cutters, 4, 5).save(path, *cutters)
    return path


@pytest.mark.parametrize("int8", [False, True])
def test_a_loaded_model_takes_it(tiny_bundle, listed, int8):
    lines = ["a big dog", "cat", "red red cat sees", "", "zzz unknown"]
    model = seqgen.load(tiny_bundle, int8=int8, shortlist=listed)
    assert model.translate(lines, batch_size=2) == model.translate(lines, batch_size=5)
    found = list(model.hypotheses(lines))
    scored = model.score(lines, [best[0].text for best in found])
    for best, log_probs in zip(found, scored, strict=True):
        one = best[0].hypothesis
        assert one.token_log_probs == pytest.approx(log_probs, abs=1e-3)


def test_an_ensemble_takes_it(tiny_bundle, listed):
    one = seqgen.load(tiny_bundle, shortlist=listed)
    two = seqgen.load(tiny_bundle, tiny_bundle, shortlist=listed)
    assert one.translate(["a big dog"]) == two.translate(["a big dog"])


def test_commands_write_and_take_it(run, refused, tiny_bundle, tmp_path):
    files = write_pairs(tmp_path, "train", 400, seed=1)
    path = tmp_path / "list"
    pairs = "--source", files[0], "--target", files[1]
    done = run("shortlist", "--model", tiny_bundle, *pairs, "--output", path)
    assert "candidates of" in done.stdout
    lines = ["a big dog", "cat"]
    command = ["translate", "--model", tiny_bundle, *lines]
    found = run(*command, "--shortlist", path).stdout.splitlines()
    assert found == seqgen.load(tiny_bundle, shortlist=path).translate(lines)
    assert run(*command, "--shortlist", path, "--processes", 2).stdout.splitlines() == found
    assert "no shortlist" in refused(*command, "--shortlist", files[0])
    assert "missing" in refused(*command, "--shortlist", tmp_path / "missing")


def test_only_translators_take_it(tiny_writer, listed):
    with pytest.raises(UserError, match="can write, not translate"):
        seqgen.load(tiny_writer.folder, shortlist=listed)
