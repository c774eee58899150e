"""From a file of text to the task of writing on like it."""

from __future__ import annotations

from pathlib import Path

import torch

from seqgen.bundle import Bundle, BundleConfig, begin_from
from seqgen.config import require_files
from seqgen.data.store import Store
from seqgen.data.text_stream import count_characters, prepare_text, read_text
from seqgen.errors import UserError
from seqgen.model.build import Seq2Seq, build_seq2seq
from seqgen.text import BOS, EOS, PAD, Tokenizer
from seqgen.training.distributed import World
from seqgen.training.report import Report
from seqgen.training.settings import WritingSettings
from seqgen.training.writing import WritingTask

_TOKENIZER = "target.spm"
_NEVER = -1e4  # a logit whose probability is exactly 0, and so is its gradient


def prepare(settings: WritingSettings, folder: Path, report: Report) -> None:
    """Write the tokenizer and the stores of the training and the validation text.

    Raises:
        UserError: bad input, or settings it cannot fulfil.
    """
    data = settings.data
    require_files(data, "train")
    train = Path(data.train)
    end = None
    if not data.valid:
        characters = count_characters(train)
        end = int(characters * (1.0 - data.valid_share))
        if not 0 < end < characters:
            raise UserError("is too short to hold out a part of", train, "give --valid FILE")
    tokenizer = Tokenizer.train(read_text(train, 0, end), data.text)
    tokenizer.save(folder / _TOKENIZER)
    store = prepare_text(train, tokenizer, folder / "train", 0, end)
    report.line(
        f"{len(store.columns['text'].tokens):,} training tokens of"
        f" {store.info.settings['characters']:,} characters, {tokenizer.size:,} different"
    )
    if data.valid:
        prepare_text(Path(data.valid), tokenizer, folder / "valid")
    else:
        prepare_text(train, tokenizer, folder / "valid", end or 0)


def make_task(settings: WritingSettings, folder: Path, report: Report, world: World) -> WritingTask:
    """The task on what ``prepare`` has written, with a model of fresh weights."""
    if world.size > 1:
        raise UserError(
            "a language model is trained by one process",
            fix="start it without torchrun",
        )
    if settings.model.encoder:
        raise UserError("a language model has no encoder", "[model]", "set encoder = ''")
    text = settings.data.text
    tokenizer = Tokenizer.load(folder / _TOKENIZER, text.lowercase)
    model = build_seq2seq(settings.model, 0, tokenizer.size, settings.training.seed)
    _never_write(model)
    if settings.training.initial:
        begin_from(Path(settings.training.initial), model, tokenizer)
    config = BundleConfig("write", settings.model, settings.search, text)
    return WritingTask(
        Bundle(config, model, tokenizer),
        Store.open(folder / "train"),
        Store.open(folder / "valid"),
        settings.data.window,
        settings.training,
        settings.data.carry,
    )


@torch.no_grad()
def _never_write(model: Seq2Seq) -> None:
    """Running text has no padding, beginning or end, so their probability is 0 from the start."""
    model.decoder.output.bias[[PAD, BOS, EOS]] = _NEVER
