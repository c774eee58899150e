import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pairs import settings
from safetensors.numpy import load_file

from seqgen.errors import NotFinite, UserError
from seqgen.training.report import Report
from seqgen.training.run import resume_translator, train_translator
from seqgen.training.settings import read_settings
from seqgen.training.trainer import Trainer, TrainingConfig

WILD = {
    "subword_sampling": 0.3,
    "consistency": 1.0,
    "scheduled_sampling": 0.2,
    "accumulate": 3,
    "save_every": 4,
    "label_smoothing": 0.1,
}


def train(folder: Path, out: Path, **training: object):
    return train_translator(
        read_settings(None, settings(folder, **training)), out, Report(quiet=True)
    )


def state(out: Path):
    return {
        name: value.tobytes()
        for name, value in load_file(out / "last/training.safetensors").items()
    }


class StopAt:
    """Stops a training after an update, as Ctrl-C would."""

    def __init__(self, monkeypatch, *steps: int) -> None:
        self.steps = set(steps)
        inner = Trainer._update

        def update(trainer, group, total):
            inner(trainer, group, total)
            if trainer.progress.step in self.steps:
                self.steps.discard(trainer.progress.step)
                os.kill(os.getpid(), signal.SIGINT)
                inner_step = trainer.progress.step
                assert trainer.interrupted and inner_step

        monkeypatch.setattr(Trainer, "_update", update)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_interrupted_and_resumed_equals_unbroken_bit_for_bit(tmp_path, monkeypatch, precision):
    options = {**WILD, "precision": precision}
    train(tmp_path / "data", tmp_path / "whole", **options)
    StopAt(monkeypatch, 1, 6, 9)
    with pytest.raises(UserError, match="--resume"):
        train(tmp_path / "data", tmp_path / "broken", **options)
    for _ in range(2):
        with pytest.raises(UserError, match="--resume"):
            resume_translator(tmp_path / "broken", Report(quiet=True))
    resume_translator(tmp_path / "broken", Report(quiet=True))
    assert state(tmp_path / "whole") == state(tmp_path / "broken")
    best = [(tmp_path / n / "best/weights.safetensors").read_bytes() for n in ("whole", "broken")]
    assert best[0] == best[1]


def test_killed_and_resumed_in_a_new_process_equals_unbroken(tmp_path):
    """SIGKILL leaves only what was saved; the rest is trained again, to the same bits."""
    train(tmp_path / "data", tmp_path / "whole", **WILD)
    program = (
        "import os, signal, sys; sys.path.insert(0, sys.argv[2])\n"
        "from pathlib import Path\nfrom pairs import settings\n"
        "from seqgen.training import run, settings as s, trainer, report\n"
        "inner = trainer.Trainer._update\n"
        "def update(self, group, total):\n"
        "    inner(self, group, total)\n"
        "    if self.progress.step == 7: os.kill(os.getpid(), signal.SIGKILL)\n"
        "trainer.Trainer._update = update\n"
        "folder = Path(sys.argv[1])\n"
        f"run.train_translator(s.read_settings(None, settings(folder / 'data', **{WILD!r})),\n"
        "    folder / 'broken', report.Report(quiet=True))\n"
    )
    here = str(Path(__file__).parent)
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path), here], check=False)
    assert done.returncode == -signal.SIGKILL
    resume_translator(tmp_path / "broken", Report(quiet=True))
    assert state(tmp_path / "whole") == state(tmp_path / "broken")


def test_learns_a_language_pair(tmp_path):
    model = train(tmp_path / "data", tmp_path / "out", max_epochs=14)
    assert model.translate(["a big red dog", "cat sees dog", ""]) == [
        "hund rot groß ein",
        "hund sieht katze",
        "",
    ]


@pytest.mark.parametrize("rate", [1e18, 1e30, 1e38])
def test_a_loss_that_is_no_number_keeps_the_last_good_checkpoint(tmp_path, rate):
    options = {"learning_rate": rate, "warmup": 0, "save_every": 1, "average": 0.0}
    with pytest.raises(NotFinite, match="lower learning_rate"):
        train(tmp_path / "data", tmp_path / "out", **options)
    for path in (tmp_path / "out").glob("*/weights.safetensors"):
        assert all(np.isfinite(value).all() for value in load_file(path).values())


def test_patience_stops_and_the_log_tells_every_validation(tmp_path):
    train(tmp_path / "data", tmp_path / "out", max_epochs=9, patience=1, learning_rate=1e-9)
    lines = [json.loads(line) for line in (tmp_path / "out/log.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines if "epoch" in line] == [1, 2]


def test_max_minutes_stops_with_a_model(tmp_path):
    model = train(tmp_path / "data", tmp_path / "out", max_epochs=500, max_minutes=0.03)
    assert len(model.translate(["a dog"])) == 1


def test_a_folder_that_holds_a_training_is_not_overwritten(tmp_path):
    train(tmp_path / "data", tmp_path / "out", max_epochs=1)
    with pytest.raises(UserError, match="already holds a training"):
        train(tmp_path / "data", tmp_path / "out", max_epochs=1)
    with pytest.raises(UserError, match="holds no training"):
        resume_translator(tmp_path / "nothing", Report(quiet=True))


@pytest.mark.parametrize(
    "values",
    [
        {"max_epochs": 0},
        {"learning_rate": 0.0},
        {"label_smoothing": 1.0},
        {"schedule": "clock"},
        {"samples": 1},
        {"temperature": 0.0},
        {"temperature": 1e4},
    ],
)
def test_impossible_settings_are_refused(values):
    with pytest.raises(UserError, match=next(iter(values))):
        TrainingConfig(**values)


def test_a_reward_goes_on_from_a_trained_model_and_resumes_exactly(
    tiny_bundle, tmp_path, monkeypatch
):
    options = {
        "reward": "bleu", "samples": 3, "max_epochs": 1, "learning_rate": 1e-3,
        "initial": str(tiny_bundle), "average": 0.0, "save_every": 3,
    }  # fmt: skip
    train(tmp_path / "data", tmp_path / "whole", **options)
    StopAt(monkeypatch, 2)
    with pytest.raises(UserError, match="--resume"):
        train(tmp_path / "data", tmp_path / "broken", **options)
    resume_translator(tmp_path / "broken", Report(quiet=True))
    assert state(tmp_path / "whole") == state(tmp_path / "broken")
    before, after = (
        json.loads((folder / "best/scores.json").read_text())[0]["value"]
        for folder in (tiny_bundle, tmp_path / "whole")
    )
    assert after > before - 5


def test_a_model_of_another_vocabulary_is_no_beginning(tiny_bundle, tmp_path):
    changes = settings(tmp_path / "data", initial=str(tiny_bundle))
    changes["data.source.kind"] = "char"
    with pytest.raises(UserError, match="another vocabulary"):
        train_translator(read_settings(None, changes), tmp_path / "out", Report(quiet=True))
