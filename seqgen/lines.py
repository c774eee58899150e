"""Results as lines, for a person or for a program."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seqgen.scoring.metrics import Metric
    from seqgen.translator import Translation


def translation_line(best: list[Translation], n_best: int, as_json: bool) -> str:
    """The output for one input: a line of text a hypothesis, or one line of JSON."""
    if not as_json:
        return "".join(" ".join(found.text.split("\n")) + "\n" for found in best[:n_best])
    hypotheses = []
    for found in best[:n_best]:
        hypothesis = found.hypothesis
        attention = hypothesis.attention
        hypotheses.append(
            {
                "text": found.text,
                "score": hypothesis.score,
                "log_prob": hypothesis.log_prob,
                "finished": hypothesis.finished,
                "tokens": found.target_pieces,
                "token_log_probs": hypothesis.token_log_probs,
                "alignment": None if attention is None else attention.argmax(-1).tolist(),
            }
        )
    line = {"source_tokens": best[0].source_pieces, "hypotheses": hypotheses}
    return json.dumps(line, ensure_ascii=False) + "\n"


def metric_line(metric: Metric) -> str:
    """A score, its 95 % interval, the lines it is of, and its signature."""
    interval = "" if metric.low is None else f" [{metric.low:.2f}, {metric.high:.2f}]"
    return f"{metric.name} {metric.value:.2f}{interval}  n = {metric.count}  {metric.signature}"
