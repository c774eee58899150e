"""Training a model that writes from single values: its data, and what the trainer asks of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from seqgen.bundle import Bundle, BundleConfig, begin_from, write_bundle
from seqgen.config import require_files
from seqgen.data.batches import epoch_batches
from seqgen.data.prepare import SIDES, PairFiles, prepare_pairs, read_pairs
from seqgen.data.store import Store
from seqgen.data.values import Values
from seqgen.errors import UserError
from seqgen.files import read_json, write_json
from seqgen.folders import tokenizer_files
from seqgen.model.build import build_seq2seq
from seqgen.model.inputs import value_batch
from seqgen.model.memory import ValueBatch
from seqgen.scoring.likelihood import perplexity
from seqgen.scoring.metrics import Metric
from seqgen.search.sample import Sample
from seqgen.teller import Teller
from seqgen.text import Tokenizer
from seqgen.training.card import model_card
from seqgen.training.distributed import World
from seqgen.training.judge import refuse_metric
from seqgen.training.precision import train_flops
from seqgen.training.report import Report
from seqgen.training.settings import TellingSettings
from seqgen.training.targets import Targets, make_targets, target_loss, token_rows
from seqgen.training.task import Loss, Validation, selftest
from seqgen.training.trainer import TrainingConfig

SELFTEST_VALUES = 5
_VALUES = "values.json"


@dataclass(frozen=True)
class Told:
    """A batch of values, a row a row of their texts."""

    values: ValueBatch
    targets: Targets


class TellingTask:
    """Values and texts from a store, and validation by the likelihood of other texts.

    What is right to say of a value is many things, so no single output is compared with one.

    Args:
        bundle: the model to train and its tokenizer.
        store: the training pairs.
        valid: others, to judge by.
        config: the table ``[training]``.
        rank: number of this process.
        world: number of processes.

    Raises:
        UserError: a reward is asked for.
    """

    def __init__(
        self,
        bundle: Bundle,
        store: Store,
        valid: Store,
        config: TrainingConfig,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        if config.reward:
            raise UserError("a reward is not for single values", "[training]", "leave it out")
        refuse_metric(config, "single values")
        self.bundle, self.store, self.config = bundle, store, config
        self.rank, self.world = rank, world
        self.model = bundle.model
        self.tuned: list[nn.Parameter] = []
        self.valid = [valid.texts(f"{side}_text", range(len(valid))) for side in SIDES]
        self.metric: Metric | None = None  # of the last validation
        self.teller = Teller(bundle)
        self.cost = train_flops(bundle.model.decoder)
        self.lengths = store.columns["target"].lengths[:, None] + 1  # EOS

    def batches(self, epoch: int) -> list[np.ndarray[Any, Any]]:
        """This process's batches of an epoch."""
        config, part = self.config, (self.rank, self.world)
        return epoch_batches(self.lengths, config.batch_tokens, config.seed, epoch, *part)

    def load(self, rows: np.ndarray[Any, Any], seed: int) -> Told:
        """The pairs ``rows``, with subwords sampled by ``seed`` if the settings say so."""
        readings = 2 if self.config.consistency else 1
        values = [int(self.store.columns["source"][row][0]) for row in rows]
        alpha, tokenizer = self.config.subword_sampling, self.bundle.target
        target = token_rows(self.store, "target", tokenizer, rows, alpha, seed)
        return Told(value_batch(values * readings), make_targets(target * readings, readings))

    def loss(self, batch: Told) -> Loss:
        """Cross-entropy of the texts."""
        model, targets = self.bundle.model, batch.targets
        memory = model.encode(batch.values)
        total, nats = target_loss(model, memory, targets, self.config.objective)
        return Loss(total, nats, targets.count, self.cost * targets.outputs.numel())

    def validate(self) -> Validation:
        """Minus the nats of a token of the validation texts, and a text drawn for one value."""
        self.model.eval()
        values, texts = self.valid
        rows = self.teller.score(values, texts)
        tokens, measured = sum(map(len, rows)), perplexity(rows)
        self.metric = Metric("perplexity", measured, f"over:{tokens} tokens", None, None, len(rows))
        value = values[len(values) // 2]
        (drawn,) = self.teller.tell([value], Sample(seed=self.config.seed))
        shown = f"perplexity {measured:.2f} | {value} -> {drawn}"
        return Validation("minus nats a token", -float(np.log(measured)), shown)

    def write_bundle(self, folder: Path, validation: Validation | None) -> None:
        """Write the model with its validation score and a self-test."""
        self.model.eval()
        values = self.teller.values.names[:SELFTEST_VALUES]
        replayed = selftest(values, self.teller.hypotheses(values))
        scores = [self.metric] if validation is not None and self.metric else []
        examples = f"{len(self.store):,} texts of {self.teller.values.size:,} values"
        use = f"model.tell([{values[0]!r}])"
        card = model_card("teller", self.model, examples, scores, use)
        write_bundle(folder, self.bundle, scores, replayed, card)


def prepare(settings: TellingSettings, folder: Path, report: Report) -> None:
    """Write the values, the tokenizer and stores of the training and validation pairs.

    Raises:
        UserError: bad input, or settings it cannot fulfil.
    """
    data = settings.data
    require_files(data, "train", "valid")
    train, valid = PairFiles(Path(data.train)), PairFiles(Path(data.valid))
    values = Values(sorted({value for value, _ in read_pairs(train)} - {""}))
    for number, (value, _) in enumerate(read_pairs(valid), start=1):
        if value:
            values.number(value, f"{valid.source}, line {number}")
    tokenizer = Tokenizer.train((text for _, text in read_pairs(train)), data.target)
    tokenizer.save(folder / tokenizer_files(False)[1])
    write_json(folder / _VALUES, list(values.names))
    limits = (data.max_length, data.drop_long)
    found = prepare_pairs(train, values, tokenizer, folder / "train", *limits)
    prepare_pairs(valid, values, tokenizer, folder / "valid", *limits)
    report.line(
        f"{found.pairs:,} training texts of {values.size:,} values, {tokenizer.size:,} tokens"
    )
    if found.dropped_long:
        report.line(f"dropped {found.dropped_long:,} texts over {data.max_length} tokens")


def make_task(settings: TellingSettings, folder: Path, report: Report, world: World) -> TellingTask:
    """The task on what ``prepare`` has written, with a model of fresh weights."""
    text, training = settings.data.target, settings.training
    target = Tokenizer.load(folder / tokenizer_files(False)[1], text.lowercase)
    values = Values(read_json(folder / _VALUES))
    model = build_seq2seq(settings.model, values.size, target.size, training.seed)
    if training.initial:
        begin_from(Path(training.initial), model, target)
    config = BundleConfig("tell", settings.model, settings.search, text, values=values.names)
    return TellingTask(
        Bundle(config, model, target),
        Store.open(folder / "train"),
        Store.open(folder / "valid"),
        training,
        world.rank,
        world.size,
    )
