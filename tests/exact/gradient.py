"""The gradient of a translator's first batches in float64, by as many processes as there are."""

import sys
from pathlib import Path

import numpy as np
import torch

from seqgen.config import from_dict
from seqgen.files import read_json
from seqgen.training.distributed import World
from seqgen.training.report import Report
from seqgen.training.settings import Settings
from seqgen.training.translation import TranslationTask, make_task

ROUNDS = 3  # batches of each process


def prepared(folder: Path, world: World) -> TranslationTask:
    """The task on the data of a training, its model in float64."""
    settings = from_dict(Settings, read_json(folder / "settings.json"), folder)
    task = make_task(settings, folder / "data", Report(quiet=True), world)
    task.model.double().train()
    return task


def summed(task: TranslationTask, batches: list[np.ndarray]) -> int:
    """Add the gradients of ``batches`` to the parameters'; the tokens they are of."""
    count = 0
    for rows in batches:
        loss = task.loss(task.load(rows, 0))
        loss.total.backward()
        count += loss.count
    return count


def main(folder: Path, out: Path) -> None:
    """Add up the gradients of all processes; the first one writes them."""
    world = World()
    task = prepared(folder, world)
    count = summed(task, task.batches(0)[:ROUNDS])
    total = world.sum(torch.tensor(float(count), dtype=torch.float64))
    world.sum_gradients(list(task.model.parameters()))
    if world.rank == 0:
        gradients = {name: p.grad.numpy() for name, p in task.model.named_parameters()}
        np.savez(out, count=total.numpy(), **gradients)
    world.barrier()
    world.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
