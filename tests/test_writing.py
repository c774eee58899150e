import json
import os
import signal

import numpy as np
import pytest
import torch
from prose import prose_settings
from test_trainer import state

from seqgen.data.store import Store
from seqgen.errors import UserError
from seqgen.training.distributed import World
from seqgen.training.report import Report
from seqgen.training.run import resume_writer, train_writer
from seqgen.training.settings import WritingSettings, read_settings
from seqgen.training.trainer import Trainer
from seqgen.training.writing_data import make_task, prepare

QUIET = Report(quiet=True)


def made(folder, **training):
    """The settings and their prepared data."""
    settings = read_settings(None, prose_settings(folder, **training), WritingSettings)
    prepare(settings, folder / "data", QUIET)
    return settings


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prose")
    return folder, made(folder)


def task_of(prepared):
    return make_task(prepared[1], prepared[0] / "data", QUIET, World())


def test_windows_are_the_text_in_order_once_an_epoch(prepared):
    task = task_of(prepared)
    stream = task.stream.astype(np.int64)
    offsets = set()
    for epoch in range(4):
        windows = [task.load(rows, 0) for rows in task.batches(epoch)]
        assert [window.first for window in windows] == [True] + [False] * (len(windows) - 1)
        inputs = torch.cat([window.inputs for window in windows], 1).numpy()
        targets = torch.cat([window.targets for window in windows], 1).numpy()
        assert inputs.shape[0] == task.streams == 4
        offset = int(task.batches(epoch)[0][0])
        offsets.add(offset)
        read = inputs.reshape(-1)
        assert read.tolist() == stream[offset : offset + read.size].tolist()
        assert targets.reshape(-1).tolist() == stream[offset + 1 : offset + 1 + read.size].tolist()
        assert len(stream) - 1 - offset - read.size < task.streams
        again = task.batches(epoch)
        assert all((a == b).all() for a, b in zip(again, task.batches(epoch), strict=True))
    assert len(offsets) > 1


def test_the_state_is_carried_over_windows_and_dropped_at_an_epoch(prepared):
    """Without dropout, losses of carried windows are those of one long window."""
    task = task_of(prepared)
    task.model.eval()
    order = task.batches(0)[:3]
    windows = [task.load(rows, 0) for rows in order]
    parts = [task.loss(window).nats.item() for window in windows]
    decoder = task.bundle.model.decoder
    inputs, targets = (
        torch.cat([getattr(window, name) for window in windows], 1)
        for name in ("inputs", "targets")
    )
    logits = torch.log_softmax(decoder(None, inputs), -1)
    whole = -logits.gather(-1, targets[..., None]).squeeze(-1).detach()
    expected = [part.sum().item() for part in whole.split(30, 1)]
    assert parts == pytest.approx(expected, rel=1e-4)
    assert task.loss(windows[0]).nats.item() == pytest.approx(parts[0])


def test_shuffled_windows_are_each_read_once_an_epoch_from_a_fresh_state(prepared):
    settings = read_settings(
        None, {**prose_settings(prepared[0]), "data.carry": False}, WritingSettings
    )
    task = make_task(settings, prepared[0] / "data", QUIET, World())
    stream, orders = task.stream.astype(np.int64), []
    for epoch in range(2):
        batches = task.batches(epoch)
        starts = np.concatenate(batches)
        assert sorted(starts.tolist()) == list(range(starts.min(), len(stream) - 30, 30))
        assert starts.min() < 30 and {len(rows) for rows in batches[:-1]} == {4}
        orders.append(starts.tolist())
        for rows in (batches[0], batches[-1]):
            window = task.load(rows, 0)
            assert window.first and window.inputs.shape == window.targets.shape == (len(rows), 30)
            for row, start in enumerate(rows.tolist()):
                assert window.inputs[row].tolist() == stream[start : start + 30].tolist()
                assert window.targets[row].tolist() == stream[start + 1 : start + 31].tolist()
    assert orders[0] != sorted(orders[0]) and orders[0] != orders[1]
    task.model.eval()
    one, other = task.load(batches[0], 0), task.load(batches[1], 0)
    alone = task.loss(other).nats.item()
    task.loss(one)
    assert task.loss(other).nats.item() == pytest.approx(alone)


LESSON = {
    "data.carry": False,
    "training.optimizer": "sgd",
    "model.decoder": {"one_hot": True, "tied_output": False, "hidden_dim": 16, "layers": 1},
}


@pytest.mark.parametrize("changes", [{}, LESSON], ids=["carried", "shuffled"])
def test_interrupted_and_resumed_equals_unbroken_bit_for_bit(tmp_path, monkeypatch, changes):
    options = {"accumulate": 2, "save_every": 4, "average": 0.9, "max_epochs": 2}
    chosen = prose_settings(tmp_path, **options) | changes
    settings = read_settings(None, chosen, WritingSettings)
    train_writer(settings, tmp_path / "whole", QUIET)
    inner, stops = Trainer._update, {3, 6}

    def update(trainer, group, total):
        inner(trainer, group, total)
        if trainer.progress.step in stops:
            stops.discard(trainer.progress.step)
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Trainer, "_update", update)
    with pytest.raises(UserError, match=r"train write --out .* --resume"):
        train_writer(settings, tmp_path / "broken", QUIET)
    with pytest.raises(UserError, match="--resume"):
        resume_writer(tmp_path / "broken", QUIET)
    resume_writer(tmp_path / "broken", QUIET)
    assert not stops
    assert state(tmp_path / "whole") == state(tmp_path / "broken")
    carried = np.frombuffer(state(tmp_path / "whole")["buffer.cells"], np.float32)
    assert any(carried) and not stops


def test_what_never_occurs_has_no_probability_from_the_start_to_the_end(tiny_writer):
    found = tiny_writer.stepper.step(np.array([0]), tiny_writer.stepper.start([[]]))[0]
    assert found[0, [0, 2, 3]].exp().tolist() == [0.0, 0.0, 0.0]
    assert found.exp().sum().item() == pytest.approx(1.0, abs=1e-5)


def test_scores_are_of_the_whole_held_out_text(tiny_writer, tmp_path):
    best = tiny_writer.folder / "best"
    bits, perplexity = json.loads((best / "scores.json").read_text())
    held = Store.open(tiny_writer.folder / "data/valid")
    assert bits["count"] == held.info.settings["characters"] == perplexity["count"]
    assert perplexity["value"] == pytest.approx(2 ** bits["value"])  # a token is a character
    assert 0.2 < bits["value"] < 3.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"training.label_smoothing": 0.1}, "label_smoothing"),
        ({"training.reward": "bleu"}, "reward"),
        ({"training.batch_tokens": 10**6}, "too few"),
        ({"model.encoder": "seqgen.model.rnn:RNNEncoder"}, "no encoder"),
        ({"data.window": 0}, "window"),
        ({"data.valid_share": 1.0}, "valid_share"),
    ],
)
def test_settings_without_meaning_are_refused(prepared, change, message):
    folder = prepared[0]
    with pytest.raises(UserError, match=message):
        settings = read_settings(None, {**prose_settings(folder), **change}, WritingSettings)
        make_task(settings, folder / "data", QUIET, World())


def test_a_file_to_learn_from_must_be_named_and_hold_text(tmp_path):
    with pytest.raises(UserError, match="--train"):
        prepare(WritingSettings(), tmp_path, QUIET)
    (tmp_path / "one.txt").write_text("")
    settings = read_settings(None, {"data.train": str(tmp_path / "one.txt")}, WritingSettings)
    with pytest.raises(UserError, match="too short"):
        prepare(settings, tmp_path, QUIET)
