"""The README of a bundle: its model card."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from seqgen.scoring.metrics import Metric

_SHOWN = 20  # tags


def model_card(
    name: str, model: nn.Module, examples: str, scores: Sequence[Metric], use: str
) -> str:
    """Markdown that says what a model is, what it scored and how it is used.

    Args:
        name: what it is, as in "translator".
        model: whose parameters are counted.
        examples: what it was trained on, as in "29,000 sentence pairs".
        scores: of the validation, in words of their own; may be empty.
        use: a line of Python that uses ``model``.
    """
    what = f"# A seqgen {name}\n\nA recurrent decoder behind its encoder"
    lines = [f"validation {s.name}, greedy: {s.value:.2f} ({s.signature})" for s in scores]
    return _card(what, model, examples, "", lines, use)


def language_card(model: nn.Module, tokens: int, unit: str, scores: Sequence[Metric]) -> str:
    """As ``model_card``, of a language model trained on ``tokens`` tokens that are ``unit``s."""
    what = "# A seqgen language model\n\nA recurrent decoder"
    lines = [f"held-out text, {s.name}: {s.value:.4f} ({s.signature})" for s in scores]
    examples = f"{tokens:,} tokens ({unit}) of running text"
    return _card(what, model, examples, "", lines, 'print("".join(model.generate("Once ")))')


def tagger_card(
    model: nn.Module, examples: str, tags: Sequence[str], scores: Sequence[Metric]
) -> str:
    """As ``model_card``, of a tagger trained on ``examples`` that knows ``tags``."""
    shown = ", ".join(f"`{tag}`" for tag in tags[:_SHOWN]) + (", …" if len(tags) > _SHOWN else "")
    what = "# A seqgen tagger\n\nA recurrent encoder that tags each word"
    more = f"Its {len(tags):,} tags: {shown}.\n\n"
    use = 'model.tag([["Each", "word", "by", "itself", "."]])'
    return _card(what, model, examples, more, _validated(scores), use)


def label_card(
    name: str, model: nn.Module, examples: str, scores: Sequence[Metric], use: str
) -> str:
    """As ``model_card``, of a model that ends in a head."""
    what = f"# A seqgen {name}\n\nA head on its encoder"
    return _card(what, model, examples, "", _validated(scores), use)


def _validated(scores: Sequence[Metric]) -> list[str]:
    return [f"validation {s.name}: {s.value:.2f} ({s.signature})" for s in scores]


def _card(
    what: str, model: nn.Module, examples: str, more: str, measured: Sequence[str], use: str
) -> str:
    """The text of a card, which begins with ``what`` and tells ``more`` after the first lines."""
    count = sum(p.numel() for p in model.parameters())
    lines = "\n".join(f"- {one}" for one in measured) or "- not yet validated"
    return (
        f"{what}, {count:,} parameters, trained on {examples}.\n\n"
        f"{more}## Measured\n\n{lines}\n\n"
        f'## Use\n\n```python\nimport seqgen\n\nmodel = seqgen.load("this folder")\n{use}\n```\n\n'
        "`seqgen info --verify FOLDER` replays `selftest.json` and compares.\n"
    )
