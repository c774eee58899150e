"""Attention of one's own is exported as torch follows it."""

from dataclasses import dataclass

import pytest
import torch
from exporting import exported, same_hypotheses
from good_encoders import MeanEncoder
from models import VOCAB, small
from torch import nn

from seqgen import UserError
from seqgen.export.own import own_attention
from seqgen.model.attention import Attention, Prepared
from seqgen.model.build import Seq2Seq
from seqgen.model.decoder import Decoder, DecoderConfig


class Cosine(nn.Module):
    """Of directions alone."""

    def __init__(self, query_dim, memory_dim, sharpness=8.0):
        super().__init__()
        self.key = nn.Linear(memory_dim, query_dim, bias=False)
        self.sharpness = sharpness

    def prepare(self, memory):
        keys = nn.functional.normalize(self.key(memory.states), dim=-1)
        bias = torch.zeros(memory.mask.shape).masked_fill(~memory.mask, float("-inf"))
        return Prepared(keys, memory.states, bias[:, None])

    def forward(self, queries, prepared):
        queries = nn.functional.normalize(queries, dim=-1)
        scores = self.sharpness * queries @ prepared.keys.mT + prepared.bias
        weights = scores.softmax(-1)
        return weights @ prepared.values, weights


@dataclass(frozen=True)
class Gated(Prepared):
    """Keys, values, how open each position is, and what the whole input adds to a query.

    Attributes:
        gates: [B, 1, S].
        whole: [B, 1, H].
        mask: [B, 1, S] bool.
        note: no tensor.
    """

    gates: torch.Tensor
    whole: torch.Tensor
    mask: torch.Tensor
    note: str


class Gate(Attention):
    """``general`` attention to positions that may shut themselves."""

    def __init__(self, query_dim, memory_dim):
        super().__init__(query_dim, memory_dim)
        self.gate = nn.Linear(memory_dim, 1)
        self.whole = nn.Linear(memory_dim, query_dim)

    def prepare(self, memory):
        plain = super().prepare(memory)
        gates = nn.functional.logsigmoid(self.gate(memory.states)).mT
        whole = self.whole(memory.summary)[:, None]
        mask = memory.mask[:, None]
        return Gated(plain.keys, plain.values, plain.bias, gates, whole, mask, "so")

    def forward(self, queries, prepared):
        scores = (queries + prepared.whole) @ prepared.keys.mT * self.scale
        scores = (scores + prepared.gates).masked_fill(~prepared.mask, float("-inf"))
        weights = scores.softmax(-1)
        return weights @ prepared.values, weights


class Sorting(Cosine):
    """What ONNX has no words for."""

    def forward(self, queries, prepared):
        contexts, weights = super().forward(queries, prepared)
        return contexts + torch.linalg.eigvals(weights @ weights.mT).real.sum(), weights


def name_of(own):
    return f"{own.__module__}:{own.__qualname__}"


def beside_an_encoder_of_ones_own():
    config = DecoderConfig(16, hidden_dim=24, attention=name_of(Gate), dropout=0.0)
    return Seq2Seq(MeanEncoder(VOCAB, 20), Decoder(VOCAB, 20, config)).eval()


@pytest.mark.parametrize(
    "make",
    [
        lambda: small(torch.float32, attention=name_of(Cosine), layers=1),
        lambda: small(torch.float32, attention=name_of(Gate), input_feeding=True),
        beside_an_encoder_of_ones_own,
    ],
)
def test_it_writes_the_same(make, tmp_path):
    model = make()
    stepper = exported(model, tmp_path)
    for lengths in ([1], [7], [2, 9, 4], [3] * 5):
        same_hypotheses(model, stepper, lengths)


def test_what_is_kept_of_an_input_has_sizes_of_its_own():
    own = own_attention(small(torch.float32, attention=name_of(Gate)).decoder)
    shapes = {name: shape[1:] for name, shape in own.shapes.items()}
    assert shapes["gates"] == [1, "s"] and shapes["bias"] == [1, "s"]
    assert shapes["keys"][0] == "s" and shapes["whole"][0] == 1
    assert own_attention(small(torch.float32).decoder) is None


def test_what_torch_cannot_follow_is_named(tmp_path):
    model = small(torch.float32, attention=name_of(Sorting))
    with pytest.raises(UserError, match="attention 'test_own:Sorting': cannot be exported"):
        exported(model, tmp_path)
