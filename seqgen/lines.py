"""Results as lines, for a person or for a program."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqgen.errors import UserError
from seqgen.files import read_lines

if TYPE_CHECKING:
    from seqgen.captioner import Caption
    from seqgen.classifier import Prediction
    from seqgen.scoring.metrics import Metric
    from seqgen.search.step import Hypothesis
    from seqgen.translator import Translation
    from seqgen.writer import Written


def translation_line(best: list[Translation], n_best: int, as_json: bool) -> str:
    """The output for one input: a line of text a hypothesis, or one line of JSON."""
    if not as_json:
        return "".join(" ".join(found.text.split("\n")) + "\n" for found in best[:n_best])
    hypotheses = [_values(one.text, one.target_pieces, one.hypothesis) for one in best[:n_best]]
    line = {"source_tokens": best[0].source_pieces, "hypotheses": hypotheses}
    return json.dumps(line, ensure_ascii=False) + "\n"


def caption_line(picture: Path, best: list[Caption], n_best: int, as_json: bool) -> str:
    """The output for one picture: a line with its name a hypothesis, or one line of JSON."""
    if not as_json:
        return _named(picture, best[:n_best])
    hypotheses = [_values(one.text, one.pieces, one.hypothesis) for one in best[:n_best]]
    line = {"image": str(picture), "grid": best[0].grid, "hypotheses": hypotheses}
    return json.dumps(line, ensure_ascii=False) + "\n"


def told_line(value: str, best: list[Written], n_best: int, as_json: bool) -> str:
    """The output for one value: a line with it a hypothesis, or one line of JSON."""
    if not as_json:
        return _named(value, best[:n_best])
    hypotheses = [_values(one.text, one.pieces, one.hypothesis) for one in best[:n_best]]
    return json.dumps({"value": value, "hypotheses": hypotheses}, ensure_ascii=False) + "\n"


def prediction_line(found: Prediction, top: int, as_json: bool, picture: Path | None = None) -> str:
    """Labels of one input and their probabilities, the likeliest first: a line, or one of JSON.

    The line has each label, a tab and its probability; before them the picture, if it is one.
    """
    shares = {label: math.exp(log_prob) for label, log_prob in list(found.log_probs.items())[:top]}
    if as_json:
        name = {"image": str(picture)} if picture else {}
        values = {"label": found.label, "log_prob": found.log_prob, "probabilities": shares}
        return json.dumps(name | values, ensure_ascii=False) + "\n"
    cells = [cell for label, share in shares.items() for cell in (label, f"{share:.4f}")]
    return "\t".join([*([str(picture)] if picture else []), *cells]) + "\n"


def read_predictions(path: Path) -> tuple[list[str], list[str] | None]:
    """The labels that ``prediction_line`` wrote, and the names of the pictures, if it named any.

    Lines that are labels alone are read too.

    Raises:
        UserError: a line is none of these, or only some name a picture.
    """
    labels, names = [], []
    for number, line in enumerate(read_lines(path), start=1):
        where = f"{path}, line {number}"
        if path.name.removesuffix(".gz").endswith(".jsonl") or line.startswith("{"):
            label, name = _from_json(line, where)
        else:
            cells = line.split("\t")
            named = len(cells) > 1 and len(cells) % 2 == 1
            label, name = cells[named], cells[0] if named else None
        if not label:
            raise UserError("has no label", where)
        labels.append(label)
        names += [Path(name).name] if name is not None else []
        if names and len(names) != number:
            raise UserError("names a picture where other lines do not, or does not", where)
    return labels, names or None


def _from_json(line: str, where: str) -> tuple[str, str | None]:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UserError("is not JSON", where) from error
    label, name = (values.get(key) for key in ("label", "image"))
    if not isinstance(label, str) or not isinstance(name, str | None):
        raise UserError("has no text 'label', or an 'image' that is none", where)
    return label, name


def _named(name: object, best: Sequence[Caption | Written]) -> str:
    """A line for each text: what it is of, a tab, and the text on one line."""
    return "".join(f"{name}\t{' '.join(one.text.split())}\n" for one in best)


def read_caption_lines(path: Path) -> dict[str, str]:
    """Captions by the names of their image files, from lines as ``caption_line`` writes them.

    Raises:
        UserError: a line is no name and caption, or a name comes twice.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(read_lines(path), start=1):
        picture, tab, text = line.partition("\t")
        if not tab:
            raise UserError("has no tab between image and caption", f"{path}, line {number}")
        name = Path(picture).name
        if name in found:
            raise UserError(f"has a second caption of {name}", f"{path}, line {number}")
        found[name] = text
    return found


def _values(text: str, pieces: tuple[str, ...], hypothesis: Hypothesis) -> dict[str, Any]:
    """A hypothesis for JSON; ``alignment`` is where it looked most, for each token."""
    attention = hypothesis.attention
    return {
        "text": text,
        "score": hypothesis.score,
        "log_prob": hypothesis.log_prob,
        "finished": hypothesis.finished,
        "tokens": pieces,
        "token_log_probs": hypothesis.token_log_probs,
        "alignment": None if attention is None else attention.argmax(-1).tolist(),
    }


def metric_line(metric: Metric) -> str:
    """A score, its 95 % interval, the lines it is of, and its signature."""
    interval = "" if metric.low is None else f" [{metric.low:.2f}, {metric.high:.2f}]"
    return f"{metric.name} {metric.value:.2f}{interval}  n = {metric.count}  {metric.signature}"
