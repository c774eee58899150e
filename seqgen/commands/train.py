"""``seqgen train``: a model of any task, from files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from seqgen.commands.expanded import expanded
from seqgen.errors import UserError

app = typer.Typer(help="Train a model.", no_args_is_help=True)

Out = Annotated[Path, typer.Option(help="Folder of the training; holds best/ and last/.")]


@dataclass(frozen=True)
class Wanted:
    """What the options of every training say."""

    encoder: Annotated[
        str | None,
        typer.Option(
            help="package.module:Class, ./file.py:Class, torchvision:resnet50 or an installed name."
        ),
    ] = None
    encoder_option: Annotated[
        list[str] | None, typer.Option(help="key=value for --encoder; JSON, or a word.")
    ] = None
    config: Annotated[Path | None, typer.Option(help="Settings in TOML.")] = None
    resume: Annotated[bool, typer.Option("--resume", help="Go on where --out stopped.")] = False
    accept_source: Annotated[
        bool, typer.Option("--accept-source", help="With --resume: also if its code has changed.")
    ] = False
    max_epochs: Annotated[int | None, typer.Option(help="[training] passes over the data.")] = None
    max_minutes: Annotated[float | None, typer.Option(help="[training] stop after so long.")] = None
    batch_tokens: Annotated[int | None, typer.Option(help="[training] tokens a batch.")] = None
    learning_rate: Annotated[float | None, typer.Option(help="[training] the peak.")] = None
    save_every: Annotated[int | None, typer.Option(help="[training] updates.")] = None
    seed: Annotated[int | None, typer.Option(help="[training] of all chance.")] = None
    precision: Annotated[str | None, typer.Option(help="[training] auto, float32, bfloat16.")] = (
        None
    )
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Any setting: table.name=value (TOML).")
    ] = None

    def changes(self) -> dict[str, Any]:
        """The settings they name, but for the encoder's class."""
        from seqgen.plugins import absolute, parse_options

        found = {f"training.{name}": getattr(self, name) for name in _TRAINING}
        found = {name: value for name, value in found.items() if value is not None}
        for setting in self.set_ or []:
            name, value = _setting(setting)
            spec = isinstance(value, str) and name in _SPECS
            found[name] = absolute(value) if spec else value
        chosen = parse_options(self.encoder_option or [], "--encoder-option")
        return found | {f"model.encoder_options.{key}": value for key, value in chosen.items()}


@app.command("translate")
@expanded()
def train_translate(
    out: Out,
    train_source: Annotated[
        str | None, typer.Option(help="Text, .tsv or .jsonl; also .gz.")
    ] = None,
    train_target: Annotated[str | None, typer.Option(help="Text, line by line.")] = None,
    valid_source: Annotated[str | None, typer.Option(help="As --train-source.")] = None,
    valid_target: Annotated[str | None, typer.Option(help="As --train-target.")] = None,
    *,
    wanted: Wanted,
) -> None:
    """Train a translator from parallel text."""
    from seqgen.training.plans import TRANSLATE

    data = {
        "train_source": train_source, "train_target": train_target,
        "valid_source": valid_source, "valid_target": valid_target,
    }  # fmt: skip
    _train(TRANSLATE, out, wanted, **data)


@app.command("caption")
@expanded()
def train_caption(
    out: Out,
    captions: Annotated[
        str | None, typer.Option(help="Karpathy or COCO .json, .jsonl, .tsv, or its folder.")
    ] = None,
    images: Annotated[str | None, typer.Option(help="Folder of the images.")] = None,
    valid_captions: Annotated[
        str | None, typer.Option(help="As --captions; else its split 'val'.")
    ] = None,
    valid_images: Annotated[str | None, typer.Option(help="Folder; else --images.")] = None,
    *,
    wanted: Wanted,
) -> None:
    """Train a captioner from images and what people wrote of them."""
    from seqgen.training.plans import CAPTION

    data = {
        "captions": captions, "images": images,
        "valid_captions": valid_captions, "valid_images": valid_images,
    }  # fmt: skip
    _train(CAPTION, out, wanted, **data)


@app.command("write")
@expanded("encoder", "encoder_option", "accept_source")
def train_write(
    out: Out,
    train: Annotated[str | None, typer.Option(help="A file of text; also .gz.")] = None,
    valid: Annotated[str | None, typer.Option(help="Another; else the end of --train.")] = None,
    unit: Annotated[str | None, typer.Option(help="[data] char, word or subword.")] = None,
    window: Annotated[int | None, typer.Option(help="[data] tokens read at once.")] = None,
    *,
    wanted: Wanted,
) -> None:
    """Train a language model from running text."""
    from seqgen.training.plans import WRITE

    _train(WRITE, out, wanted, train=train, valid=valid, unit=unit, window=window)


@app.command("tell")
@expanded()
def train_tell(
    out: Out,
    train: Annotated[str | None, typer.Option(help=".tsv of value and text, or .jsonl.")] = None,
    valid: Annotated[str | None, typer.Option(help="As --train, to judge by.")] = None,
    *,
    wanted: Wanted,
) -> None:
    """Train a model that writes from single values, such as the names of categories."""
    from seqgen.training.plans import TELL

    _train(TELL, out, wanted, train=train, valid=valid)


@app.command("tag")
@expanded()
def train_tag(
    out: Out,
    train: Annotated[
        str | None, typer.Option(help="Tagged words, .conllu or .tsv; also .gz.")
    ] = None,
    valid: Annotated[str | None, typer.Option(help="As --train, to judge and to stop by.")] = None,
    format_: Annotated[
        str | None, typer.Option("--format", help="conllu or tsv; else as the names say.")
    ] = None,
    column: Annotated[
        str | None, typer.Option(help="Of CoNLL-U: upos, xpos, feats or deprel.")
    ] = None,
    *,
    wanted: Wanted,
) -> None:
    """Train a tagger of words from sentences that are tagged."""
    from seqgen.training.plans import TAG

    _train(TAG, out, wanted, train=train, valid=valid, format=format_, column=column)


@app.command("classify")
@expanded()
def train_classify(
    out: Out,
    train: Annotated[
        str | None, typer.Option(help=".csv, .tsv or .jsonl of text and label; also .gz.")
    ] = None,
    valid: Annotated[str | None, typer.Option(help="As --train; else a share of it.")] = None,
    images: Annotated[
        str | None, typer.Option(help="Folder of images, which --train then names.")
    ] = None,
    valid_images: Annotated[str | None, typer.Option(help="Folder; else --images.")] = None,
    vectors: Annotated[
        str | None, typer.Option(help="[data] of words, in GloVe's text format; also .gz.")
    ] = None,
    *,
    wanted: Wanted,
) -> None:
    """Train a classifier of texts, or of images."""
    from seqgen.training.plans import CLASSIFY

    data = {"train": train, "valid": valid, "images": images, "valid_images": valid_images}
    _train(CLASSIFY, out, wanted, vectors=vectors, **data)


_TRAINING = (
    "max_epochs",
    "max_minutes",
    "batch_tokens",
    "learning_rate",
    "save_every",
    "seed",
    "precision",
)

_SPECS = ("model.encoder", "model.decoder.attention", "training.metric", "search.strategy")


def _train(plan: Any, out: Path, wanted: Wanted, **data: Any) -> None:
    """Train or resume in ``out`` as the options say; ``data`` are those of the table ``[data]``."""
    from seqgen.config import to_dict
    from seqgen.sources import Code
    from seqgen.training.beginning import refuse_other_settings
    from seqgen.training.run import SETTINGS, resume, train
    from seqgen.training.settings import located, read_settings

    changes = {f"data.{name}": value for name, value in data.items() if value is not None}
    changes |= wanted.changes()
    config, encoder = wanted.config, wanted.encoder
    if wanted.resume:
        if (changes or config) and (out / SETTINGS).exists():
            asked = changes
            if config:
                asked = to_dict(located(read_settings(config, changes, plan.settings)))
                if encoder is not None:  # it may have moved; that it is the same is asked later
                    asked["model"].pop("encoder")
            refuse_other_settings(out / SETTINGS, asked)
        resume(plan, out, code=Code(encoder, accept_source=wanted.accept_source))
    else:
        if wanted.accept_source:
            raise UserError("is for a training that goes on", "--accept-source", "give --resume")
        if encoder is not None:
            changes["model.encoder"] = encoder
        train(plan, read_settings(config, changes, plan.settings), out)
    print(f"best model: {out / 'best'}")


def _setting(text: str) -> tuple[str, Any]:
    from seqgen.config import parse_toml

    name, equals, value = text.partition("=")
    if not equals:
        raise UserError(f"'{text}' is no setting", "--set", "write table.name=value")
    try:
        return name.strip(), parse_toml(f"value = {value}", "--set")["value"]
    except UserError:
        return name.strip(), value.strip()
