"""A training that is killed again and again ends with the bits of one that never was."""

from __future__ import annotations

import random
import shutil
import signal
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from animals import animal_settings
from effort import COUNTS, pick
from pairs import settings as pair_settings
from prose import prose_settings
from squares import caption_settings
from topics import topic_settings
from warm import Child, Warm

import seqgen
from seqgen.files import settle_folder

KILLS = pick(4, 8)  # of each task

ALL = {"accumulate": 2, "average": 0.9, "save_every": 4, "max_epochs": 2}
SAMPLING = {**ALL, "subword_sampling": 0.3}


class Training(NamedTuple):
    """A task, and the settings of a training with everything on that draws at random or sums."""

    command: str
    settings: Any
    options: dict[str, object]
    changes: dict[str, object]


TRAININGS = [
    Training(
        "translate", pair_settings, {**SAMPLING, "consistency": 1.0, "scheduled_sampling": 0.2}, {}
    ),
    Training(
        "caption",
        lambda folder, **options: caption_settings(folder, 24, **options),
        {**SAMPLING, "batch_tokens": 100},
        {"data.flip": True, "model.decoder.dropout": 0.2, "model.encoder_options.dropout": 0.1},
    ),
    Training("write", prose_settings, ALL, {}),
    Training("tell", animal_settings, SAMPLING, {}),
    Training("classify", topic_settings, SAMPLING, {}),
]

# Dies before the given step of all on files of a folder; so does a kill while something is saved.
KILLER = """
import os, signal, sys
left, seen, told = {left}, 0, os.open({told!r}, os.O_WRONLY | os.O_CREAT)
def count(event, arguments):
    global seen
    if event in ("open", "os.rename", "os.remove", "fsync") and {out!r} in str(arguments):
        seen += 1
        os.pwrite(told, str(seen).encode(), 0)
        if seen == left:
            os.kill(os.getpid(), signal.SIGKILL)
fsync = os.fsync
os.fsync = lambda file: (fsync(file), sys.audit("fsync", {out!r}))[0]
sys.addaudithook(count)
"""


def flat(changes: dict[str, Any]) -> dict[str, Any]:
    """Every setting by its dotted name."""
    found = {}
    for name, value in changes.items():
        if isinstance(value, dict):
            found |= {f"{name}.{key}": item for key, item in value.items()}
        else:
            found[name] = value
    return found


def options(training: Training, data: Path) -> list[str]:
    """The settings of a training as options of its command; writes its data."""
    changes = flat(training.settings(data, **training.options)) | training.changes
    shown = {
        name: str(v).lower() if isinstance(v, bool) else repr(v) for name, v in changes.items()
    }
    return [f"--set={name}={value}" for name, value in shown.items()]


def run(warm: Warm, command: list[str], out: Path, left: int = 0, seconds: float = 1e9) -> Child:
    """Train, or go on, until the end, the file step ``left``, or so many seconds have passed."""
    code = KILLER.format(left=left, out=str(out), told=str(out.parent / "told"))
    rest = ["--resume"] if (out / "settings.json").exists() else command[2:]
    child = warm.start(*command[:2], *rest, "--out", out, code=code)
    end = time.monotonic() + seconds
    while child.poll() is None:
        if time.monotonic() > end:
            child.send(signal.SIGKILL)
        time.sleep(0.002)
    assert child.code in (0, -signal.SIGKILL), child.errors
    return child


def bits(out: Path) -> dict[str, bytes]:
    """All weights, moments and averages, and the best model."""
    names = ("last/training.safetensors", "last/weights.safetensors", "best/weights.safetensors")
    return {name: (out / name).read_bytes() for name in names}


def loads(out: Path) -> None:
    """Whatever a kill has left of ``best/`` and ``last/`` are whole models."""
    settle_folder(out / "last")
    if (out / "last").exists():
        seqgen.load(out / "last")
        seqgen.load(out) if (out / "best").exists() else None


@pytest.mark.parametrize("training", TRAININGS, ids=lambda training: training.command)
def test_killed_at_random_moments_it_ends_with_the_same_bits(warm, tmp_path, training):
    chance, kills, number = random.Random(training.command), 0, 0
    command = ["train", training.command, *options(training, tmp_path / "data")]
    began = time.monotonic()
    run(warm, command, tmp_path / "whole")
    duration = time.monotonic() - began
    steps = int((tmp_path / "told").read_text())
    expected = bits(tmp_path / "whole")
    while kills < KILLS:
        number += 1
        out = tmp_path / str(number)
        while True:
            limit = {}
            if kills < KILLS:
                timed = {"seconds": chance.uniform(0, duration)}
                limit = timed if kills % 2 else {"left": chance.randint(1, steps)}
            if run(warm, command, out, **limit).code == 0:
                break
            kills += 1
            loads(out)
        assert bits(out) == expected
        COUNTS["trainings broken by kills with the bits of unbroken ones"] += 1
        shutil.rmtree(out)
    COUNTS["kills survived"] += kills
