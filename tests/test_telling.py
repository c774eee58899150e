import json
import math

import pytest
import torch
from animals import animal_settings
from test_trainer import StopAt, state
from torch import nn

from seqgen.errors import UserError
from seqgen.generate import load_teller
from seqgen.model.memory import Memory
from seqgen.training.report import Report
from seqgen.training.run import resume_teller, train_teller
from seqgen.training.settings import TellingSettings, read_settings

WILD = {
    "consistency": 1.0,
    "scheduled_sampling": 0.2,
    "subword_sampling": 0.5,
    "accumulate": 2,
    "save_every": 4,
    "average": 0.9,
}


def train(folder, out, extra=(), **training):
    changes = animal_settings(folder, **training) | dict(extra)
    return train_teller(read_settings(None, changes, TellingSettings), out, Report(quiet=True))


def test_interrupted_and_resumed_equals_unbroken_bit_for_bit(tmp_path, monkeypatch):
    drop = {"model.encoder_options": {"width": 16, "dropout": 0.3}}
    train(tmp_path / "data", tmp_path / "whole", drop, **WILD)
    StopAt(monkeypatch, 1, 6)
    with pytest.raises(UserError, match="train tell --out"):
        train(tmp_path / "data", tmp_path / "broken", drop, **WILD)
    with pytest.raises(UserError, match="--resume"):
        resume_teller(tmp_path / "broken", Report(quiet=True))
    resume_teller(tmp_path / "broken", Report(quiet=True))
    assert state(tmp_path / "whole") == state(tmp_path / "broken")


def test_its_score_is_the_perplexity_of_the_validation_texts(tiny_teller):
    (score,) = json.loads((tiny_teller / "best/scores.json").read_text())
    lines = (tiny_teller.parent / "valid.tsv").read_text("utf-8").splitlines()
    rows = load_teller(tiny_teller).score(*zip(*(line.split("\t") for line in lines), strict=True))
    nats = -math.fsum(map(math.fsum, rows)) / sum(map(len, rows))
    assert score["value"] == pytest.approx(math.exp(nats), rel=1e-4)
    assert (score["name"], score["count"]) == ("perplexity", len(lines))


@pytest.mark.parametrize(
    ("valid", "message"),
    [
        ("dog\ta dog\nhorse\ta horse\n", r"valid.tsv, line 2: there is no value 'horse'"),
        ("dog\ta dog\ncat\n", "1 columns where 2"),
        ("dog\ta dog\n\tnobody\n", "has no text"),
    ],
)
def test_bad_lines_are_named(tmp_path, valid, message):
    (tmp_path / "valid.tsv").write_text(valid)
    extra = {"data.valid": str(tmp_path / "valid.tsv")}
    with pytest.raises(UserError, match=message):
        train(tmp_path / "data", tmp_path / "out", extra)


def test_settings_without_meaning_are_refused(tmp_path):
    with pytest.raises(UserError, match="not for single values"):
        train(tmp_path / "data", tmp_path / "out", reward="bleu")
    with pytest.raises(UserError, match="pass --train"):
        train(tmp_path / "data", tmp_path / "none", {"data.train": ""})


class OneHot(nn.Module):
    """An encoder of values of one's own."""

    def __init__(self, vocab_size: int) -> None:
        super().__init__()
        self.output_dim = vocab_size
        self.weight = nn.Parameter(torch.eye(vocab_size))

    def forward(self, batch):
        vectors = self.weight[batch.values]
        mask = torch.ones(len(vectors), 1, dtype=torch.bool)
        return Memory(vectors[:, None], mask, vectors)


def test_an_encoder_of_values_of_ones_own(tmp_path):
    extra = {"model.encoder": OneHot, "model.encoder_options": {}}
    teller = train(tmp_path / "data", tmp_path / "out", extra, max_epochs=1)
    model = teller.bundles[0].model
    assert isinstance(model.encoder, OneHot)
    assert model.encoder.output_dim == teller.values.size
