"""How fast each task trains on the scenes: the real training, read off its own log."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqgen.bench.limits import PRODUCTS
from seqgen.bench.measure import Measure
from seqgen.corpora import running_text
from seqgen.files import read_lines
from seqgen.scenes import corpus
from seqgen.scenes.pictures import write_pictures
from seqgen.training.plans import CAPTION, TRANSLATE, WRITE, Plan
from seqgen.training.report import Report
from seqgen.training.run import train
from seqgen.training.settings import read_settings

_ALWAYS = {"training.max_epochs": 1000, "training.average": 0.0}  # time ends it


@dataclass(frozen=True)
class Workload:
    """A training to time.

    Attributes:
        name: of the task.
        plan: how it trains.
        write: writes its data below a folder, and returns the settings that name them.
    """

    name: str
    plan: Plan[Any]
    write: Callable[[Path], dict[str, Any]]


def _sentences(folder: Path) -> dict[str, Any]:
    corpus.write(folder)
    return {
        f"data.{part}_{side}": str(folder / f"{part}.{language}")
        for part in ("train", "valid")
        for side, language in (("source", "en"), ("target", "de"))
    }


def _pictures(folder: Path) -> dict[str, Any]:
    write_pictures(folder / "pictures")
    small = {"backbone": "small", "weights": "none", "tuned_stages": -1}
    return {
        "data.captions": str(folder / "pictures"),
        "data.flip": False,
        "model.encoder_options": small,
    }


def _stories(folder: Path) -> dict[str, Any]:
    return {"data.train": str(running_text("scenes", folder).train)}


WORKLOADS = (
    Workload("translate", TRANSLATE, _sentences),
    Workload("caption", CAPTION, _pictures),
    Workload("write", WRITE, _stories),
)


def measure_training(workload: Workload, folder: Path, seconds: float, precision: str) -> Measure:
    """Train for so many seconds below ``folder``, with the settings' own sizes.

    Args:
        workload: what.
        folder: gets the data and, in ``model``, the training.
        seconds: of training; rates are noted a tenth of it apart.
        precision: ``auto``, ``float32`` or ``bfloat16``.
    """
    changes = {
        **workload.write(folder),
        **_ALWAYS,
        "training.max_minutes": seconds / 60,
        "training.precision": precision,
    }
    settings = read_settings(None, changes, workload.plan.settings)
    train(workload.plan, settings, folder / "model", Report(quiet=True, every=seconds / 10))
    log = [json.loads(line) for line in read_lines(folder / "model" / "log.jsonl")]
    said = [line for line in log if "tokens_per_second" in line]
    said = said[1:] or said  # the first has the kernels' set-up in it
    return Measure(
        f"training, {workload.name}, {precision}",
        statistics.median(line["tokens_per_second"] for line in said),
        "tokens/s",
        statistics.median(line["peak_share"] for line in said),
        PRODUCTS,
    )
