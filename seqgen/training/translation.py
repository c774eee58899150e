"""Training a translator: what the trainer asks of it, and the call that does it all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqgen.bundle import Bundle, write_bundle
from seqgen.data.batches import epoch_batches
from seqgen.data.store import Store
from seqgen.model.memory import TextBatch
from seqgen.scoring.metrics import Metric, bleu
from seqgen.search.sample import Greedy
from seqgen.text import Tokenizer
from seqgen.training.precision import train_flops
from seqgen.training.targets import Targets, make_targets, target_loss
from seqgen.training.task import Loss, Validation
from seqgen.training.trainer import TrainingConfig
from seqgen.translator import Translator, text_batch

SELFTEST_LINES = 5


@dataclass(frozen=True)
class Pairs:
    """A batch of sources, a row a row of its targets."""

    source: TextBatch
    targets: Targets


class TranslationTask:
    """Pairs from a store, a model, and validation by greedy decoding and BLEU.

    Args:
        bundle: the model to train and its tokenizers.
        store: the training pairs.
        valid: sources and references.
        config: the table ``[training]``.
        rank: number of this process.
        world: number of processes.
    """

    def __init__(
        self,
        bundle: Bundle,
        store: Store,
        valid: tuple[list[str], list[str]],
        config: TrainingConfig,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.bundle, self.store, self.valid, self.config = bundle, store, valid, config
        self.rank, self.world = rank, world
        self.model = bundle.model
        self.metric: Metric | None = None  # of the last validation
        self.translator = Translator(bundle)
        self.costs = tuple(
            train_flops(part) for part in (bundle.model.encoder, bundle.model.decoder)
        )
        columns = [store.columns["source"].lengths, store.columns["target"].lengths]
        self.lengths = np.stack(columns, 1) + 1  # both sides end with EOS

    def batches(self, epoch: int) -> list[np.ndarray[Any, Any]]:
        """This process's batches of an epoch."""
        config = self.config
        return epoch_batches(
            self.lengths, config.batch_tokens, config.seed, epoch, self.rank, self.world
        )

    def load(self, rows: np.ndarray[Any, Any], seed: int) -> Pairs:
        """The pairs ``rows``, with subwords sampled by ``seed`` if the settings say so.

        Two readings of a pair, for R-Drop, may cut its source in two ways, its target in one.
        """
        readings = 2 if self.config.consistency else 1
        sources = self._tokens("source", self.bundle.source, [*rows] * readings, seed)
        targets = self._tokens("target", self.bundle.target, [*rows], seed)
        return Pairs(text_batch(sources), make_targets(targets * readings, readings))

    def _tokens(
        self, side: str, tokenizer: Tokenizer, rows: Sequence[int], seed: int
    ) -> list[list[int]]:
        alpha = self.config.subword_sampling
        if alpha:
            return tokenizer.sample(self.store.texts(f"{side}_text", rows), alpha, seed)
        return [self.store.columns[side][row].tolist() for row in rows]

    def loss(self, batch: Pairs) -> Loss:
        """Smoothed cross-entropy of the targets under teacher forcing."""
        model, targets = self.bundle.model, batch.targets
        total, nats = target_loss(model, model.encode(batch.source), targets, self.config.objective)
        encoding, decoding = self.costs
        flops = encoding * int(batch.source.mask.sum()) + decoding * targets.outputs.numel()
        return Loss(total, nats, targets.count, flops)

    def validate(self) -> Validation:
        """BLEU of greedy translations of the validation sources."""
        sources, references = self.valid
        self.model.eval()
        outputs = self.translator.translate(sources, Greedy(), batch_size=128)
        lowercase = self.bundle.config.target.lowercase
        self.metric = bleu(outputs, [references], lowercase=lowercase)
        shown = len(sources) // 2
        return Validation("bleu", self.metric.value, f"{sources[shown]} -> {outputs[shown]}")

    def write_bundle(self, folder: Path, validation: Validation | None) -> None:
        """Write the model with its validation score and a self-test."""
        self.model.eval()
        sources = self.valid[0][:SELFTEST_LINES]
        found = self.translator.hypotheses(sources)
        selftest = [
            {"input": source, "output": best[0].text, "log_prob": best[0].hypothesis.log_prob}
            for source, best in zip(sources, found, strict=True)
        ]
        scores = [self.metric] if validation is not None and self.metric else []
        write_bundle(folder, self.bundle, scores, selftest, self._card(scores))

    def _card(self, scores: list[Metric]) -> str:
        count = sum(p.numel() for p in self.model.parameters())
        lines = [f"- validation {s.name}, greedy: {s.value:.2f} ({s.signature})" for s in scores]
        measured = "\n".join(lines) or "- not yet validated"
        return (
            "# A seqgen translator\n\n"
            f"A recurrent encoder-decoder of {count:,} parameters, trained on"
            f" {len(self.store.columns['source']):,} sentence pairs.\n\n"
            f"## Measured\n\n{measured}\n\n"
            '## Use\n\n```python\nimport seqgen\n\nmodel = seqgen.load("this folder")\n'
            'model.translate(["a sentence"])\n```\n\n'
            "`seqgen info --verify FOLDER` replays `selftest.json` and compares.\n"
        )
