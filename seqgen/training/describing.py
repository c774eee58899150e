"""Training on inputs that a program hands over: what the trainer asks of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from torch import nn

from seqgen.bundle import Bundle, BundleConfig, read_bundle, write_bundle
from seqgen.conformance.batches import fingerprint
from seqgen.data.batches import epoch_batches
from seqgen.describer import Describer
from seqgen.errors import UserError
from seqgen.files import read_json, write_json
from seqgen.folders import tokenizer_files
from seqgen.model.build import build_seq2seq
from seqgen.scoring.metrics import Metric, bleu
from seqgen.search.sample import Greedy
from seqgen.text import TextConfig, Tokenizer
from seqgen.training.card import model_card
from seqgen.training.describing_settings import DescribingSettings
from seqgen.training.distributed import World
from seqgen.training.judge import refuse_metric
from seqgen.training.plans import Plan
from seqgen.training.precision import train_flops
from seqgen.training.report import Report
from seqgen.training.run import SETTINGS, resume, train
from seqgen.training.targets import Targets, make_targets, target_loss
from seqgen.training.task import Loss, Validation
from seqgen.training.trainer import TrainingConfig

_SUMS = "examples.json"

Item = TypeVar("Item")


@dataclass(frozen=True)
class Examples(Generic[Item]):
    """Inputs, each with its text.

    Attributes:
        inputs: [N], anything.
        texts: [N].

    Raises:
        UserError: there are not as many texts as inputs, or none.
    """

    inputs: Sequence[Item]
    texts: Sequence[str]

    def __post_init__(self) -> None:
        if len(self.inputs) != len(self.texts) or not self.texts:
            raise UserError(f"there are {len(self.inputs)} inputs and {len(self.texts)} texts")

    def sums(self, make_batch: Callable[[list[Item]], Any]) -> dict[str, str]:
        """SHA-256 of the inputs, each as ``make_batch`` makes a batch of it, and of the texts."""
        inputs = hashlib.sha256()
        for one in self.inputs:
            inputs.update(fingerprint(make_batch([one])))
        texts = hashlib.sha256(json.dumps(list(self.texts)).encode())
        return {"inputs": inputs.hexdigest(), "texts": texts.hexdigest()}


class DescribingTask(Generic[Item]):
    """Inputs and texts in memory, and validation by greedy decoding and BLEU.

    Args:
        describer: the model to train, and how inputs become batches.
        train: what to learn.
        valid: what to judge by.
        max_length: tokens of a text, at most.
        config: the table ``[training]``.
        world: the processes that train together.

    Raises:
        UserError: a text is too long or has no tokens, or the settings ask for what is not for
            any inputs.
    """

    def __init__(
        self,
        describer: Describer[Item],
        train: Examples[Item],
        valid: Examples[Item],
        max_length: int,
        config: TrainingConfig,
        world: World,
    ) -> None:
        for name in ("reward", "subword_sampling"):
            if getattr(config, name):
                raise UserError(f"{name} is not for inputs of a program", "[training]", "leave it")
        refuse_metric(config, "inputs of a program")
        self.describer, self.train, self.valid, self.config = describer, train, valid, config
        assert isinstance(describer.bundle, Bundle)  # no export, which is not to be trained
        self.world, self.bundle = world, describer.bundle
        self.model = self.bundle.model
        self.tuned: list[nn.Parameter] = []
        self.metric: Metric | None = None  # of the last validation
        self.targets = self.bundle.target.encode(list(train.texts))
        for text, tokens in zip(train.texts, self.targets, strict=True):
            if not 0 < len(tokens) <= max_length:
                what = f"the text {text!r} has {len(tokens)} tokens"
                raise UserError(what, fix=f"give 1 to max_length, {max_length}")
        sizes = [describer.size(one) for one in train.inputs]
        self.lengths = np.array([sizes, [len(tokens) + 1 for tokens in self.targets]]).T
        self.cost = train_flops(self.model.decoder)

    def batches(self, epoch: int) -> list[np.ndarray[Any, Any]]:
        """This process's batches of an epoch."""
        config, part = self.config, (self.world.rank, self.world.size)
        return epoch_batches(self.lengths, config.batch_tokens, config.seed, epoch, *part)

    def load(self, rows: np.ndarray[Any, Any], seed: int) -> tuple[Any, Targets]:
        """The inputs ``rows`` as the encoder takes them, and their texts."""
        readings = 2 if self.config.consistency else 1
        numbers = rows.tolist() * readings
        inputs = self.describer.make_batch([self.train.inputs[row] for row in numbers])
        return inputs, make_targets([self.targets[row] for row in numbers], readings)

    def loss(self, batch: tuple[Any, Targets]) -> Loss:
        """Smoothed cross-entropy of the texts."""
        inputs, targets = batch
        memory = self.model.encode(inputs)
        total, nats = target_loss(self.model, memory, targets, self.config.objective)
        return Loss(total, nats, targets.count, self.cost * targets.outputs.numel())

    def validate(self) -> Validation:
        """BLEU of greedy outputs."""
        self.model.eval()
        outputs = self.describer.describe(self.valid.inputs, Greedy(), batch_size=128)
        lowercase = self.bundle.config.target.lowercase
        self.metric = bleu(outputs, [list(self.valid.texts)], lowercase=lowercase)
        shown = len(outputs) // 2
        sample = f"{outputs[shown]}  ({self.valid.texts[shown]})"
        return Validation("bleu", self.metric.value, sample)

    def write_bundle(self, folder: Path, validation: Validation | None) -> None:
        """Write the model with its validation score; inputs of a program make no self-test."""
        self.model.eval()
        scores = [self.metric] if validation is not None and self.metric else []
        examples = f"{len(self.train.texts):,} texts"
        card = model_card("describer", self.model, examples, scores, "model.describe(inputs)")
        use = "model = Describer(read_bundle(Path('this folder')), make_batch)"
        card = card.replace('model = seqgen.load("this folder")', use)
        write_bundle(folder, self.bundle, scores, [], card)


def _sums(
    train: Examples[Item], valid: Examples[Item], make_batch: Callable[[list[Item]], Any]
) -> dict[str, str]:
    parts = {"training": train.sums(make_batch), "validation": valid.sums(make_batch)}
    return {f"{part} {of}": s for part, both in parts.items() for of, s in both.items()}


def train_describer(
    settings: DescribingSettings,
    out: str | Path,
    train_on: Examples[Item],
    valid: Examples[Item],
    make_batch: Callable[[list[Item]], Any],
    size: Callable[[Item], int] = lambda _: 1,
    source: Tokenizer | None = None,
    report: Report | None = None,
) -> Describer[Item]:
    """Train on ``train_on``, or go on where a training in ``out`` was stopped.

    Args:
        settings: all else; of a training that goes on, those in ``out`` count.
        out: folder of the training.
        train_on: what to learn.
        valid: what to judge by.
        make_batch: inputs as the encoder takes them; a function of the inputs alone.
        size: positions of an input; a batch costs its rows times its longest side.
        source: of text that is part of an input; kept with the model, and its size handed to an
            encoder that asks for ``vocab_size``.
        report: where progress is shown; standard error if not given.

    Returns:
        The best model.

    Raises:
        UserError: bad examples or settings; or the training in ``out`` had other examples.
    """
    folder, sums = Path(out), _sums(train_on, valid, make_batch)

    def prepare(settings: DescribingSettings, data: Path, report: Report) -> None:
        tokenizer = Tokenizer.train(train_on.texts, settings.data.target)
        tokenizer.save(data / tokenizer_files(False)[1])
        write_json(data / _SUMS, sums)
        report.line(f"{len(train_on.texts):,} training texts, {tokenizer.size:,} tokens")

    def make_task(
        settings: DescribingSettings, data: Path, report: Report, world: World
    ) -> DescribingTask[Item]:
        held = read_json(data / _SUMS)
        if others := ", ".join(name for name, found in sums.items() if held.get(name) != found):
            raise UserError(f"is of a training on other {others}", folder, "choose another folder")
        text = settings.data.target
        target = Tokenizer.load(data / tokenizer_files(False)[1], text.lowercase)
        read = source.size if source else 0
        model = build_seq2seq(settings.model, read, target.size, settings.training.seed)
        kind = TextConfig(lowercase=source.lowercase) if source else None
        config = BundleConfig("describe", settings.model, settings.search, text, kind)
        describer = Describer(Bundle(config, model, target, source), make_batch, size)
        limit = settings.data.max_length
        return DescribingTask(describer, train_on, valid, limit, settings.training, world)

    plan = Plan("", DescribingSettings, prepare, make_task)
    if (folder / SETTINGS).exists():
        resume(plan, folder, report)
    else:
        train(plan, settings, folder, report)
    return Describer(read_bundle(folder), make_batch, size)
