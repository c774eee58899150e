"""The kit: good encoders keep all rules, and each mistake breaks the one meant for it."""

import re
from dataclasses import dataclass
from pathlib import Path

import broken_encoders as broken
import good_encoders as good
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from seqgen.conformance.batches import fingerprint
from seqgen.model.cnn import CNNEncoder
from seqgen.model.memory import Memory, TextBatch
from seqgen.model.rnn import RNNEncoder
from seqgen.model.value import EmbeddingEncoder
from seqgen.testing import BrokenEncoder, check_encoder

SMALL = {"embedding_dim": 16, "hidden_dim": 16}


@pytest.mark.parametrize(
    ("encoder", "options"),
    [
        (RNNEncoder, {**SMALL, "cell": "lstm"}),
        (RNNEncoder, {**SMALL, "cell": "gru", "layers": 2, "skip": True}),
        (RNNEncoder, {**SMALL, "cell": "rnn", "bidirectional": False}),
        (EmbeddingEncoder, {"width": 16}),
        (CNNEncoder, {"backbone": "small", "weights": "none", "tuned_stages": -1,
                      "output_dim": 32, "dropout": 0.1}),
        (good.MeanEncoder, {"width": 32}),
        (good.ConvEncoder, {}),
        (good.TransformerEncoder, {}),
        (good.StrideEncoder, {"width": 32}),
        (good.PixelEncoder, {}),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else value.get("cell", ""),
)  # fmt: skip
def test_good_encoders_keep_all_rules(encoder, options):
    report = check_encoder(encoder, **options)
    assert str(report) == f"{encoder.__name__} keeps all rules"
    assert {one.verdict for one in report.outcomes} <= {"passed", "does not apply"}


MISTAKES = [
    (broken.IntegerKeys, "builds", "KeyError: 1, from options as JSON", "text keys"),
    (broken.DrawsByNumPy, "builds", "'embed.weight' is another when built again", "generator"),
    (broken.WrongWidth, "shapes", "states are 256 wide, output_dim is 512", "D = output_dim"),
    (broken.ReturnsStates, "shapes", "returned Tensor, not a seqgen.Memory", "return Memory"),
    (broken.UpsideDown, "mask", "the mask is upside down", "key_padding_mask is ~mask"),
    (broken.Quarters, "real positions", "input 0 has no real position", "stride"),
    (broken.Halves, "length one", "an input of one token has no real position", "length"),
    (broken.AlwaysDrops, "deterministic", "twice in evaluation mode: .*states differ", "training"),
    (broken.MeansPadding, "padding", "5 positions of padding .* the summary differ", "mask before"),
    (broken.ReadsBackFromPadding, "padding", "the states differ by", "backward reading"),
    (broken.TakesAllForReal, "padding", "6 real positions where there were 1", "batch.mask"),
    (
        broken.LeavesSorted,
        "batch",
        "in a batch of 2, input 0 is not what it is alone",
        "back in order",
    ),
    (broken.CentersTheBatch, "batch", "in a batch of 2, .* the summary differ", "across rows"),
    (broken.MovesFrozenStatistics, "statistics", "'frozen.1.running_mean' moved", r"train\(\)"),
    (broken.CountsCalls, "statistics", "'calls' moved by 1 in evaluation mode", "self.training"),
    (broken.Detached, "gradients", "'embed.weight' gets no gradient", r"detach\(\)"),
    (broken.Thaws, "gradients", "'map.weight' is frozen when made and no longer", "__init__"),
    (broken.FixedType, "precision", "raises RuntimeError: .*BFloat16", "new_zeros"),
    (broken.PlainList, "saved", "loaded in another process it gives another memory", "ModuleList"),
    (broken.ReadsAFileHere, "saved", "raises FileNotFoundError: .*width.txt", "relative"),
    (broken.Lambda, "pickled", "cannot be pickled: .*lambda", "lambda"),
    (broken.TunesItsStem, "cacheable", "after an update of training its features", "frozen part"),
    (broken.OwnMemory, "beams", "are not those of its inputs", "plain seqgen.Memory"),
    (broken.Blind, "learns", "of 8 outputs are right", "what stands in the input"),
]


@pytest.mark.parametrize(
    ("encoder", "rule", "what", "fix"), MISTAKES, ids=[row[0].__name__ for row in MISTAKES]
)
def test_each_mistake_breaks_its_own_rule(encoder, rule, what, fix, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "width.txt").write_text("16")
    options = {"widths": {1: 8}} if encoder is broken.IntegerKeys else {}
    with pytest.raises(BrokenEncoder) as caught:
        check_encoder(encoder, **options)
    (failure,) = caught.value.report.failures
    assert failure.name == rule
    assert re.search(what, failure.what)
    assert re.search(fix, failure.fix)
    told = str(caught.value)
    assert told.startswith(f"{encoder.__name__} breaks 1 of 16 rules\n  {rule}: ")
    assert f"to mend it: {failure.fix}" in told
    if encoder is broken.Blind:
        assert failure.example.startswith("one memory for two inputs: tokens int64 [2, 9]")


def test_every_rule_has_a_mistake_that_it_finds():
    report = check_encoder(good.MeanEncoder, width=8)
    assert {one.name for one in report.outcomes} == {row[1] for row in MISTAKES}
    page = (Path(__file__).parent.parent / "docs/check_encoder.md").read_text("utf-8")
    rows = re.findall(r"^\| (\w[\w ]*) \| (.*) \|$", page, re.MULTILINE)
    assert rows[1:] == [(one.name, one.demand) for one in report.outcomes]


@pytest.mark.parametrize(
    ("encoder", "example"),
    [
        (broken.ReadsBackFromPadding, r"tokens \[\[\d+\]\], lengths \[1\]"),
        (broken.LeavesSorted, r"tokens \[\[\d+, 0\], \[\d+, \d+\]\], lengths \[1, 2\]"),
    ],
)
def test_the_example_is_the_smallest(encoder, example):
    with pytest.raises(BrokenEncoder) as caught:
        check_encoder(encoder)
    (failure,) = caught.value.report.failures
    assert re.fullmatch(example, failure.example)


@dataclass(frozen=True)
class Two:
    """A batch of one's own: text, and a number beside it."""

    text: TextBatch
    number: Tensor  # [B] float


class TwoEncoder(good.MeanEncoder):
    forget = False

    def forward(self, batch):
        memory = super().forward(batch.text)
        number = torch.zeros(len(batch.number)) if self.forget else batch.number
        states = memory.states + number[:, None, None]
        return Memory(states, memory.mask, good.mean(states, memory.mask))


class Mixes(TwoEncoder):
    def forward(self, batch):
        return super().forward(Two(batch.text, batch.number.flip(0)))


def two():
    mask = torch.tensor([[True, True, True], [True, False, False]])
    return Two(TextBatch(torch.tensor([[40, 5, 6], [7, 0, 0]]), mask), torch.tensor([0.5, -1.0]))


def test_a_batch_of_ones_own_may_be_anything_of_tensors():
    check_encoder(TwoEncoder, two(), width=16)
    with pytest.raises(BrokenEncoder, match="in a batch of 2, input 0") as caught:
        check_encoder(Mixes, two(), width=16)
    (failure,) = caught.value.report.failures
    assert failure.name == "batch" and failure.example.endswith("number float32 [2]")


def test_batches_of_one_content_have_one_fingerprint_and_others_others():
    def make(number=0.5, colour="red", kind=torch.bfloat16):
        picture = Image.new("RGB", (2, 2), colour)  # its repr says where it is
        return {"x": torch.tensor(number, dtype=kind), "y": [picture, np.ones(3, np.float16)]}

    assert fingerprint(make()) == fingerprint(make())
    others = [make(1.0), make(colour="blue"), make(kind=torch.float16), make()["y"], make()["x"]]
    assert len({fingerprint(one) for one in [make(), *others]}) == 6


def test_a_class_that_no_other_process_can_import_is_told_so():
    class Inside(good.MeanEncoder):
        pass

    with pytest.raises(BrokenEncoder, match="is not loaded in another process") as caught:
        check_encoder(Inside, width=8)
    assert [one.name for one in caught.value.report.failures] == ["saved"]
