"""``seqgen classify``: a label, with its probability, for each text or picture."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seqgen.commands.expanded import expanded
from seqgen.commands.loading import Loading, Model
from seqgen.commands.write import (
    Output,
    check_batch_size,
    input_lines,
    write_lines,
)
from seqgen.errors import UserError

if TYPE_CHECKING:
    from seqgen.classifier import Classifier


@expanded("int8")
def classify(
    model: Model,
    inputs: Annotated[
        list[str] | None,
        typer.Argument(help="Texts (else --input or stdin); or image files and folders of them."),
    ] = None,
    input_: Annotated[Path | None, typer.Option("--input", help="A text file, also .gz.")] = None,
    output: Output = None,
    top: Annotated[int, typer.Option(help="So many labels of each, the likeliest first.")] = 1,
    json_: Annotated[bool, typer.Option("--json", help="Lines of JSON.")] = False,
    *,
    loading: Loading,
    batch_size: Annotated[int, typer.Option(help="Inputs read together.")] = 64,
) -> None:
    """Classify texts or pictures: a line with label, tab and probability for each, in order."""
    check_batch_size(batch_size)
    if top < 1:
        raise UserError(f"is {top}", "--top", "give 1 or more")
    from seqgen.generate import load_classifier
    from seqgen.lines import prediction_line

    classifier = load_classifier(*model, code=loading.code)
    if classifier.images is not None:
        if input_ is not None or not inputs:
            fix = "name image files or folders of them"
            raise UserError("this model classifies pictures", fix=fix)
        broken: list[UserError] = []
        lines = _picture_lines(classifier, inputs, batch_size, top, json_, broken)
        write_lines(lines, output)
        if broken:
            raise UserError(
                f"{len(broken)} pictures could not be read", fix="the others are labelled"
            )
        return
    found = classifier.predictions(input_lines(inputs, input_), batch_size)
    write_lines((prediction_line(one, top, json_) for one in found), output)


def _picture_lines(
    classifier: Classifier,
    inputs: list[str],
    batch_size: int,
    top: int,
    as_json: bool,
    broken: list[UserError],
) -> Iterator[str]:
    """A line for each picture that can be read; in the end a message for each of the others."""
    from seqgen.images import find_images
    from seqgen.lines import prediction_line

    files = find_images(map(Path, inputs))
    for file, found in classifier.predict_files(files, batch_size, broken.append):
        yield prediction_line(found, top, as_json, file)
    for error in broken:
        print(f"seqgen: {error}", file=sys.stderr)
    if len(broken) == len(files):  # raised here, so that no empty file is left
        raise UserError("none of the pictures could be read")
