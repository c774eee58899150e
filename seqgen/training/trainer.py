"""The training loop, once, for every task."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from seqgen.data.batches import Position
from seqgen.errors import NotFinite, Unwritable, UserError
from seqgen.files import settle_folder, writing_folder
from seqgen.search.sample import Sample
from seqgen.training.checkpoint import Progress, read_training, write_training
from seqgen.training.distributed import World
from seqgen.training.loader import prefetched
from seqgen.training.optim import (
    Kind,
    Schedule,
    WeightAverage,
    learning_rate,
    make_optimizer,
    scale_and_clip,
    set_rate,
)
from seqgen.training.precision import Precision, choose_precision
from seqgen.training.report import Report
from seqgen.training.targets import Objective
from seqgen.training.task import Task
from seqgen.training.trouble import diverged, interruptible, update_memory


@dataclass(frozen=True)
class TrainingConfig:
    """The table ``[training]``."""

    max_epochs: int = 20  # also the length of the cosine
    max_minutes: float = 0.0  # stop after so long, whatever the epoch; 0 = no limit
    batch_tokens: int = 2000  # padded tokens of the longer side in a batch, at most
    accumulate: int = 1  # batches an update
    optimizer: Kind = "adamw"  # or sgd, best with an average
    learning_rate: float = 2e-3  # the peak
    schedule: Schedule = "cosine"
    warmup: int = 300  # updates
    tuned_rate: float = 0.1  # share of the learning rate for pretrained stages that are tuned
    weight_decay: float = 0.01  # on matrices, decoupled
    clip_norm: float = 1.0  # of the mean gradient of a token
    label_smoothing: float = 0.1
    subword_sampling: float = 0.0  # alpha of Kudo 2018, smaller is wilder; 0 = off
    consistency: float = 0.0  # alpha of R-Drop (Wu et al. 2021): each batch is read twice; 0 = off
    scheduled_sampling: float = 0.0  # share of inputs the model's own guesses take (Bengio 2015)
    reward: Literal["", "bleu", "cider_d"] = ""  # of what the model draws, to train on (SCST)
    samples: int = 5  # drawn of each input, with a reward
    temperature: float = 1.0  # at which they are drawn; below 1 nearer to what a search finds
    metric: str = ""  # one of the user's own to choose the best model by; see seqgen.plugins
    metric_options: dict[str, Any] = field(default_factory=dict)
    initial: str = ""  # a model whose weights training begins with
    average: float = 0.999  # decay of the running average of weights; 0 = off
    patience: int = 0  # stop after so many validations without a better one; 0 = never
    save_every: int = 500  # updates
    seed: int = 1
    precision: Precision = "auto"  # auto measures this machine for half a second
    tensorboard: bool = False  # also write TensorBoard events

    def __post_init__(self) -> None:
        if self.samples < 2:
            raise UserError(f"samples must be at least 2, not {self.samples}")
        for name in ("max_epochs", "batch_tokens", "accumulate", "save_every"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.schedule == "clock" and not self.max_minutes > 0:
            raise UserError("schedule 'clock' needs max_minutes")
        if not self.learning_rate > 0:
            raise UserError(f"learning_rate must be above 0, not {self.learning_rate}")
        Sample(self.temperature, samples=self.samples)  # so a reward will draw: refused at once
        if not 0.0 <= self.consistency < math.inf:
            raise UserError(f"consistency must be 0 or more, not {self.consistency}")
        for name in ("label_smoothing", "scheduled_sampling", "average"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise UserError(f"{name} must be in [0, 1), not {getattr(self, name)}")

    @property
    def objective(self) -> Objective:
        """What is asked of the targets' probabilities."""
        return Objective(self.label_smoothing, self.consistency, self.scheduled_sampling)


class Trainer:
    """Trains a task's model; stopped anywhere and resumed, it ends with the same bits.

    Chance is a function of (seed, position): the order of an epoch, the subwords sampled and
    every dropout mask. So a checkpoint holds no generator's state.

    Args:
        task: the model and its data.
        config: the table ``[training]``.
        out: folder that gets ``best/`` and ``last/``, both bundles, and ``log.jsonl``.
        report: where progress is shown.
        world: the processes that train together.
        resume: go on from ``last/``.
    """

    def __init__(
        self,
        task: Task,
        config: TrainingConfig,
        out: Path,
        report: Report,
        world: World,
        resume: bool = False,
    ) -> None:
        self.task, self.config, self.out, self.report = task, config, out, report
        self.world = world
        self.parameters: list[Tensor] = [p for p in task.model.parameters() if p.requires_grad]
        self.optimizer = make_optimizer(
            task.model, config.weight_decay, task.tuned, config.tuned_rate, config.optimizer
        )
        self.average = WeightAverage(task.model, config.average)
        self.progress = Progress()
        self.interrupted = self.stopping = False
        if resume:
            settle_folder(out / "last")
            self.progress = read_training(out / "last", task.model, self.optimizer, self.average)
        self.dtype, self.peak, why = choose_precision(self.progress.precision or config.precision)
        self.progress.precision = str(self.dtype).removeprefix("torch.")
        report.line(f"precision {why}")

    def run(self) -> Progress:
        """Train until an epoch, time or patience limit, or until interrupted.

        Raises:
            NotFinite: the loss is NaN or infinite; ``best/`` and ``last/`` stay as they were.
        """
        config, progress = self.config, self.progress
        self.began = time.monotonic() - progress.seconds
        if 0 < config.max_minutes * 60 <= progress.seconds:
            return progress  # resumed after its time was up
        if self.world.rank == 0:
            self.report.begin(self.out / "log.jsonl", progress.step, config.tensorboard, self.peak)
        try:
            with interruptible(self._interrupt):
                while progress.position.epoch < config.max_epochs and not self.stopping:
                    self._epoch()
                    self.stopping |= 0 < config.patience <= progress.stale
        finally:
            self.report.close()
        self.interrupted &= self.stopping  # else it came when all was done
        return progress

    def _interrupt(self) -> None:
        """Stop after the update at hand, and save."""
        self.interrupted = True

    def _epoch(self) -> None:
        """Train from the position to the end of its epoch or to a stop; validate and save."""
        config, progress = self.config, self.progress
        epoch, first = progress.position.epoch, progress.position.batch
        order = self.task.batches(epoch)
        starts = range(first, len(order), config.accumulate)
        total = math.ceil(len(order) / config.accumulate) * config.max_epochs

        def make(index: int) -> list[tuple[int, Any]]:
            last = min(index + config.accumulate, len(order))
            seeds = [(i, self._seed(epoch, i)) for i in range(index, last)]
            return [(seed, self.task.load(order[i], seed)) for i, seed in seeds]

        with prefetched(make, starts) as groups:
            for group in groups:
                self._update(group, total)
                progress.position = Position(epoch, progress.position.batch + len(group))
                if self.stopping:
                    break
                if progress.step % config.save_every == 0:
                    self._save()
        asked = torch.tensor(float(self.interrupted))
        self.interrupted = self.world.sum(asked).item() > 0
        self.stopping |= self.interrupted
        if not self.interrupted:  # else a resumed run validates, so that none is left out
            self._validate(epoch + 1)
            if progress.position.batch == len(order):
                progress.position = Position(epoch + 1, 0)
        self._save()

    def _seed(self, epoch: int, batch: int) -> int:
        """One number for all chance in a batch of this process."""
        keys = [self.config.seed, epoch, batch, self.world.rank]
        return int(np.random.SeedSequence(keys).generate_state(1)[0]) >> 1

    def _update(self, group: list[tuple[int, Any]], total: int) -> None:
        """One step of the optimizer on the mean gradient of a token of ``group``."""
        config, progress = self.config, self.progress
        self.task.model.train()
        spent = (time.monotonic() - self.began) / (config.max_minutes * 60 or math.inf)
        late = spent >= 1 or self.interrupted
        sums = torch.tensor([0.0, 0.0, 0.0, late, spent], dtype=torch.float64)
        for seed, batch in group:
            torch.manual_seed(seed)
            autocast = torch.autocast("cpu", torch.bfloat16, self.dtype == torch.bfloat16)
            with update_memory(config.batch_tokens, config.accumulate):
                with autocast:
                    loss = self.task.loss(batch)
                loss.total.backward()  # type: ignore[no-untyped-call]
            sums[0] += loss.nats.detach()
            sums[1] += loss.count
            sums[2] += loss.flops
        nats, count, flops, votes, spent = self.world.sum(sums).tolist()
        if not math.isfinite(nats):
            raise diverged("loss", progress.step)
        self.stopping |= votes > 0
        self.world.sum_gradients(self.parameters)
        norm = scale_and_clip(self.parameters, 1.0 / count, config.clip_norm)
        rate = learning_rate(
            progress.step,
            config.learning_rate,
            config.schedule,
            config.warmup,
            total,
            progress.drops,
            spent / self.world.size,
        )
        set_rate(self.optimizer, rate)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.average.update()
        progress.step += 1
        progress.averaged = self.average.updates
        progress.seconds = time.monotonic() - self.began
        if self.world.rank == 0:
            epoch = progress.position.epoch
            self.report.update(
                progress.step, total, epoch, nats, int(count), flops, rate, norm.item()
            )

    @contextmanager
    def _averaged(self) -> Iterator[None]:
        """The model with averaged weights, for decoding; nothing good is replaced by a broken one.

        Raises:
            NotFinite: the weights, or what they compute, is no longer a number.
        """
        if not all(bool(p.isfinite().all()) for p in self.parameters):
            raise diverged("weights", self.progress.step)
        try:
            with self.average.applied():
                yield
        except NotFinite as error:
            raise diverged("output", self.progress.step) from error

    def _validate(self, epoch: int) -> None:
        """Judge the averaged weights; keep them in ``best/`` if none were better."""
        progress = self.progress
        value = torch.zeros(1, dtype=torch.float64)
        if self.world.rank == 0:
            with self._averaged():
                found = self.task.validate()
                if found.value > progress.best:
                    with writing_folder(self.out / "best") as folder:
                        self.task.write_bundle(folder, found)
            value += found.value
            minutes = (time.monotonic() - self.began) / 60
            better = found.value > progress.best
            self.report.validation(progress.step, epoch, minutes, found, better)
        judged = self.world.sum(value).item()
        if judged > progress.best:
            progress.best, progress.stale = judged, 0
        else:
            progress.stale += 1
            progress.drops += 1
        progress.seconds = time.monotonic() - self.began

    def _save(self) -> None:
        """Write the checkpoint; its bundle has the averaged weights.

        Where that fails before the end, training goes on: the next one may find room.
        """
        if self.world.rank > 0:
            return
        try:
            with writing_folder(self.out / "last") as folder:
                with self._averaged():
                    self.task.write_bundle(folder, None)
                write_training(folder, self.task.model, self.optimizer, self.average, self.progress)
        except Unwritable as error:
            if self.stopping or self.progress.position.epoch >= self.config.max_epochs:
                raise
            self.report.line(f"{error}; training goes on and will save again")
