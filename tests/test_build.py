import sys

import pytest
import torch
from models import VOCAB, batch

from seqgen.errors import UserError
from seqgen.model.build import ModelConfig, build_encoder, build_seq2seq, find_class
from seqgen.model.cnn import CNNEncoder

OWN = """
import torch
from torch import nn
from seqgen.model.memory import Memory

class MeanEncoder(nn.Module):
    def __init__(self, vocab_size: int, width: int = 256):
        super().__init__()
        self.output_dim = width
        self.embed = nn.Embedding(vocab_size, width)

    def forward(self, batch):
        states = self.embed(batch.tokens)
        summary = (states * batch.mask[..., None]).sum(1) / batch.mask.sum(1, keepdim=True)
        return Memory(states, batch.mask, summary)

class Widthless(nn.Module):
    pass

class Liar(MeanEncoder):
    def forward(self, batch):
        return self.embed(batch.tokens)
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    (tmp_path / "own_parts.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("own_parts", None)


def test_an_encoder_of_ones_own_is_ten_lines(own):
    config = ModelConfig("own_parts:MeanEncoder", {"width": 256}, tied_embeddings=True)
    model = build_seq2seq(config, VOCAB, VOCAB, seed=1)
    assert model.encoder.embed.weight is model.decoder.embed.weight
    assert model(batch([3, 1]), torch.zeros(2, 4, dtype=torch.int64)).shape == (2, 4, VOCAB)


def test_the_same_seed_gives_the_same_weights_and_leaves_other_chance_alone():
    torch.manual_seed(5)
    one = build_seq2seq(ModelConfig(), VOCAB, VOCAB, seed=1)
    after = torch.rand(1)
    torch.manual_seed(5)
    assert torch.equal(after, torch.rand(1))
    two, other = (build_seq2seq(ModelConfig(), VOCAB, VOCAB, seed) for seed in (1, 2))
    pairs = zip(one.parameters(), two.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert not torch.equal(one.decoder.embed.weight, other.decoder.embed.weight)


@pytest.mark.parametrize(
    ("spec", "options", "message"),
    [
        ("nowhere", {}, "package.module:Class"),
        ("surely.not.there:Class", {}, "no module"),
        ("own_parts:Missing", {}, "Missing"),
        ("own_parts:Memory", {}, "no torch module"),
        ("own_parts:MeanEncoder", {"width": torch.float16}, "JSON cannot hold"),
        ("own_parts:MeanEncoder", {"width": float("nan")}, "JSON cannot hold"),
        ("own_parts:MeanEncoder", {"depth": 3}, "its options are width"),
        ("own_parts:Widthless", {}, "output_dim"),
    ],
)
def test_what_is_wrong_is_said(own, spec, options, message):
    with pytest.raises(UserError, match=message):
        build_encoder(spec, options, VOCAB)


def test_a_backbone_by_its_name_is_our_encoder_of_images():
    encoder = build_encoder("torchvision:resnet18", {"weights": "none", "output_dim": 8}, VOCAB)
    assert isinstance(encoder, CNNEncoder) and encoder.backbone == "resnet18"
    with pytest.raises(UserError, match="there is no 'resnet17'"):
        build_encoder("torchvision:resnet17", {}, VOCAB)


def test_an_encoder_from_a_file(own, tmp_path):
    spec = f"{tmp_path / 'own_parts.py'}:MeanEncoder"
    assert find_class(spec) is not find_class("own_parts:MeanEncoder")
    assert build_encoder(spec, {"width": 8}, VOCAB).output_dim == 8


def test_a_foreign_memory_is_refused(own):
    model = build_seq2seq(ModelConfig("own_parts:Liar"), VOCAB, VOCAB, seed=1)
    with pytest.raises(UserError, match="return a seqgen Memory"):
        model.encode(batch([2]))


def test_embeddings_of_different_shape_cannot_be_tied(own):
    with pytest.raises(UserError, match="tied_embeddings"):
        build_seq2seq(ModelConfig("own_parts:MeanEncoder", {"width": 8}), VOCAB, VOCAB, seed=1)
