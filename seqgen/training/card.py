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
    count = sum(p.numel() for p in model.parameters())
    lines = [f"- validation {s.name}, greedy: {s.value:.2f} ({s.signature})" for s in scores]
    measured = "\n".join(lines) or "- not yet validated"
    return (
        f"# A seqgen {name}\n\n"
        f"A recurrent decoder behind its encoder, {count:,} parameters, trained on {examples}.\n\n"
        f"## Measured\n\n{measured}\n\n"
        f'## Use\n\n```python\nimport seqgen\n\nmodel = seqgen.load("this folder")\n{use}\n```\n\n'
        "`seqgen info --verify FOLDER` replays `selftest.json` and compares.\n"
    )


def language_card(model: nn.Module, tokens: int, unit: str, scores: Sequence[Metric]) -> str:
    """As ``model_card``, of a language model trained on ``tokens`` tokens that are ``unit``s."""
    count = sum(p.numel() for p in model.parameters())
    lines = [f"- held-out text, {s.name}: {s.value:.4f} ({s.signature})" for s in scores]
    measured = "\n".join(lines) or "- not yet validated"
    return (
        f"# A seqgen language model\n\n"
        f"A recurrent decoder, {count:,} parameters, trained on {tokens:,} tokens ({unit})"
        " of running text.\n\n"
        f"## Measured\n\n{measured}\n\n"
        '## Use\n\n```python\nimport seqgen\n\nmodel = seqgen.load("this folder")\n'
        'print("".join(model.generate("Once ")))\n```\n\n'
        "`seqgen info --verify FOLDER` replays `selftest.json` and compares.\n"
    )


def tagger_card(
    model: nn.Module, examples: str, tags: Sequence[str], scores: Sequence[Metric]
) -> str:
    """As ``model_card``, of a tagger trained on ``examples`` that knows ``tags``."""
    count = sum(p.numel() for p in model.parameters())
    lines = [f"- validation {s.name}: {s.value:.2f} ({s.signature})" for s in scores]
    measured = "\n".join(lines) or "- not yet validated"
    shown = ", ".join(f"`{tag}`" for tag in tags[:_SHOWN]) + (", …" if len(tags) > _SHOWN else "")
    return (
        "# A seqgen tagger\n\n"
        f"A recurrent encoder that tags each word, {count:,} parameters, trained on {examples}.\n"
        f"\nIts {len(tags):,} tags: {shown}.\n\n"
        f"## Measured\n\n{measured}\n\n"
        '## Use\n\n```python\nimport seqgen\n\nmodel = seqgen.load("this folder")\n'
        'model.tag([["Each", "word", "by", "itself", "."]])\n```\n\n'
        "`seqgen info --verify FOLDER` replays `selftest.json` and compares.\n"
    )


def label_card(
    name: str, model: nn.Module, examples: str, scores: Sequence[Metric], use: str
) -> str:
    """As ``model_card``, of a model that ends in a head."""
    count = sum(p.numel() for p in model.parameters())
    lines = [f"- validation {s.name}: {s.value:.2f} ({s.signature})" for s in scores]
    measured = "\n".join(lines) or "- not yet validated"
    return (
        f"# A seqgen {name}\n\n"
        f"A head on its encoder, {count:,} parameters, trained on {examples}.\n\n"
        f"## Measured\n\n{measured}\n\n"
        f'## Use\n\n```python\nimport seqgen\n\nmodel = seqgen.load("this folder")\n{use}\n```\n\n'
        "`seqgen info --verify FOLDER` replays `selftest.json` and compares.\n"
    )
