"""A training that is killed again and again ends with the bits of one that never was."""

from __future__ import annotations

import random
import shutil
import signal
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
from animals import animal_settings
from effort import COUNTS, pick
from pairs import settings as pair_settings
from prose import prose_settings
from squares import caption_settings
from tagged import tag_settings
from topics import topic_settings
from warm import Child, Warm

import seqgen
from seqgen.bundle import read_bundle
from seqgen.files import settle_folder

KILLS = pick(4, 8)  # of each task

ALL = {"accumulate": 2, "average": 0.9, "save_every": 4, "max_epochs": 2}
SAMPLING = {**ALL, "subword_sampling": 0.3}


class Training(NamedTuple):
    """A task, and a training with everything on that draws at random or sums.

    Attributes:
        command: of ``seqgen train``; none for the program in ``describing.py``.
        settings: makes the data, and settings of them and of ``options``.
        options: of the table ``[training]``.
        changes: other settings.
        processes: that train together.
    """

    command: str
    settings: Any
    options: dict[str, object]
    changes: Mapping[str, object] = MappingProxyType({})
    processes: int = 1

    @property
    def name(self) -> str:
        """For the report."""
        return f"{self.command or 'describe'}{self.processes if self.processes > 1 else ''}"


WILD = {**SAMPLING, "consistency": 1.0, "scheduled_sampling": 0.2}
TRAININGS = [
    Training("translate", pair_settings, WILD),
    Training(
        "caption",
        lambda folder, **options: caption_settings(folder, 24, **options),
        {**SAMPLING, "batch_tokens": 100},
        {"data.flip": True, "model.decoder.dropout": 0.2, "model.encoder_options.dropout": 0.1},
    ),
    Training("write", prose_settings, ALL),
    Training("tell", animal_settings, SAMPLING),
    Training("classify", topic_settings, SAMPLING),
    Training("tag", tag_settings, {**ALL, "consistency": 1.0}),
    Training("", None, {**ALL, "consistency": 1.0, "scheduled_sampling": 0.2}),
    Training("translate", pair_settings, WILD, processes=2),
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
PROGRAM = """
sys.path.insert(0, {path!r})
from collections.abc import Mapping
from pathlib import Path
from describing import train
train(Path({out!r}), {o!r})
"""
GRACE = 0.5  # seconds


def flat(changes: dict[str, Any]) -> dict[str, Any]:
    """Every setting by its dotted name."""
    found = {}
    for name, value in changes.items():
        if isinstance(value, dict):
            found |= {f"{name}.{key}": item for key, item in value.items()}
        else:
            found[name] = value
    return found


def arguments(training: Training, data: Path) -> list[str]:
    """The command of a training, or nothing where a program trains; writes its data."""
    if not training.command:
        return []
    changes = flat(training.settings(data, **training.options)) | dict(training.changes)
    shown = {
        name: str(v).lower() if isinstance(v, bool) else repr(v) for name, v in changes.items()
    }
    return ["train", training.command, *(f"--set={name}={value}" for name, value in shown.items())]


def start(warm: Warm, training: Training, command: list[str], out: Path, left: int) -> list[Child]:
    """Start training in ``out``, or going on there; the first process dies at step ``left``."""
    codes = [
        KILLER.format(left=0 if rank else left, out=str(out), told=str(out.parent / f"told{rank}"))
        for rank in range(training.processes)
    ]
    if not command:
        codes[0] += PROGRAM.format(
            path=str(Path(__file__).parent), out=str(out), o=training.options
        )
        return [warm.start(code=codes[0])]
    if training.processes > 1:  # as torchrun starts them
        with socket.socket() as free:
            free.bind(("localhost", 0))
            world = {"WORLD_SIZE": str(len(codes)), "MASTER_ADDR": "localhost"}
            world["MASTER_PORT"] = str(free.getsockname()[1])
        codes = [
            f"import os\nos.environ.update({world | {'RANK': str(rank)}!r})\n{code}"
            for rank, code in enumerate(codes)
        ]
    rest = ["--resume"] if (out / "settings.json").exists() else command[2:]
    return [warm.start(*command[:2], *rest, "--out", out, code=code) for code in codes]


def run(children: list[Child], seconds: float = 1e9, victim: int = 0) -> bool:
    """Wait for a training; kill one of its processes after so long. Whether it came to its end."""
    end, grace = time.monotonic() + seconds, 0.0
    while None in (codes := [child.poll() for child in children]):
        now = time.monotonic()
        if now > end:
            children[victim].send(signal.SIGKILL)
        if any(codes):  # one has died: torchrun asks the others to end, and then makes them
            grace = grace or now + GRACE
            for child in children:
                child.send(signal.SIGTERM if now < grace else signal.SIGKILL)
        time.sleep(0.002)
    killed = -signal.SIGKILL in codes
    assert killed or not any(codes), [child.errors for child in children]
    return not killed


def bits(out: Path) -> dict[str, bytes]:
    """All weights, moments and averages, and the best model."""
    names = ("last/training.safetensors", "last/weights.safetensors", "best/weights.safetensors")
    return {name: (out / name).read_bytes() for name in names}


def loads(training: Training, out: Path) -> None:
    """Whatever a kill has left of ``best/`` and ``last/`` are whole models."""
    load = seqgen.load if training.command else read_bundle
    settle_folder(out / "last")
    if (out / "last").exists():
        load(out / "last")
        load(out) if (out / "best").exists() else None


@pytest.mark.parametrize("training", TRAININGS, ids=lambda training: training.name)
def test_killed_at_random_moments_it_ends_with_the_same_bits(warm, tmp_path, training):
    if training.processes > 1 and sys.platform != "linux":
        pytest.skip("several processes are tested on Linux")
    chance, kills, number = random.Random(training.name), 0, 0
    command = arguments(training, tmp_path / "data")
    began = time.monotonic()
    assert run(start(warm, training, command, tmp_path / "whole", 0))
    duration = time.monotonic() - began
    steps = int((tmp_path / "told0").read_text())
    expected = bits(tmp_path / "whole")
    while kills < KILLS:
        number += 1
        out = tmp_path / str(number)
        while True:
            left, limit = 0, {}
            if kills < KILLS and kills % 2:
                limit = {"seconds": chance.uniform(0, duration)}
                limit["victim"] = chance.randrange(training.processes)
            elif kills < KILLS:
                left = chance.randint(1, steps)
            if run(start(warm, training, command, out, left), **limit):
                break
            kills += 1
            loads(training, out)
        assert bits(out) == expected
        COUNTS["trainings broken by kills with the bits of unbroken ones"] += 1
        shutil.rmtree(out)
    COUNTS["kills survived"] += kills
