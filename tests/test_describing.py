"""Inputs of a program to text: trained, stopped, loaded, searched, scored."""

import numpy as np
import pytest
import torch
from good_encoders import mean
from torch import nn

import seqgen
from seqgen.bundle import read_bundle
from seqgen.data.vectors import pad_vectors
from seqgen.describer import Describer
from seqgen.errors import UserError
from seqgen.export.folder import export
from seqgen.model.inputs import vector_batch
from seqgen.model.memory import Memory
from seqgen.model.value import EmbeddingEncoder
from seqgen.runtime import read_export
from seqgen.training.describing import DescribingSettings, Examples, train_describer
from seqgen.training.report import Report
from seqgen.training.settings import read_settings

WORDS = ("red", "blue", "green", "grey")
WIDTH = 6


class LineEncoder(nn.Module):
    def __init__(self, input_dim, width=24):
        super().__init__()
        self.output_dim = width
        self.map = nn.Linear(input_dim, width)
        self.place = nn.Embedding(10, width)

    def forward(self, batch):
        places = self.place.weight[: batch.mask.shape[1]]
        states = torch.tanh(self.map(batch.vectors) + places)
        return Memory(states, batch.mask, mean(states, batch.mask))


def some(count, seed):
    """Sequences of noisy vectors, one for each word of their text."""
    chance = np.random.default_rng(seed)
    inputs, texts = [], []
    for _ in range(count):
        said = chance.integers(0, len(WORDS), chance.integers(1, 3))
        inputs.append((4.0 * np.eye(WIDTH)[said] + chance.normal(0, 0.05, (len(said), WIDTH)))
                      .astype(np.float32))  # fmt: skip
        texts.append(" ".join(WORDS[i] for i in said))
    return Examples(inputs, texts)


def settings(**training):
    changes = {
        "model.encoder": LineEncoder,
        "model.encoder_options": {"input_dim": WIDTH},
        "model.decoder": {"embedding_dim": 16, "hidden_dim": 32, "layers": 1, "dropout": 0.1},
        "data.target.vocab_size": 40,
        "training.batch_tokens": 40,
        "training.learning_rate": 0.02,
        "training.warmup": 5,
        "training.average": 0.0,
        "training.precision": "float32",
        "training.max_epochs": 20,
        **{f"training.{name}": value for name, value in training.items()},
    }
    return read_settings(None, changes, DescribingSettings)


def train(out, **training):
    data = some(150, 1), some(20, 2)
    return train_describer(settings(**training), out, *data, vector_batch, len,
                           report=Report(quiet=True))  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    out = tmp_path_factory.mktemp("lines") / "model"
    return out, train(out)


def test_it_learns_to_say_what_the_vectors_are(trained):
    _, model = trained
    test = some(40, 3)
    outputs = model.describe(test.inputs)
    first = [a.split()[:1] == b.split()[:1] for a, b in zip(outputs, test.texts, strict=True)]
    assert sum(first) > 20  # by chance 10
    assert model.describe(test.inputs[::-1], batch_size=7) == outputs[::-1]


def test_what_a_search_reports_is_what_scoring_gives(trained):
    _, model = trained
    test = some(10, 4)
    found = [best[0] for best in model.hypotheses(test.inputs, seqgen.Beam(size=3))]
    scored = model.score(test.inputs, [one.text for one in found])
    for one, row in zip(found, scored, strict=True):
        assert abs(sum(row) - one.hypothesis.log_prob) < 1e-3
    with pytest.raises(UserError, match="10 inputs and 1 texts"):
        model.score(test.inputs, ["red"])


def test_it_goes_on_where_it_was_and_ends_with_the_same_bits(trained, tmp_path):
    out, _ = trained
    train(tmp_path / "model")
    one, two = ((p / "last/weights.safetensors").read_bytes() for p in (out, tmp_path / "model"))
    assert one == two
    again = train(out)  # nothing is left to do
    assert again.describe(some(5, 5).inputs) == trained[1].describe(some(5, 5).inputs)


def test_other_examples_are_refused(trained):
    def resume(train_on, valid):
        train_describer(settings(), out, train_on, valid, vector_batch, len,
                        report=Report(quiet=True))  # fmt: skip

    out, _ = trained
    one, other = some(150, 1), some(20, 2)
    resume(one, other)
    inputs = [*one.inputs[:-1], one.inputs[-1] + np.float32(1e-6)]
    with pytest.raises(UserError, match="is of a training on other training inputs; choose"):
        resume(Examples(inputs, one.texts), other)
    with pytest.raises(UserError, match="training texts, validation inputs, validation"):
        resume(Examples(one.inputs, [*one.texts[:-1], "red red red"]), some(20, 3))


def test_it_is_loaded_with_what_makes_its_batches(trained, tiny_bundle):
    out, model = trained
    test = some(5, 6).inputs
    assert Describer(read_bundle(out), vector_batch).describe(test) == model.describe(test)
    with pytest.raises(UserError, match="Describer"):
        seqgen.load(out)
    with pytest.raises(UserError, match="can translate, not describe"):
        Describer(read_bundle(tiny_bundle), vector_batch)


def test_it_is_exported_by_an_example(trained, tmp_path):
    out, model = trained
    with pytest.raises(UserError, match="example=a batch"):
        export(out, tmp_path / "none")
    assert not (tmp_path / "none").exists()
    export(out, tmp_path / "out", example=vector_batch(some(4, 8).inputs))

    def arrays(rows):
        return dict(zip(("vectors", "mask"), pad_vectors(rows), strict=True))

    ours = Describer(read_export(tmp_path / "out"), arrays, len)
    test = some(20, 9)
    for strategy in (seqgen.Greedy(), seqgen.Beam(3)):
        expected = list(model.hypotheses(test.inputs, strategy))
        for size in (1, 3, 64):
            found = list(ours.hypotheses(test.inputs, strategy, batch_size=size))
            for (one, *_), (other, *_) in zip(found, expected, strict=True):
                assert one.text == other.text
                assert abs(one.hypothesis.log_prob - other.hypothesis.log_prob) < 1e-4
    scored = zip(ours.score(*vars(test).values()), model.score(*vars(test).values()), strict=True)
    assert all(one == pytest.approx(other, abs=1e-4) for one, other in scored)
    with pytest.raises(UserError, match="read_export"):
        seqgen.load(tmp_path / "out")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Examples([1], []), "1 inputs and 0 texts"),
        (lambda: Examples([], []), "0 inputs"),
    ],
)
def test_examples_fit_each_other(make, message):
    with pytest.raises(UserError, match=message):
        make()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reward": "bleu"}, "reward is not for inputs of a program"),
        ({"subword_sampling": 0.2}, "subword_sampling is not"),
    ],
)
def test_settings_that_are_not_for_it(tmp_path, changes, message):
    with pytest.raises(UserError, match=message):
        train(tmp_path / "model", **changes)


def test_a_text_too_long_is_named(tmp_path):
    data = Examples([np.ones((1, WIDTH), np.float32)] * 2, ["red", "red " * 300])
    with pytest.raises(UserError, match=r"has .* tokens; give 1 to max_length, 256"):
        train_describer(settings(), tmp_path / "m", data, some(2, 2), vector_batch, len,
                        report=Report(quiet=True))  # fmt: skip


def test_any_encoder_will_do_for_any_inputs(tmp_path):
    from seqgen.model.inputs import value_batch

    data = Examples([0, 1, 2, 3] * 10, list(WORDS) * 10)
    changes = {"model.encoder": EmbeddingEncoder,
               "model.encoder_options": {"vocab_size": 4, "width": 16}}  # fmt: skip
    chosen = read_settings(None, {**changes, "model.decoder": {"hidden_dim": 32, "layers": 1},
                                  "data.target.vocab_size": 40, "training.warmup": 5,
                                  "training.batch_tokens": 8, "training.max_epochs": 20,
                                  "training.learning_rate": 0.02,
                                  "training.precision": "float32", "training.average": 0.0},
                           DescribingSettings)  # fmt: skip
    model = train_describer(chosen, tmp_path / "m", data, data, value_batch,
                            report=Report(quiet=True))  # fmt: skip
    assert model.describe([3, 0]) == ["grey", "red"]
