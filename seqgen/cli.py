"""The command line: ``seqgen``. Heavy imports wait until a command needs them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqgen.errors import UserError
from seqgen.files import read_lines, writing

if TYPE_CHECKING:
    from seqgen.search.processors import Processor
    from seqgen.search.step import Strategy

UsageError: Any = typer.BadParameter.__mro__[1]  # click's, or that of the copy typer carries

app = typer.Typer(
    help="Sequence-to-sequence with one recurrent decoder: train, translate, score.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # else "[training]" in a help text is taken for markup
)
train = typer.Typer(help="Train a model.", no_args_is_help=True)
score = typer.Typer(help="Score outputs, or texts under a model.", no_args_is_help=True)
app.add_typer(train, name="train")
app.add_typer(score, name="score")

Model = Annotated[
    list[Path], typer.Option("--model", help="Folder of a model; several make an ensemble.")
]


@train.command("translate")
def train_translate(
    out: Annotated[Path, typer.Option(help="Folder of the training; holds best/ and last/.")],
    train_source: Annotated[
        str | None, typer.Option(help="Text, .tsv or .jsonl; also .gz.")
    ] = None,
    train_target: Annotated[str | None, typer.Option(help="Text, line by line.")] = None,
    valid_source: Annotated[str | None, typer.Option(help="As --train-source.")] = None,
    valid_target: Annotated[str | None, typer.Option(help="As --train-target.")] = None,
    config: Annotated[Path | None, typer.Option(help="Settings in TOML.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where --out stopped.")] = False,
    max_epochs: Annotated[int | None, typer.Option(help="[training] passes over the data.")] = None,
    max_minutes: Annotated[
        float | None, typer.Option(help="[training] stop after so long.")
    ] = None,
    batch_tokens: Annotated[int | None, typer.Option(help="[training] tokens a batch.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="[training] the peak.")] = None,
    save_every: Annotated[int | None, typer.Option(help="[training] updates.")] = None,
    seed: Annotated[int | None, typer.Option(help="[training] of all chance.")] = None,
    precision: Annotated[
        str | None, typer.Option(help="[training] auto, float32, bfloat16.")
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Any setting: table.name=value (TOML).")
    ] = None,
) -> None:
    """Train a translator from parallel text."""
    from seqgen.training.run import resume_translator, train_translator
    from seqgen.training.settings import read_settings

    given = {
        "data.train_source": train_source,
        "data.train_target": train_target,
        "data.valid_source": valid_source,
        "data.valid_target": valid_target,
        "training.max_epochs": max_epochs,
        "training.max_minutes": max_minutes,
        "training.batch_tokens": batch_tokens,
        "training.learning_rate": learning_rate,
        "training.save_every": save_every,
        "training.seed": seed,
        "training.precision": precision,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    for setting in set_ or []:
        name, value = _setting(setting)
        changes[name] = value
    if resume:
        if changes or config:
            raise UserError("--resume takes its settings from the folder", out, "give --out alone")
        resume_translator(out)
    else:
        train_translator(read_settings(config, changes), out)
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


@app.command()
def translate(
    model: Model,
    text: Annotated[list[str] | None, typer.Argument(help="Texts; else --input or stdin.")] = None,
    input_: Annotated[Path | None, typer.Option("--input", help="A text file, also .gz.")] = None,
    output: Annotated[Path | None, typer.Option(help="Where to write; else stdout.")] = None,
    beam_size: Annotated[int | None, typer.Option(help="1 is greedy.")] = None,
    length_penalty: Annotated[float | None, typer.Option(help="Above 0 favours long.")] = None,
    coverage_penalty: Annotated[float | None, typer.Option(help="0 is off.")] = None,
    n_best: Annotated[int, typer.Option(help="Outputs an input.")] = 1,
    temperature: Annotated[float | None, typer.Option(help="Sample instead of a beam.")] = None,
    top_p: Annotated[float, typer.Option(help="With --temperature.")] = 1.0,
    seed: Annotated[int, typer.Option(help="With --temperature.")] = 0,
    no_repeat: Annotated[int, typer.Option(help="No n-gram of this size twice; 0 = off.")] = 0,
    batch_size: Annotated[int, typer.Option(help="Inputs searched together.")] = 64,
    json_: Annotated[bool, typer.Option("--json", help="Lines of JSON with scores.")] = False,
) -> None:
    """Translate texts, one output line for each input line, in order."""
    if text and input_:
        raise UserError("texts and --input are both given", fix="give one of them")
    if batch_size < 1:
        raise UserError(f"is {batch_size}", "--batch-size", "give 1 or more")
    from seqgen.generate import load
    from seqgen.lines import translation_line

    translator = load(*model)
    strategy = _strategy(
        translator.search,
        beam_size,
        length_penalty,
        coverage_penalty,
        n_best,
        temperature,
        top_p,
        seed,
    )
    processors = _processors(no_repeat)
    found = translator.hypotheses(_lines(text, input_), strategy, processors, batch_size)
    lines = (translation_line(best, n_best, json_) for best in found)
    if output is None:
        for line in lines:
            sys.stdout.write(line)
        sys.stdout.flush()
    else:
        with writing(output) as file:
            for line in lines:
                file.write(line.encode("utf-8"))


def _strategy(
    search: Any,
    beam_size: int | None,
    length_penalty: float | None,
    coverage_penalty: float | None,
    n_best: int,
    temperature: float | None,
    top_p: float,
    seed: int,
) -> Strategy:
    """What the options ask for, the bundle's own settings where they are silent."""
    from seqgen.search.beam import Beam
    from seqgen.search.sample import Sample

    if temperature is not None:
        return Sample(temperature, top_p=top_p, samples=n_best, seed=seed)
    size = search.beam_size if beam_size is None else beam_size
    penalties = (
        search.length_penalty if length_penalty is None else length_penalty,
        search.coverage_penalty if coverage_penalty is None else coverage_penalty,
    )
    return Beam(max(size, n_best) if beam_size is None else size, *penalties, n_best=n_best)


def _processors(no_repeat: int) -> list[Processor]:
    from seqgen.search.processors import NoRepeat

    return [NoRepeat(no_repeat)] if no_repeat else []


def _lines(text: list[str] | None, path: Path | None) -> Iterator[str]:
    if text:
        return iter(text)
    return read_lines(path) if path else read_lines(Path("/dev/stdin"))


@score.command("bleu")
def score_bleu(
    hypotheses: Annotated[Path, typer.Argument(help="Outputs, line by line.")],
    references: Annotated[list[Path], typer.Argument(help="One or more files of references.")],
    lowercase: Annotated[bool, typer.Option("--lowercase", help="Ignore case.")] = False,
    against: Annotated[Path | None, typer.Option(help="Other outputs, to compare with.")] = None,
) -> None:
    """BLEU, chrF and TER with 95 % confidence intervals, or a paired comparison."""
    from seqgen.lines import metric_line
    from seqgen.scoring.metrics import bleu, chrf, compare, ter

    outputs = list(read_lines(hypotheses))
    sets = [list(read_lines(path)) for path in references]
    if against is None:
        for metric in (bleu, chrf):
            print(metric_line(metric(outputs, sets, lowercase=lowercase, bootstrap=1000)))
        print(metric_line(ter(outputs, sets, bootstrap=1000)))
        return
    found = compare(outputs, list(read_lines(against)), sets, lowercase=lowercase)
    print(f"{found.system.value:.2f} {hypotheses}")
    print(f"{found.baseline.value:.2f} {against}")
    print(f"p = {found.p_value:.4f}  {found.system.signature}")


@score.command("likelihood")
def score_likelihood(
    model: Model,
    source: Annotated[Path, typer.Argument(help="Inputs, line by line.")],
    target: Annotated[Path, typer.Argument(help="Texts to score, line by line.")],
    batch_size: Annotated[int, typer.Option(help="Lines scored together.")] = 64,
) -> None:
    """Log-probability of each target line in nats, then the perplexity of a token."""
    from seqgen.generate import load
    from seqgen.scoring.likelihood import perplexity

    sources, targets = list(read_lines(source)), list(read_lines(target))
    rows = load(*model).score(sources, targets, batch_size)
    for row in rows:
        print(f"{sum(row):.4f}")
    print(f"perplexity {perplexity(rows):.4f} over {sum(map(len, rows))} tokens", file=sys.stderr)


@app.command()
def info(
    model: Annotated[Path, typer.Argument(help="Folder of a model.")],
    verify: Annotated[bool, typer.Option("--verify", help="Replay its self-test.")] = False,
) -> None:
    """What a model is, what it scored, and whether it still does what it did."""
    from seqgen.inspection import describe, replay

    print(describe(model))
    if verify:
        print(replay(model))


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="Data set, such as multi30k.")],
    folder: Annotated[Path, typer.Argument(help="Where data sets live (SEQGEN_DATA).")],
) -> None:
    """Download a data set from its publisher, each file checked."""
    from seqgen.data.fetch import fetch as download

    print(download(name, folder))


def run_command(command: Callable[[], object]) -> None:
    """Call ``command``; a user's mistake is one line and exit code 2."""
    try:
        command()
    except UserError as error:
        print(f"seqgen: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:  # the reader of our output has what it wants
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def _app() -> None:
    try:
        sys.exit(app(standalone_mode=False))
    except UsageError as error:
        message = error.format_message()
        if "\n" in message:  # no arguments at all: it is the help
            sys.exit(message)
        raise UserError(message.rstrip("."), fix="see --help") from error


def main() -> None:
    """Run the command line."""
    run_command(_app)
