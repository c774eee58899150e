"""``seqgen shortlist``: which tokens of a translator may turn into which, learned from pairs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def write_shortlist(
    model: Annotated[Path, typer.Option(help="Folder of a translator, whose tokens it is of.")],
    source: Annotated[Path, typer.Option(help="Texts: those it was trained on; also .gz.")],
    output: Annotated[Path, typer.Option(help="The file to write.")],
    target: Annotated[
        Path | None, typer.Option(help="Their translations; none for .tsv and .jsonl.")
    ] = None,
    candidates: Annotated[int, typer.Option(help="Of each source token, at most.")] = 20,
    always: Annotated[int, typer.Option(help="Frequent tokens, for every output.")] = 100,
) -> None:
    """Learn which tokens a translation may be made of, for `seqgen translate --shortlist`."""
    from seqgen.data.prepare import PairFiles, read_pairs
    from seqgen.data.shortlist import Shortlist
    from seqgen.generate import load_translator

    translator = load_translator(model)
    cutters = translator.source, translator.target
    files = PairFiles(source, target)
    found = Shortlist.learn(lambda: read_pairs(files), *cutters, candidates, always)
    found.save(output, *cutters)
    seen = int((found.starts[1:] > found.starts[:-1]).sum())
    print(
        f"{output}: {len(found.tokens):,} candidates of {seen:,} tokens, {len(found.always)} always"
    )
