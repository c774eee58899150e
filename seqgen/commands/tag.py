"""``seqgen tag``: let a trained tagger tag the words of sentences."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import tee
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seqgen.commands.expanded import expanded
from seqgen.commands.loading import Loading, Model
from seqgen.commands.write import (
    BatchSize,
    Output,
    check_batch_size,
    write_lines,
)

if TYPE_CHECKING:
    from seqgen.data.conllu import Sentence
    from seqgen.tagger import Tagger


@expanded("int8")
def tag(
    model: Model,
    input_: Annotated[
        Path | None, typer.Option("--input", help=".conllu or .tsv; also .gz; else stdin.")
    ] = None,
    output: Output = None,
    format_: Annotated[
        str | None,
        typer.Option("--format", help="conllu or tsv; else as the name says, conllu of stdin."),
    ] = None,
    column: Annotated[
        str | None, typer.Option(help="Of CoNLL-U, to write to; else the one that was learned.")
    ] = None,
    *,
    loading: Loading,
    batch_size: BatchSize = 64,
) -> None:
    """Tag words: what comes in goes out with its tags replaced, all else as it is.

    In .tsv a line is a word, or a word, a tab and a tag; an empty line ends a sentence.
    """
    check_batch_size(batch_size)
    from seqgen.data.conllu import form_of, read_sentences
    from seqgen.generate import load_tagger

    form = form_of(input_, format_) if input_ else form_of(Path("-"), format_ or "conllu")
    tagger = load_tagger(*model, code=loading.code)
    source = input_ or Path("/dev/stdin")
    sentences = read_sentences(source, form, column or tagger.column, bare=True)
    write_lines(_tagged(tagger, sentences, batch_size), output)


def _tagged(tagger: Tagger, sentences: Iterator[Sentence], batch_size: int) -> Iterator[str]:
    """The lines of each sentence with its new tags."""
    read, kept = tee(sentences)
    found = tagger.predictions((one.words for one in read), batch_size)
    for sentence, tagged in zip(kept, found, strict=True):
        yield sentence.retagged(tagged.tags)
