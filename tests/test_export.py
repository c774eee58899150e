"""Exported models do what the trained ones do, without torch."""

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from exporting import exported, same_hypotheses
from hypothesis import given, settings
from hypothesis import strategies as st
from models import small
from squares import COLOURS, draw
from torchless import said
from typer.testing import CliRunner

import seqgen
from seqgen import Beam, Greedy, Sample, UserError
from seqgen.bundle import read_bundle
from seqgen.cli import app
from seqgen.export.folder import export
from seqgen.export.graph import Graph, Weights

LINES = ["a big dog", "", "cat", "red red cat sees", "dog sees a cat", "big", "zzz unknown"]
STRATEGIES = (Greedy(), Beam(4, n_best=3, coverage_penalty=0.1), Sample(1.0, samples=2, seed=3))


@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from(["lstm", "gru", "rnn"]),
    st.sampled_from(["dot", "general", "mlp", "none"]),
    st.integers(1, 3),
    st.booleans(),
    st.booleans(),
    st.lists(st.integers(1, 9), min_size=1, max_size=5),
)
def test_every_configuration_writes_the_same(cell, attention, layers, feeding, tied, lengths):
    model = small(
        torch.float32, cell=cell, attention=attention, layers=layers, input_feeding=feeding,
        tied_output=tied,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        same_hypotheses(model, exported(model, Path(folder)), lengths)


def same(found, expected):
    for ours, theirs in zip(found, expected, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            assert one.text == other.text
            a, b = one.hypothesis, other.hypothesis
            assert (a.tokens, a.finished) == (b.tokens, b.finished)
            assert a.token_log_probs == pytest.approx(b.token_log_probs, abs=1e-4)


@pytest.fixture(scope="module")
def folder(tiny_bundle, tmp_path_factory):
    out = tmp_path_factory.mktemp("exported") / "model"
    export(tiny_bundle, out)
    return out


def test_a_translator(folder, tiny_bundle):
    ours, theirs = seqgen.load(folder), seqgen.load(tiny_bundle)
    for strategy in STRATEGIES:
        same(list(ours.hypotheses(LINES, strategy)), list(theirs.hypotheses(LINES, strategy)))
    scored = zip(ours.score(LINES, LINES[::-1]), theirs.score(LINES, LINES[::-1]), strict=True)
    for one, other in scored:
        assert one == pytest.approx(other, abs=1e-4)


def test_batches_do_not_change_what_comes_out(folder):
    model = seqgen.load(folder)
    whole = list(model.hypotheses(LINES, Beam(3)))
    for size in (1, 2, 7):
        same(list(model.hypotheses(LINES, Beam(3), batch_size=size)), whole)


def test_an_ensemble_of_exports(folder, tiny_bundle):
    twice = seqgen.load(folder, folder)
    assert twice.translate(LINES, Beam(3)) == seqgen.load(folder).translate(LINES, Beam(3))
    with pytest.raises(UserError, match="not of both"):
        seqgen.load(folder, tiny_bundle)


def test_a_writer(tiny_writer, tmp_path):
    export(tiny_writer.folder, tmp_path / "out")
    ours = seqgen.load(tmp_path / "out")
    for prompt in ("", "The cat", "\n"):
        for strategy in (Greedy(), Sample(0.8, seed=2)):
            text = "".join(tiny_writer.generate(prompt, strategy, 40))
            assert "".join(ours.generate(prompt, strategy, 40)) == text
    one, other = ours.score(["The cat sits."]), tiny_writer.score(["The cat sits."])
    assert one[0] == pytest.approx(other[0], abs=1e-4)
    lines = ["The cat sits.\n", "The dog runs.\n"]
    assert ours.measure(lines).nats == pytest.approx(tiny_writer.measure(lines).nats, abs=1e-2)


def test_a_teller(tiny_teller, tmp_path):
    export(tiny_teller, tmp_path / "out")
    ours, theirs = seqgen.load(tmp_path / "out"), seqgen.load(tiny_teller)
    names = list(theirs.values.names) * 2
    for strategy in STRATEGIES[:1] + STRATEGIES[2:]:
        same(list(ours.hypotheses(names, strategy)), list(theirs.hypotheses(names, strategy)))


def test_a_captioner_at_any_batch_size(tiny_captioner, tmp_path):
    export(tiny_captioner, tmp_path / "out")
    ours, theirs = seqgen.load(tmp_path / "out"), seqgen.load(tiny_captioner)
    pictures = [draw(colour, place) for colour in COLOURS for place in ("left", "right")]
    for size in (1, 3, 32):
        found = list(ours.hypotheses(pictures, Beam(3), batch_size=size))
        same(found, list(theirs.hypotheses(pictures, Beam(3))))
    assert found[0][0].grid == next(iter(theirs.hypotheses(pictures[:1])))[0].grid


def test_int8_is_near_and_a_line_does_not_depend_on_its_batch(tiny_bundle, folder, tmp_path):
    export(tiny_bundle, tmp_path / "out", "int8")
    model, exact = seqgen.load(tmp_path / "out"), seqgen.load(folder)
    targets = exact.translate(LINES)
    for one, other in zip(model.score(LINES, targets), exact.score(LINES, targets), strict=True):
        assert one == pytest.approx(other, abs=0.3)
    whole = list(model.hypotheses(LINES, Beam(3)))
    for size in (1, 2, 7):
        same(list(model.hypotheses(LINES, Beam(3), batch_size=size)), whole)


def test_float16_is_kept_in_half_the_bytes_and_writes_the_same(tiny_bundle, folder, tmp_path):
    done = CliRunner().invoke(app, ["export", str(tiny_bundle), str(tmp_path / "out"), "--float16"])
    assert done.exit_code == 0 and "translate, float16" in done.output
    sizes = [(one / "weights.bin").stat().st_size for one in (folder, tmp_path / "out")]
    assert sizes[1] < 0.7 * sizes[0]  # each tensor begins at a multiple of 4,096
    model, exact = seqgen.load(tmp_path / "out"), seqgen.load(folder)
    targets = exact.translate(LINES, Beam(3))
    assert model.translate(LINES, Beam(3)) == targets
    for one, other in zip(model.score(LINES, targets), exact.score(LINES, targets), strict=True):
        assert one == pytest.approx(other, abs=0.02)
    replayed = CliRunner().invoke(app, ["info", str(tmp_path / "out"), "--verify"])
    assert replayed.exit_code == 0 and "outputs as they were" in replayed.output


def test_what_float16_cannot_hold_is_refused(tmp_path):
    with open(tmp_path / "w", "wb") as file, pytest.raises(UserError, match="beyond float16"):
        graph = Graph(Weights("w", file), half=True)
        graph.weight(torch.zeros(1), np.array([1e5], np.float32))


def test_torch_is_never_imported(folder, tmp_path):
    lines = [line for line in LINES if line]
    command = ["translate", "--model", str(folder), "--beam-size", "3", *lines]
    assert said(tmp_path, *command) == seqgen.load(folder).translate(lines, Beam(3))
    assert "outputs as they were" in said(tmp_path, "info", str(folder), "--verify")[-1]


def test_the_command_and_what_info_says(tiny_bundle, tmp_path):
    out = tmp_path / "out"
    done = CliRunner().invoke(app, ["export", str(tiny_bundle), str(out), "--int8"])
    assert done.exit_code == 0 and "translate, int8" in done.output
    again = CliRunner().invoke(app, ["export", str(tiny_bundle), str(out)])
    assert again.exit_code == 0 and "float32" in again.output
    told = CliRunner().invoke(app, ["info", str(out), "--verify"])
    assert told.exit_code == 0
    assert "exported as float32" in told.output and "outputs as they were" in told.output


def test_damage_and_misuse_are_one_line(folder, tiny_bundle, tmp_path):
    with pytest.raises(UserError, match="is an export"):
        read_bundle(folder)
    with pytest.raises(UserError, match="choose when exporting"):
        seqgen.load(folder, int8=True)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it")
    with pytest.raises(UserError, match="something else"):
        export(tiny_bundle, tmp_path / "mine")
    for name in json.loads((folder / "config.json").read_text())["checksums"]:
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(whole[: len(whole) // 2])
        with pytest.raises(UserError, match="does not match its checksum"):
            seqgen.load(folder)
        (folder / name).write_bytes(whole)
