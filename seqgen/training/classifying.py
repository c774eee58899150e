"""Training a classifier of texts or images: what the trainer asks of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from seqgen.bundle import write_bundle
from seqgen.classifier import Classifier
from seqgen.data.batches import epoch_batches
from seqgen.data.caption_batches import IMAGE_COST
from seqgen.data.caption_store import image_paths
from seqgen.data.store import Store
from seqgen.errors import UserError
from seqgen.inspection import outputs, probe_picture
from seqgen.labelled import ClassifierBundle, label_log_probs
from seqgen.model.cnn import CNNEncoder
from seqgen.model.inputs import text_batch
from seqgen.model.memory import ImageBatch, TextBatch
from seqgen.scoring.labels import label_scores
from seqgen.scoring.metrics import Metric
from seqgen.text import Tokenizer
from seqgen.training.captioning import Part as ImagePart
from seqgen.training.card import label_card
from seqgen.training.judge import make_judge
from seqgen.training.loss import output_loss
from seqgen.training.precision import train_flops
from seqgen.training.targets import token_rows
from seqgen.training.task import Loss, Validation
from seqgen.training.trainer import TrainingConfig

SELFTEST_INPUTS = 5
_VALIDATED = 64  # inputs read at a time


class Inputs(Protocol):
    """What is classified, row by row."""

    @property
    def costs(self) -> NDArray[Any]:
        """[N] tokens that a row is worth in a batch."""

    def batch(self, rows: NDArray[Any], alpha: float, seed: int | None) -> Any:
        """Some rows for the encoder, drawn anew by ``seed``, or as they are without one."""

    def shown(self, row: int) -> str:
        """A row for a person."""


class Texts:
    """Rows of text.

    Args:
        store: as ``prepare_texts`` wrote it.
        tokenizer: that it was written with.
    """

    def __init__(self, store: Store, tokenizer: Tokenizer) -> None:
        self.store, self.tokenizer = store, tokenizer
        self.costs = store.columns["source"].lengths + 1  # EOS

    def batch(self, rows: NDArray[Any], alpha: float, seed: int | None) -> TextBatch:
        """Some rows; with ``alpha`` and ``seed`` their subwords are sampled."""
        alpha = alpha if seed is not None else 0.0
        found = token_rows(self.store, "source", self.tokenizer, rows.tolist(), alpha, seed or 0)
        return text_batch(found)

    def shown(self, row: int) -> str:
        """The text."""
        return self.store.texts("source_text", [row])[0]


class Pictures:
    """Rows of images.

    Args:
        images: a store of labels as ``prepare_images`` wrote it, and features or pixels.
    """

    def __init__(self, images: ImagePart) -> None:
        self.images, self.names = images, image_paths(images.store)
        self.costs = np.full(len(self.names), IMAGE_COST)

    def batch(self, rows: NDArray[Any], alpha: float, seed: int | None) -> ImageBatch:
        """Some rows; by ``seed`` each is mirrored or not, where that was asked for."""
        flip = None
        if seed is not None and self.images.features.flip:
            flip = np.random.default_rng(seed).random(len(rows)) < 0.5
        return self.images.batch(rows, flip)

    def shown(self, row: int) -> str:
        """The name of the file."""
        return self.names[row].name


@dataclass(frozen=True)
class Part:
    """Inputs and the numbers [N] of their labels."""

    inputs: Inputs
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """R readings of B inputs, and their labels [R, B]."""

    inputs: Any
    labels: Tensor


class ClassifyingTask:
    """Inputs with labels, and validation by accuracy or by a measure of the user's own.

    Args:
        bundle: the model to train, and its tokenizer.
        train: what to learn from.
        valid: what to judge by.
        config: the table ``[training]``.
        rank: number of this process.
        world: number of processes.

    Raises:
        UserError: a reward or scheduled sampling is asked for.
    """

    def __init__(
        self,
        bundle: ClassifierBundle,
        train: Part,
        valid: Part,
        config: TrainingConfig,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        for name in ("reward", "scheduled_sampling"):
            if getattr(config, name):
                raise UserError(f"{name} is not for classifiers", "[training]", "leave it out")
        self.bundle, self.train, self.valid, self.config = bundle, train, valid, config
        self.rank, self.world = rank, world
        self.model = bundle.model
        encoder = bundle.model.encoder
        self.tuned: list[nn.Parameter] = (
            encoder.tuned_parameters if isinstance(encoder, CNNEncoder) else []
        )
        self.scores: list[Metric] = []  # of the last validation
        self.judge = make_judge(config)
        self.names = bundle.config.labels
        self.cost = train_flops(encoder) if bundle.source else 0.0

    def batches(self, epoch: int) -> list[NDArray[Any]]:
        """This process's batches of an epoch."""
        config, part = self.config, (self.rank, self.world)
        costs = self.train.inputs.costs[:, None]
        return epoch_batches(costs, config.batch_tokens, config.seed, epoch, *part)

    def load(self, rows: NDArray[Any], seed: int) -> Batch:
        """The inputs ``rows``, twice for R-Drop, which may cut a text in two ways."""
        readings = 2 if self.config.consistency else 1
        again = np.tile(rows, readings)
        inputs = self.train.inputs.batch(again, self.config.subword_sampling, seed)
        return Batch(inputs, torch.from_numpy(self.train.labels[again]).view(readings, -1))

    def loss(self, batch: Batch) -> Loss:
        """Smoothed cross-entropy of the labels."""
        head: Any = self.model.head
        memory = self.model.encode(batch.inputs)
        reads = head.read(memory)
        if torch.is_autocast_enabled("cpu"):
            reads = reads.to(torch.get_autocast_dtype("cpu"))
        total, nats = output_loss(
            reads.view(*batch.labels.shape, -1),
            head.output.weight,
            head.output.bias,
            batch.labels,
            self.config.label_smoothing,
            self.config.consistency,
        )
        flops = self.cost * int(memory.mask.sum()) + train_flops(head) * len(memory.mask)
        return Loss(total, nats, batch.labels.shape[1], flops)

    def validate(self) -> Validation:
        """Accuracy on the validation part, and one of its inputs with the label given to it."""
        self.model.eval()
        inputs, right = self.valid.inputs, self.valid.labels
        given = np.zeros(len(right), np.int64)
        order = np.argsort(inputs.costs, kind="stable")
        for begin in range(0, len(order), _VALIDATED):
            rows = order[begin : begin + _VALIDATED]
            given[rows] = label_log_probs(self.model, inputs.batch(rows, 0.0, None)).argmax(1)
        labels, references = ([self.names[i] for i in side] for side in (given, right))
        self.scores = label_scores(labels, references)
        best = self.scores[0]
        if self.judge is not None:
            best = self.judge(labels, [[reference] for reference in references])
            self.scores = [best, *self.scores]
        row = len(right) // 2
        sample = f"{inputs.shown(row)} -> {labels[row]}  ({references[row]})"
        return Validation(best.name, best.value, sample)

    def write_bundle(self, folder: Path, validation: Validation | None) -> None:
        """Write the model with its validation scores and a self-test."""
        self.model.eval()
        numbers = range(min(SELFTEST_INPUTS, len(self.valid.labels)))
        reads: list[Any] = [self.valid.inputs.shown(number) for number in numbers]
        use, kept = 'model.classify(["a text"])', reads
        if self.bundle.source is None:
            reads, kept = [probe_picture(number) for number in numbers], list(numbers)
            use = 'model.classify(["picture.jpg"])'
        found = outputs(Classifier(self.bundle), reads)
        selftest = [
            {"input": one, "output": label, "log_prob": log_prob}
            for one, (label, log_prob) in zip(kept, found, strict=True)
        ]
        scores = self.scores if validation is not None else []
        what = "texts" if self.bundle.source else "images"
        examples = f"{len(self.train.labels):,} {what} with {len(self.names)} labels"
        card = label_card("classifier", self.model, examples, scores, use)
        write_bundle(folder, self.bundle, scores, selftest, card)
