import copy
import itertools
import os
import platform
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from models import CONFIGURATIONS, VOCAB, batch, small
from typer.testing import CliRunner

import seqgen
from seqgen import Beam, Greedy, Sample
from seqgen.cli import app
from seqgen.loaded import score_targets
from seqgen.model import int8
from seqgen.model.int8 import (
    Int8Layer,
    Int8Linear,
    Packing,
    _float_sums,
    quantize,
    round_rows,
)
from seqgen.model.rnn import RNNLayer

LINES = ["a big dog", "cat", "red red cat sees", "dog sees a cat", "big", "zzz unknown"]


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 70), st.integers(0, 2**31))
def test_rounding_is_half_a_unit_off_at_most(rows, width, seed):
    numbers = torch.randn(rows, width, generator=torch.Generator().manual_seed(seed))
    rounded, scales = round_rows(numbers)
    assert rounded.dtype == torch.int8 and scales.shape == (rows, 1)
    assert (rounded * scales - numbers).abs().max() <= scales.max() * 0.5001


def test_a_row_of_zeros_stays_one():
    rounded, scales = round_rows(torch.zeros(2, 5))
    assert not rounded.any() and torch.isfinite(scales).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70), st.integers(1, 70), st.integers(0, 2**31))
def test_a_batch_gives_the_bits_of_singles(rows, width, outputs, seed):
    chance = torch.Generator().manual_seed(seed)
    weight = torch.randn(outputs, width, generator=chance)
    bias, numbers = torch.randn(outputs, generator=chance), torch.randn(rows, width)
    product = Int8Linear(weight, bias)
    found = product(numbers)
    assert torch.equal(found, torch.cat([product(row[None]) for row in numbers]))
    exact = torch.nn.functional.linear(numbers.double(), weight.double(), bias.double())
    # each factor is off by half a unit at most; weights have 7 bits on some processors
    packing = int8.packing()
    units = 0.5 / 127 + 0.5 / (packing.most if packing else 127)
    worst = width * (numbers.abs().max() * weight.abs().max()) * units * 1.01
    assert (found - exact).abs().max() <= worst


@pytest.mark.parametrize("packing", [Packing(127, True), Packing(127, False), Packing(63, True)])
@pytest.mark.parametrize("width", [1, 64, 1040, 1041, 3000])
def test_packed_integers_give_the_sums_of_exact_floats(width, packing):
    if not packing.exact():
        pytest.skip("oneDNN adds with errors on this processor, or is not there")
    matrix = torch.randint(-packing.most, packing.most + 1, (9, width), dtype=torch.int8)
    scales, rows = torch.rand(9), torch.randint(-127, 128, (5, width), dtype=torch.int8)
    found = packing.pack(matrix, scales)(rows)
    assert torch.equal(found, _float_sums(rows, matrix.double(), scales))


@pytest.mark.parametrize("width", [1, 64, 1040, 1041, 3000])
def test_floats_give_the_bits_of_exact_sums(width, monkeypatch):
    """Where no packed integers can be added without an error."""
    weight, bias, numbers = torch.randn(9, width), torch.randn(9), torch.randn(5, width)
    monkeypatch.setattr(int8, "packing", lambda: None)
    found = Int8Linear(weight, bias)(numbers)
    (matrix, scales), (rows, row_scales) = round_rows(weight), round_rows(numbers)
    sums = (rows.long() @ matrix.long().T).float() * scales[:, 0]
    assert torch.equal(found, torch.addcmul(bias, sums, row_scales))
    kind = Packing(127, unsigned=True)
    if kind.exact():
        monkeypatch.setattr(int8, "packing", lambda: kind)
        assert torch.equal(found, Int8Linear(weight, bias)(numbers))


@pytest.mark.skipif(platform.machine() != "x86_64", reason="no such processors of this kind")
def test_on_an_old_processor_the_matrix_keeps_to_seven_bits():
    """oneDNN adds pairs in 16 bits where it is told to take the processor for an old one."""
    program = "from seqgen.model.int8 import packing; print(packing())"
    old = {**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=old, capture_output=True, text=True, check=True
    )
    assert done.stdout == "Packing(most=63, unsigned=True)\n"


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_a_layer_is_nearly_the_one_it_was_made_of(cell):
    layer = RNNLayer(20, 24, cell)
    with torch.no_grad():
        for bias in (layer.layer.bias_ih_l0, layer.layer.bias_hh_l0):
            bias.normal_()
    small_layer, sequence = Int8Layer(layer), torch.randn(3, 7, 20)
    begin = tuple(torch.rand(3, 24) for _ in range(layer.state_count))
    with torch.no_grad():
        exact, ends = layer.run(sequence, begin)
        found, found_ends = small_layer.run(sequence, begin)
    torch.testing.assert_close(found, exact, atol=0.05, rtol=0.0)
    for end, other in zip(found_ends, ends, strict=True):
        torch.testing.assert_close(end, other, atol=0.1, rtol=0.0)


def test_teacher_forcing_and_steps_agree():
    torch.manual_seed(0)  # a context that differs in its last bit may be rounded elsewhere
    for configuration in CONFIGURATIONS:
        model = small(torch.float32, **configuration)
        quantize(model)
        tokens = torch.randint(4, VOCAB, (3, 5))
        with torch.no_grad():
            memory = model.encode(batch([5, 2, 7]))
            expected = torch.log_softmax(model.decoder(memory, tokens), -1)
            state = model.decoder.start(memory, 3)
            for time in range(5):
                found, state, _ = model.decoder.step(tokens[:, time], state)
                torch.testing.assert_close(found, expected[:, time], atol=1e-4, rtol=1e-4)


def test_what_is_rounded_is_near_what_was():
    for configuration in CONFIGURATIONS[::3]:
        model = small(torch.float32, **configuration)
        rounded = copy.deepcopy(model)
        quantize(rounded)
        tokens = torch.randint(4, VOCAB, (3, 5))
        with torch.no_grad():
            exact, found = (one(batch([5, 2, 7]), tokens) for one in (model, rounded))
        assert (found - exact).abs().mean() < 0.1


@pytest.fixture(scope="module")
def model(tiny_bundle):
    return seqgen.load(tiny_bundle, int8=True)


def test_lines_do_not_depend_on_their_batch_and_score_as_reported(model):
    for strategy in (Greedy(), Beam(3, n_best=2), Sample(1.0, seed=3)):
        sizes = [list(model.hypotheses(LINES, strategy, batch_size=n)) for n in (1, 2, 7)]
        for one, other in itertools.pairwise(sizes):
            assert [[t.text for t in best] for best in one] == [
                [t.text for t in best] for best in other
            ]
        written = [best[0].hypothesis for best in sizes[0]]
        sources, tokens = model.source.encode(LINES), [one.tokens for one in written]
        scored = score_targets(model.bundles, sources, tokens, 4)
        for one, log_probs in zip(written, scored, strict=True):
            count = len(one.token_log_probs)
            assert one.token_log_probs == pytest.approx(log_probs[:count], abs=1e-4)


def test_the_command_takes_it(model, tiny_bundle):
    words = ["--model", str(tiny_bundle), "--int8"]
    done = CliRunner().invoke(app, ["translate", *words, "a big dog", "cat"])
    assert done.exit_code == 0, done.output
    assert done.output.splitlines() == model.translate(["a big dog", "cat"])
