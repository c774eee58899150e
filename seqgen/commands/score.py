"""``seqgen score``: outputs against references, or texts under a model."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from seqgen.commands.expanded import expanded
from seqgen.commands.loading import Int8, Loading, Model
from seqgen.errors import UserError
from seqgen.files import read_lines

app = typer.Typer(help="Score outputs, or texts under a model.", no_args_is_help=True)


@app.command("bleu")
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


@app.command("likelihood")
@expanded()
def score_likelihood(
    model: Model,
    source: Annotated[Path, typer.Argument(help="Inputs, line by line.")],
    target: Annotated[Path, typer.Argument(help="Texts to score, line by line.")],
    batch_size: Annotated[int, typer.Option(help="Lines scored together.")] = 64,
    *,
    loading: Loading,
) -> None:
    """Log-probability of each target line in nats, then the perplexity of a token."""
    from seqgen.generate import load_translator
    from seqgen.scoring.likelihood import perplexity

    sources, targets = list(read_lines(source)), list(read_lines(target))
    translator = load_translator(*model, code=loading.code, int8=loading.int8)
    rows = translator.score(sources, targets, batch_size)
    for row in rows:
        print(f"{sum(row):.4f}")
    print(f"perplexity {perplexity(rows):.4f} over {sum(map(len, rows))} tokens", file=sys.stderr)


@app.command("text")
def score_text(
    model: Model,
    text: Annotated[Path, typer.Argument(help="A file of running text; also .gz.")],
    int8: Int8 = False,
) -> None:
    """Bits per character and perplexity of a text under a language model."""
    from seqgen.data.text_stream import read_text
    from seqgen.generate import load_writer
    from seqgen.lines import metric_line

    for metric in load_writer(*model, int8=int8).measure(read_text(text)).metrics():
        print(metric_line(metric))


@app.command("captions")
def score_captions(
    hypotheses: Annotated[Path, typer.Argument(help="What `seqgen caption` wrote.")],
    references: Annotated[Path, typer.Argument(help="As `seqgen train caption --captions`.")],
    images: Annotated[Path | None, typer.Option(help="Folder of the images.")] = None,
    split: Annotated[str | None, typer.Option(help="Score this one alone, such as test.")] = None,
) -> None:
    """BLEU-1 to 4, ROUGE-L and CIDEr-D of captions, and what they look like as a set."""
    from seqgen.data.captions import read_captions
    from seqgen.lines import metric_line, read_caption_lines
    from seqgen.scoring.captions import caption_scores, caption_statistics

    written = read_caption_lines(hypotheses)
    wanted = read_captions(references, images, split)
    missing = [one.image.name for one in wanted if one.image.name not in written]
    if missing:
        raise UserError(
            f"has no caption for {len(missing)} of {len(wanted)} images, such as {missing[0]}",
            hypotheses,
            "caption them all, or name the --split that was captioned",
        )
    captions = [written[one.image.name] for one in wanted]
    for metric in caption_scores(captions, [one.captions for one in wanted], bootstrap=1000):
        print(metric_line(metric))
    print("\n".join(caption_statistics(captions).describe()))


@app.command("tags")
def score_tags(
    hypotheses: Annotated[Path, typer.Argument(help="Tagged words, .conllu or .tsv.")],
    references: Annotated[Path, typer.Argument(help="The same words, tagged right.")],
    column: Annotated[str, typer.Option(help="Of CoNLL-U: upos, xpos, feats or deprel.")] = "upos",
    form: Annotated[
        str | None, typer.Option("--format", help="conllu or tsv; else as the names say.")
    ] = None,
) -> None:
    """Words tagged right; of B- and I- tags also precision, recall and F1 of the spans."""
    from seqgen.data.conllu import read_both
    from seqgen.lines import metric_line
    from seqgen.scoring.tags import accuracy, mark_spans, span_scores

    found = read_both(hypotheses, references, form, column)
    print(metric_line(accuracy(*found, bootstrap=1000)))
    if mark_spans(found[1]):
        for metric in span_scores(*found, bootstrap=1000):
            print(metric_line(metric))


@app.command("labels")
def score_labels(
    predictions: Annotated[Path, typer.Argument(help="What `seqgen classify` wrote, or labels.")],
    references: Annotated[
        Path, typer.Argument(help="As `seqgen train classify --train`; or labels, line by line.")
    ],
    images: Annotated[
        Path | None, typer.Option(help="Folder of the images, where the references name them.")
    ] = None,
    chart: Annotated[Path | None, typer.Option(help="The confusion matrix as a .png.")] = None,
) -> None:
    """Accuracy and macro F1 with 95 % intervals, and which label was taken for which."""
    from seqgen.data.labels import read_labelled, right_labels
    from seqgen.lines import metric_line, read_predictions
    from seqgen.scoring.labels import confusion, label_scores

    labels, names = read_predictions(predictions)
    if names is not None or images is not None:
        found = read_labelled(references, images or references.parent)
        wanted = [one.label for one in found]
        labels = _by_name(labels, names, [Path(one.item).name for one in found], predictions)
    else:
        wanted = right_labels(references)
    for metric in label_scores(labels, wanted, bootstrap=1000):
        print(metric_line(metric))
    matrix = confusion(labels, wanted)
    print(matrix.table())
    if chart is not None:
        from seqgen.chart import matrix_chart
        from seqgen.files import write_bytes

        title = f"{predictions.name}: right label down, given across"
        write_bytes(chart, matrix_chart(title, matrix.labels, matrix.counts.tolist()))


def _by_name(
    labels: list[str], names: list[str] | None, wanted: list[str], where: Path
) -> list[str]:
    """The labels of the pictures ``wanted``, in that order."""
    if names is None:
        raise UserError("names no pictures", where, "give what `seqgen classify` wrote of them")
    found = dict(zip(names, labels, strict=True))
    missing = [name for name in wanted if name not in found]
    if missing or len(found) < len(names):
        what = f"lacks {len(missing)} of {len(wanted)} images, such as {missing[0]}"
        raise UserError(what if missing else "names a picture twice", where)
    return [found[name] for name in wanted]
