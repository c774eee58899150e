"""From settings to a trained translator, in one folder that can be resumed from alone."""

from __future__ import annotations

from pathlib import Path

import torch

from seqgen.bundle import Bundle, BundleConfig, tokenizer_files
from seqgen.config import from_dict, to_dict
from seqgen.data.prepare import PairFiles, prepare_pairs, train_tokenizers
from seqgen.data.prepare import Report as Prepared
from seqgen.data.store import Store
from seqgen.errors import UserError
from seqgen.files import read_json, settle_folder, write_json
from seqgen.generate import load
from seqgen.model.build import build_seq2seq
from seqgen.text import TextConfig, Tokenizer
from seqgen.training.distributed import World
from seqgen.training.report import Report
from seqgen.training.settings import DataConfig, Settings
from seqgen.training.trainer import Trainer
from seqgen.training.translation import TranslationTask
from seqgen.translator import Translator

SETTINGS = "settings.json"


def train_translator(
    settings: Settings, out: str | Path, report: Report | None = None
) -> Translator:
    """Train from the files that ``settings`` name, and return the best model.

    Args:
        settings: see ``Settings``.
        out: a new folder; afterwards it holds ``best/`` and ``last/`` (bundles), ``data/``,
            ``settings.json`` and ``log.jsonl``.
        report: where progress is shown; standard error if not given.

    Raises:
        UserError: bad input, or ``out`` holds a training already.
    """
    out, world = Path(out), World()
    report = report or Report(quiet=world.rank > 0)
    if (out / SETTINGS).exists():
        raise UserError("already holds a training", out, "go on with --resume, or choose another")
    world.barrier()  # all have looked before the first one writes
    if world.rank == 0:
        _prepare(settings.data, out / "data", report)
        write_json(out / SETTINGS, to_dict(settings))
    world.barrier()
    return _train(out, report, world, resume=False)


def resume_translator(out: str | Path, report: Report | None = None) -> Translator:
    """Go on with a training that was stopped, from its last checkpoint.

    Raises:
        UserError: ``out`` holds no training.
    """
    out = Path(out)
    if not (out / SETTINGS).exists():
        raise UserError("holds no training to resume", out, f"it has no {SETTINGS}")
    world = World()
    if world.rank == 0:
        settle_folder(out / "last")
    world.barrier()
    report = report or Report(quiet=world.rank > 0)
    return _train(out, report, world, resume=(out / "last").exists())


def _prepare(data: DataConfig, folder: Path, report: Report) -> None:
    """Tokenizers and stores of the training and validation pairs."""
    for name in ("train_source", "valid_source"):
        if not getattr(data, name):
            raise UserError(
                f"{name} is not given", "[data]", f"pass --{name.replace('_', '-')} FILE"
            )
    train = _files(data.train_source, data.train_target)
    valid = _files(data.valid_source, data.valid_target)
    source, target = train_tokenizers(train, data.source, data.target, data.joint)
    for name, tokenizer in zip(tokenizer_files(data.joint), (source, target), strict=True):
        tokenizer.save(folder / name)

    def prepare(files: PairFiles, part: str) -> Prepared:
        limits = (data.max_length, data.drop_long, data.drop_empty)
        return prepare_pairs(files, source, target, folder / part, *limits)

    found = prepare(train, "train")
    report.line(
        f"{found.pairs:,} training pairs, {source.size:,} source tokens, "
        f"{target.size:,} target tokens"
    )
    if found.dropped_empty:
        report.line(f"dropped {found.dropped_empty:,} pairs with an empty side")
    if found.dropped_long:
        report.line(f"dropped {found.dropped_long:,} pairs over {data.max_length} tokens")
    prepare(valid, "valid")


def _files(source: str, target: str) -> PairFiles:
    return PairFiles(Path(source), Path(target) if target else None)


def _train(out: Path, report: Report, world: World, resume: bool) -> Translator:
    settings = from_dict(Settings, read_json(out / SETTINGS), out / SETTINGS)
    data = settings.data
    source_file, target_file = tokenizer_files(data.joint)
    target_text: TextConfig = data.source if data.joint else data.target
    source = Tokenizer.load(out / "data" / source_file, data.source.lowercase)
    target = Tokenizer.load(out / "data" / target_file, target_text.lowercase)
    model = build_seq2seq(settings.model, source.size, target.size, settings.training.seed)
    config = BundleConfig(
        "translate", settings.model, data.source, target_text, data.joint, settings.search
    )
    task = TranslationTask(
        Bundle(config, model, source, target),
        Store.open(out / "data" / "train"),
        _texts(Store.open(out / "data" / "valid")),
        settings.training,
        world.rank,
        world.size,
    )
    report.line(
        f"{sum(p.numel() for p in model.parameters()):,} parameters,"
        f" {torch.get_num_threads()} threads"
    )
    trainer = Trainer(task, settings.training, out, report, world, resume)
    progress = trainer.run()
    if trainer.interrupted:
        raise UserError(
            f"stopped at update {progress.step}, saved",
            out,
            f"go on with: seqgen train translate --out {out} --resume",
        )
    world.barrier()  # the best model is complete
    world.close()
    return load(out)


def _texts(store: Store) -> tuple[list[str], list[str]]:
    rows = range(len(store))
    return store.texts("source_text", rows), store.texts("target_text", rows)
