"""``seqgen train``: a model of any task, from files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from seqgen.errors import UserError

app = typer.Typer(help="Train a model.", no_args_is_help=True)

Out = Annotated[Path, typer.Option(help="Folder of the training; holds best/ and last/.")]
Config = Annotated[Path | None, typer.Option(help="Settings in TOML.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on where --out stopped.")]
MaxEpochs = Annotated[int | None, typer.Option(help="[training] passes over the data.")]
MaxMinutes = Annotated[float | None, typer.Option(help="[training] stop after so long.")]
BatchTokens = Annotated[int | None, typer.Option(help="[training] tokens a batch.")]
LearningRate = Annotated[float | None, typer.Option(help="[training] the peak.")]
SaveEvery = Annotated[int | None, typer.Option(help="[training] updates.")]
Seed = Annotated[int | None, typer.Option(help="[training] of all chance.")]
Precision = Annotated[str | None, typer.Option(help="[training] auto, float32, bfloat16.")]
Encoder = Annotated[
    str | None,
    typer.Option(
        help="package.module:Class, ./file.py:Class, torchvision:resnet50 or an installed name."
    ),
]
EncoderOption = Annotated[
    list[str] | None, typer.Option(help="key=value for --encoder; JSON, or a word.")
]
AcceptSource = Annotated[
    bool, typer.Option("--accept-source", help="With --resume: also if its code has changed.")
]
Set = Annotated[
    list[str] | None, typer.Option("--set", help="Any setting: table.name=value (TOML).")
]


@app.command("translate")
def train_translate(
    out: Out,
    train_source: Annotated[
        str | None, typer.Option(help="Text, .tsv or .jsonl; also .gz.")
    ] = None,
    train_target: Annotated[str | None, typer.Option(help="Text, line by line.")] = None,
    valid_source: Annotated[str | None, typer.Option(help="As --train-source.")] = None,
    valid_target: Annotated[str | None, typer.Option(help="As --train-target.")] = None,
    encoder: Encoder = None,
    encoder_option: EncoderOption = None,
    config: Config = None,
    resume: Resume = False,
    accept_source: AcceptSource = False,
    max_epochs: MaxEpochs = None,
    max_minutes: MaxMinutes = None,
    batch_tokens: BatchTokens = None,
    learning_rate: LearningRate = None,
    save_every: SaveEvery = None,
    seed: Seed = None,
    precision: Precision = None,
    set_: Set = None,
) -> None:
    """Train a translator from parallel text."""
    options = locals()
    from seqgen.training.plans import TRANSLATE

    data = ("train_source", "train_target", "valid_source", "valid_target")
    _train(TRANSLATE, options, data)


@app.command("caption")
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
    encoder: Encoder = None,
    encoder_option: EncoderOption = None,
    config: Config = None,
    resume: Resume = False,
    accept_source: AcceptSource = False,
    max_epochs: MaxEpochs = None,
    max_minutes: MaxMinutes = None,
    batch_tokens: BatchTokens = None,
    learning_rate: LearningRate = None,
    save_every: SaveEvery = None,
    seed: Seed = None,
    precision: Precision = None,
    set_: Set = None,
) -> None:
    """Train a captioner from images and what people wrote of them."""
    options = locals()
    from seqgen.training.plans import CAPTION

    _train(CAPTION, options, ("captions", "images", "valid_captions", "valid_images"))


@app.command("write")
def train_write(
    out: Out,
    train: Annotated[str | None, typer.Option(help="A file of text; also .gz.")] = None,
    valid: Annotated[str | None, typer.Option(help="Another; else the end of --train.")] = None,
    unit: Annotated[str | None, typer.Option(help="[data] char, word or subword.")] = None,
    window: Annotated[int | None, typer.Option(help="[data] tokens read at once.")] = None,
    config: Config = None,
    resume: Resume = False,
    max_epochs: MaxEpochs = None,
    max_minutes: MaxMinutes = None,
    batch_tokens: BatchTokens = None,
    learning_rate: LearningRate = None,
    save_every: SaveEvery = None,
    seed: Seed = None,
    precision: Precision = None,
    set_: Set = None,
) -> None:
    """Train a language model from running text."""
    options = locals()
    from seqgen.training.plans import WRITE

    _train(WRITE, options, ("train", "valid", "unit", "window"))


@app.command("tell")
def train_tell(
    out: Out,
    train: Annotated[str | None, typer.Option(help=".tsv of value and text, or .jsonl.")] = None,
    valid: Annotated[str | None, typer.Option(help="As --train, to judge by.")] = None,
    encoder: Encoder = None,
    encoder_option: EncoderOption = None,
    config: Config = None,
    resume: Resume = False,
    accept_source: AcceptSource = False,
    max_epochs: MaxEpochs = None,
    max_minutes: MaxMinutes = None,
    batch_tokens: BatchTokens = None,
    learning_rate: LearningRate = None,
    save_every: SaveEvery = None,
    seed: Seed = None,
    precision: Precision = None,
    set_: Set = None,
) -> None:
    """Train a model that writes from single values, such as the names of categories."""
    options = locals()
    from seqgen.training.plans import TELL

    _train(TELL, options, ("train", "valid"))


@app.command("tag")
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
    encoder: Encoder = None,
    encoder_option: EncoderOption = None,
    config: Config = None,
    resume: Resume = False,
    accept_source: AcceptSource = False,
    max_epochs: MaxEpochs = None,
    max_minutes: MaxMinutes = None,
    batch_tokens: BatchTokens = None,
    learning_rate: LearningRate = None,
    save_every: SaveEvery = None,
    seed: Seed = None,
    precision: Precision = None,
    set_: Set = None,
) -> None:
    """Train a tagger of words from sentences that are tagged."""
    options = locals()
    options["format"] = options.pop("format_")
    from seqgen.training.plans import TAG

    _train(TAG, options, ("train", "valid", "format", "column"))


@app.command("classify")
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
    encoder: Encoder = None,
    encoder_option: EncoderOption = None,
    config: Config = None,
    resume: Resume = False,
    accept_source: AcceptSource = False,
    max_epochs: MaxEpochs = None,
    max_minutes: MaxMinutes = None,
    batch_tokens: BatchTokens = None,
    learning_rate: LearningRate = None,
    save_every: SaveEvery = None,
    seed: Seed = None,
    precision: Precision = None,
    set_: Set = None,
) -> None:
    """Train a classifier of texts, or of images."""
    options = locals()
    from seqgen.training.plans import CLASSIFY

    _train(CLASSIFY, options, ("train", "valid", "images", "valid_images"))


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


def _train(plan: Any, options: dict[str, Any], data: tuple[str, ...]) -> None:
    """Train or resume as ``options``, the arguments of a command, say."""
    from seqgen.config import to_dict
    from seqgen.plugins import absolute, parse_options
    from seqgen.sources import Code
    from seqgen.training.beginning import refuse_other_settings
    from seqgen.training.run import SETTINGS, resume, train
    from seqgen.training.settings import located, read_settings

    names = {name: f"data.{name}" for name in data}
    names |= {name: f"training.{name}" for name in _TRAINING}
    changes = {path: options[name] for name, path in names.items() if options[name] is not None}
    for setting in options["set_"] or []:
        name, value = _setting(setting)
        spec = isinstance(value, str) and name in _SPECS
        changes[name] = absolute(value) if spec else value
    chosen = parse_options(options.get("encoder_option") or [], "--encoder-option")
    changes |= {f"model.encoder_options.{key}": value for key, value in chosen.items()}
    encoder, accepted = options.get("encoder"), options.get("accept_source", False)
    out: Path = options["out"]
    if options["resume"]:
        config = options["config"]
        if (changes or config) and (out / SETTINGS).exists():
            wanted = changes
            if config:
                wanted = to_dict(located(read_settings(config, changes, plan.settings)))
                if encoder is not None:  # it may have moved; that it is the same is asked later
                    wanted["model"].pop("encoder")
            refuse_other_settings(out / SETTINGS, wanted)
        resume(plan, out, code=Code(encoder, accept_source=accepted))
    else:
        if accepted:
            raise UserError("is for a training that goes on", "--accept-source", "give --resume")
        if encoder is not None:
            changes["model.encoder"] = encoder
        train(plan, read_settings(options["config"], changes, plan.settings), out)
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
