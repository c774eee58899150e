"""Training a tagger: its data, and what the trainer asks of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from seqgen.bundle import write_bundle
from seqgen.config import require_files
from seqgen.data.batches import epoch_batches
from seqgen.data.store import Store
from seqgen.data.tag_store import TagFile, TagReport, prepare_tags, word_row
from seqgen.data.values import Values
from seqgen.data.words import Lexicon
from seqgen.errors import UserError
from seqgen.files import read_json, write_json
from seqgen.labelled import TaggerBundle, TaggerConfig, begin_tagger_from
from seqgen.loaded import CHARACTERS, WORDS, read_lexicon
from seqgen.model.heads import build_tagger
from seqgen.model.inputs import word_batch
from seqgen.model.memory import WordBatch
from seqgen.scoring.metrics import Metric
from seqgen.scoring.tags import accuracy, mark_spans, span_scores
from seqgen.tagger import Tagger
from seqgen.training.card import tagger_card
from seqgen.training.distributed import World
from seqgen.training.loss import output_loss
from seqgen.training.precision import train_flops
from seqgen.training.report import Report
from seqgen.training.settings import TaggingSettings
from seqgen.training.task import Loss, Validation
from seqgen.training.trainer import TrainingConfig

SELFTEST_SENTENCES = 5
_TAGS = "tags.json"


@dataclass(frozen=True)
class TaggedWords:
    """A batch of sentences, and the tags [R, M] of all its M words, R times over."""

    sentences: WordBatch
    tags: Tensor


class TaggingTask:
    """Tagged sentences from a store, and validation by the words tagged right.

    Args:
        bundle: the model to train and its lexicon.
        store: the training sentences.
        valid: others, to judge by.
        config: the table ``[training]``.
        rank: number of this process.
        world: number of processes.

    Raises:
        UserError: an option is on that means nothing for tags.
    """

    def __init__(
        self,
        bundle: TaggerBundle,
        store: Store,
        valid: Store,
        config: TrainingConfig,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        for name in ("reward", "metric", "scheduled_sampling", "subword_sampling"):
            if getattr(config, name):
                raise UserError(f"{name} is not for tags", "[training]", "leave it out")
        self.bundle, self.store, self.config = bundle, store, config
        self.rank, self.world = rank, world
        self.model = bundle.model
        self.tuned: list[nn.Parameter] = []
        rows = range(len(valid))
        self.words = [text.split("\t") for text in valid.texts("words", rows)]
        self.tags = [text.split("\t") for text in valid.texts("named", rows)]
        self.metrics: list[Metric] = []  # of the last validation
        self.tagger = Tagger(bundle)
        spelling = getattr(bundle.model.encoder, "spelling", None)
        self.letter_cost = train_flops(spelling) if spelling else 0.0
        self.word_cost = train_flops(bundle.model) - self.letter_cost
        self.lengths = store.columns["tokens"].lengths[:, None]

    def batches(self, epoch: int) -> list[np.ndarray[Any, Any]]:
        """This process's batches of an epoch."""
        config, part = self.config, (self.rank, self.world)
        return epoch_batches(self.lengths, config.batch_tokens, config.seed, epoch, *part)

    def load(self, rows: np.ndarray[Any, Any], seed: int) -> TaggedWords:
        """The sentences ``rows``; twice for R-Drop."""
        readings = 2 if self.config.consistency else 1
        words = [word_row(self.store, row) for row in rows]
        tags = np.concatenate([self.store.columns["tags"][row] for row in rows]).astype(np.int64)
        return TaggedWords(
            word_batch(words * readings), torch.from_numpy(tags).expand(readings, -1)
        )

    def loss(self, batch: TaggedWords) -> Loss:
        """Cross-entropy of the tags."""
        config, sentences = self.config, batch.sentences
        memory = self.model.encode(sentences)
        output: Any = self.model.head.output
        hidden = memory.states[memory.mask].view(*batch.tags.shape, -1)
        total, nats = output_loss(
            hidden,
            output.weight,
            output.bias,
            batch.tags.contiguous(),
            config.label_smoothing,
            config.consistency,
        )
        letters = int(sentences.spellings.mask.sum())
        flops = self.word_cost * batch.tags.numel() + self.letter_cost * letters
        return Loss(total, nats, batch.tags.shape[1], flops)

    def validate(self) -> Validation:
        """Share of the words tagged right, and a sentence to look at."""
        self.model.eval()
        found = self.tagger.tag(self.words, batch_size=128)
        self.metrics = [accuracy(found, self.tags)]
        if mark_spans(self.tags):
            self.metrics += span_scores(found, self.tags)
        shown = len(found) // 2
        pairs = zip(self.words[shown], found[shown], strict=True)
        sample = " ".join(f"{word}/{tag}" for word, tag in pairs)
        return Validation("accuracy", self.metrics[0].value, sample)

    def write_bundle(self, folder: Path, validation: Validation | None) -> None:
        """Write the model with its validation scores and a self-test."""
        self.model.eval()
        sentences = self.words[:SELFTEST_SENTENCES]
        selftest = [
            {"input": words, "output": " ".join(found.tags), "log_prob": found.log_prob}
            for words, found in zip(sentences, self.tagger.predictions(sentences), strict=True)
        ]
        scores = self.metrics if validation is not None else []
        count = len(self.store.columns["tokens"].tokens)
        examples = f"{count:,} words of {len(self.store):,} sentences"
        card = tagger_card(self.model, examples, self.tagger.tags.names, scores)
        write_bundle(folder, self.bundle, scores, selftest, card)


def prepare(settings: TaggingSettings, folder: Path, report: Report) -> None:
    """Write the tags, the SentencePiece models and stores of both parts.

    Raises:
        UserError: bad input, or settings it cannot fulfil.
    """
    data = settings.data
    require_files(data, "train", "valid")
    train, valid = (
        TagFile(Path(path), data.format or None, data.column) for path in (data.train, data.valid)
    )
    tags = Values(sorted({tag for sentence in train.sentences() for tag in sentence.tags}))
    lexicon = Lexicon.train(
        lambda: (sentence.words for sentence in train.sentences()), data.words, data.characters
    )
    lexicon.words.save(folder / WORDS)
    lexicon.characters.save(folder / CHARACTERS)
    write_json(folder / _TAGS, list(tags.names))

    def store(file: TagFile, part: str) -> TagReport:
        limits = (data.max_length, data.drop_long)
        return prepare_tags(file, lexicon, tags, folder / part, *limits)

    found = store(train, "train")
    report.line(
        f"{found.words:,} training words in {found.sentences:,} sentences, {tags.size:,} tags,"
        f" {lexicon.words.size:,} words and {lexicon.characters.size:,} characters known"
    )
    if found.dropped_long:
        report.line(f"dropped {found.dropped_long:,} sentences over {data.max_length} words")
    found = store(valid, "valid")
    if found.unknown_tags:
        report.line(f"{found.unknown_tags:,} of {found.words:,} validation words have other tags")


def make_task(settings: TaggingSettings, folder: Path, report: Report, world: World) -> TaggingTask:
    """The task on what ``prepare`` has written, with a model of fresh weights."""
    data, training = settings.data, settings.training
    lexicon = read_lexicon(folder, data.words, data.characters)
    tags = Values(read_json(folder / _TAGS))
    sizes = (lexicon.words.size, lexicon.characters.size, tags.size)
    model = build_tagger(settings.model, *sizes, training.seed)
    config = TaggerConfig(
        "tag", settings.model, tags.names, data.words, data.characters, data.column
    )
    bundle = TaggerBundle(config, model, lexicon)
    if training.initial:
        begin_tagger_from(Path(training.initial), bundle)
    train, valid = (Store.open(folder / part) for part in ("train", "valid"))
    return TaggingTask(bundle, train, valid, training, world.rank, world.size)
