"""Training a translator: its data, and what the trainer asks of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from seqgen.bundle import Bundle, BundleConfig, begin_from, write_bundle
from seqgen.config import require_files
from seqgen.data.batches import epoch_batches
from seqgen.data.prepare import PairFiles, prepare_pairs, train_tokenizers
from seqgen.data.prepare import Report as Prepared
from seqgen.data.store import Store
from seqgen.errors import UserError
from seqgen.folders import tokenizer_files
from seqgen.model.build import build_seq2seq
from seqgen.model.inputs import text_batch
from seqgen.model.memory import TextBatch
from seqgen.scoring.metrics import Metric, bleu, sentence_bleu
from seqgen.search.sample import Greedy
from seqgen.text import Tokenizer
from seqgen.training.card import model_card
from seqgen.training.critical import Critic
from seqgen.training.distributed import World
from seqgen.training.judge import make_judge
from seqgen.training.precision import train_flops
from seqgen.training.report import Report
from seqgen.training.settings import Settings
from seqgen.training.targets import Targets, make_targets, target_loss, token_rows
from seqgen.training.task import Loss, Validation, selftest
from seqgen.training.trainer import TrainingConfig
from seqgen.translator import Translator

SELFTEST_LINES = 5


@dataclass(frozen=True)
class Pairs:
    """A batch of sources, a row a row of its targets.

    Attributes:
        source: for the encoder.
        targets: None where the model is to write its own.
        rows: [B] of the store.
        seed: of all chance in the batch.
    """

    source: TextBatch
    targets: Targets | None
    rows: list[int]
    seed: int


class TranslationTask:
    """Pairs from a store, a model, and validation by greedy decoding and BLEU.

    Args:
        bundle: the model to train and its tokenizers.
        store: the training pairs.
        valid: sources and references.
        config: the table ``[training]``.
        rank: number of this process.
        world: number of processes.
    """

    def __init__(
        self,
        bundle: Bundle,
        store: Store,
        valid: tuple[list[str], list[str]],
        config: TrainingConfig,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.bundle, self.store, self.valid, self.config = bundle, store, valid, config
        self.rank, self.world = rank, world
        self.model = bundle.model
        self.tuned: list[nn.Parameter] = []
        self.judge = make_judge(config)
        self.scores: list[Metric] = []  # of the last validation
        self.translator = Translator(bundle)
        self.costs = tuple(
            train_flops(part) for part in (bundle.model.encoder, bundle.model.decoder)
        )
        columns = [store.columns["source"].lengths, store.columns["target"].lengths]
        self.lengths = np.stack(columns, 1) + 1  # both sides end with EOS
        self.critic = self._critic() if config.reward else None

    def batches(self, epoch: int) -> list[np.ndarray[Any, Any]]:
        """This process's batches of an epoch."""
        config, lengths = self.config, self.lengths
        if self.critic is not None:
            lengths = lengths * config.samples
        return epoch_batches(
            lengths, config.batch_tokens, config.seed, epoch, self.rank, self.world
        )

    def load(self, rows: np.ndarray[Any, Any], seed: int) -> Pairs:
        """The pairs ``rows``, with subwords sampled by ``seed`` if the settings say so.

        Two readings of a pair, for R-Drop, may cut its source in two ways, its target in one.
        """
        readings = 2 if self.config.consistency else 1
        numbers = rows.tolist()
        alpha, store = self.config.subword_sampling, self.store
        tokenizer = self.translator.source
        source = token_rows(store, "source", tokenizer, numbers * readings, alpha, seed)
        targets = None
        if self.critic is None:
            target = token_rows(store, "target", self.translator.target, numbers, alpha, seed)
            targets = make_targets(target * readings, readings)
        return Pairs(text_batch(source), targets, numbers, seed)

    def loss(self, batch: Pairs) -> Loss:
        """Smoothed cross-entropy of the targets, or minus the reward of the model's own."""
        encoding, decoding = self.costs
        real = batch.source.mask.sum(1)
        cost = encoding * int(real.sum())
        if self.critic is not None:
            limits = self.translator.limits(real.numpy() - 1)
            total, nats, count = self.critic.loss(batch.source, batch.rows, limits, batch.seed)
            return Loss(total, nats, count, cost + decoding * count)
        assert batch.targets is not None
        model, targets = self.bundle.model, batch.targets
        total, nats = target_loss(model, model.encode(batch.source), targets, self.config.objective)
        return Loss(total, nats, targets.count, cost + decoding * targets.outputs.numel())

    def _critic(self) -> Critic:
        if self.config.reward != "bleu":
            raise UserError(f"{self.config.reward} is no reward for translations", fix="use bleu")
        judge = sentence_bleu(self.bundle.config.target.lowercase)

        def reward(texts: list[str], rows: list[int]) -> np.ndarray[Any, np.dtype[np.float64]]:
            references = self.store.texts("target_text", rows)
            return np.array([judge(*pair) for pair in zip(texts, references, strict=True)])

        config, decode = self.config, self.bundle.target.decode
        return Critic(self.model, decode, reward, config.samples, config.temperature)

    def validate(self) -> Validation:
        """Greedy translations of the validation sources, by BLEU or by a metric of one's own."""
        sources, references = self.valid
        self.model.eval()
        outputs = self.translator.translate(sources, Greedy(), batch_size=128)
        lowercase = self.bundle.config.target.lowercase
        self.scores = [bleu(outputs, [references], lowercase=lowercase)]
        name = "bleu"
        if self.judge is not None:
            self.scores.append(self.judge(outputs, [[one] for one in references]))
            name = self.judge.name
        shown = len(sources) // 2
        sample = f"{sources[shown]} -> {outputs[shown]}"
        return Validation(name, self.scores[-1].value, sample)

    def write_bundle(self, folder: Path, validation: Validation | None) -> None:
        """Write the model with its validation score and a self-test."""
        self.model.eval()
        sources = self.valid[0][:SELFTEST_LINES]
        replayed = selftest(sources, self.translator.hypotheses(sources))
        scores = self.scores if validation is not None else []
        examples = f"{len(self.store):,} sentence pairs"
        use = 'model.translate(["a sentence"])'
        card = model_card("translator", self.model, examples, scores, use)
        write_bundle(folder, self.bundle, scores, replayed, card)


def prepare(settings: Settings, folder: Path, report: Report) -> None:
    """Write tokenizers and stores of the training and validation pairs.

    Raises:
        UserError: bad input, or settings it cannot fulfil.
    """
    data = settings.data
    require_files(data, "train_source", "valid_source")
    train = _files(data.train_source, data.train_target)
    valid = _files(data.valid_source, data.valid_target)
    source, target = train_tokenizers(train, data.source, data.target, data.joint)
    for name, tokenizer in zip(tokenizer_files(data.joint), (source, target), strict=True):
        tokenizer.save(folder / name)

    def pairs(files: PairFiles, part: str) -> Prepared:
        limits = (data.max_length, data.drop_long, data.drop_empty)
        return prepare_pairs(files, source, target, folder / part, *limits)

    found = pairs(train, "train")
    report.line(
        f"{found.pairs:,} training pairs, {source.size:,} source tokens, "
        f"{target.size:,} target tokens"
    )
    if found.dropped_empty:
        report.line(f"dropped {found.dropped_empty:,} pairs with an empty side")
    if found.dropped_long:
        report.line(f"dropped {found.dropped_long:,} pairs over {data.max_length} tokens")
    pairs(valid, "valid")


def make_task(settings: Settings, folder: Path, report: Report, world: World) -> TranslationTask:
    """The task on what ``prepare`` has written, with a model of fresh weights."""
    data = settings.data
    source_file, target_file = tokenizer_files(data.joint)
    target_text = data.source if data.joint else data.target
    source = Tokenizer.load(folder / source_file, data.source.lowercase)
    target = Tokenizer.load(folder / target_file, target_text.lowercase)
    model = build_seq2seq(settings.model, source.size, target.size, settings.training.seed)
    if settings.training.initial:
        begin_from(Path(settings.training.initial), model, target)
    config = BundleConfig(
        "translate", settings.model, settings.search, target_text, data.source, joint=data.joint
    )
    return TranslationTask(
        Bundle(config, model, target, source),
        Store.open(folder / "train"),
        _texts(Store.open(folder / "valid")),
        settings.training,
        world.rank,
        world.size,
    )


def _files(source: str, target: str) -> PairFiles:
    return PairFiles(Path(source), Path(target) if target else None)


def _texts(store: Store) -> tuple[list[str], list[str]]:
    rows = range(len(store))
    return store.texts("source_text", rows), store.texts("target_text", rows)
