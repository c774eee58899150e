"""Attention of one's own is exported as torch follows it."""

from dataclasses import dataclass
from itertools import chain

import numpy as np
import pytest
import torch
from good_encoders import MeanEncoder
from models import VOCAB, batch, small
from torch import nn

from seqgen import Beam, Greedy, Sample, UserError
from seqgen.export.graph import Graph, Weights
from seqgen.export.own import own_attention
from seqgen.export.parts import write_start, write_step
from seqgen.export.traced import TEXT, trace_start
from seqgen.model.attention import Attention, Prepared
from seqgen.model.build import Seq2Seq
from seqgen.model.decoder import Decoder, DecoderConfig
from seqgen.model.rnn import RNNEncoder
from seqgen.model.stepper import ModelStepper
from seqgen.runtime import OnnxStepper, Session
from seqgen.search.step import run


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
        note: no tensor.
    """

    gates: torch.Tensor
    whole: torch.Tensor
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
        return Gated(plain.keys, plain.values, plain.bias, gates, whole, "so")

    def forward(self, queries, prepared):
        scores = (queries + prepared.whole) @ prepared.keys.mT * self.scale
        weights = (scores + prepared.gates + prepared.bias).softmax(-1)
        return weights @ prepared.values, weights


class Sorting(Cosine):
    """What ONNX has no words for."""

    def forward(self, queries, prepared):
        contexts, weights = super().forward(queries, prepared)
        return contexts + torch.linalg.eigvals(weights @ weights.mT).real.sum(), weights


def name_of(own):
    return f"{own.__module__}:{own.__qualname__}"


def exported(model, folder):
    with open(folder / "weights.bin", "wb") as file:
        weights = Weights("weights.bin", file)
        step, start = Graph(weights), Graph(weights)
        write_step(step, model.decoder)
        if isinstance(model.encoder, RNNEncoder):
            write_start(start, model.encoder, model.decoder)
    step.write(folder / "step.onnx")
    if isinstance(model.encoder, RNNEncoder):
        start.write(folder / "start.onnx")
    else:
        trace_start(folder / "start.onnx", model, TEXT)
    return OnnxStepper(Session(folder / "step.onnx"), Session(folder / "start.onnx"), VOCAB, 2)


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
        inputs, limits = batch(lengths), np.full(len(lengths), 8)
        arrays = {"tokens": inputs.tokens.numpy(), "lengths": inputs.mask.sum(1).int().numpy()}
        for strategy in (Greedy(), Beam(3, n_best=2), Sample(samples=2)):
            theirs = run(strategy.run(ModelStepper(model), inputs, limits))
            ours = run(strategy.run(stepper, arrays, limits))
            for one, other in zip(chain(*ours), chain(*theirs), strict=True):
                assert one.tokens == other.tokens
                assert one.token_log_probs == pytest.approx(other.token_log_probs, abs=1e-4)
                assert np.abs(one.attention - other.attention).max() < 1e-4


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
