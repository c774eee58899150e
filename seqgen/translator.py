"""Translators: from lines of text to lines of text, in the order they came."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from seqgen.errors import UserError
from seqgen.loaded import Loaded, make_stepper, score_targets
from seqgen.search import batched
from seqgen.search.batched import Search
from seqgen.search.processors import Processor
from seqgen.search.settings import SearchConfig, default_strategy, own_processors
from seqgen.search.step import Hypothesis, Strategy
from seqgen.text import EOS, Tokenizer


@dataclass(frozen=True)
class Translation:
    """One output for one input.

    Attributes:
        text: what was written.
        source_pieces: the input's subwords, end of sequence included: the positions that
            ``hypothesis.attention`` speaks of.
        target_pieces: the output's subwords.
        hypothesis: tokens, score, log-probabilities and attention.
    """

    text: str
    source_pieces: tuple[str, ...]
    target_pieces: tuple[str, ...]
    hypothesis: Hypothesis


class Translator:
    """Translates text with one model, or with the mean of several.

    Args:
        bundles: models with the same SentencePiece models.

    Raises:
        UserError: the models do not share their vocabularies.
    """

    def __init__(self, *bundles: Loaded) -> None:
        self.bundles = bundles
        first = bundles[0]
        if first.source is None:
            raise UserError(f"this model can {first.config.task}, not translate")
        self.source: Tokenizer = first.source
        self.target: Tokenizer = first.target
        self.search: SearchConfig = first.config.search
        for other in bundles[1:]:
            if (other.source, other.target) != (self.source, self.target):
                raise UserError("an ensemble needs models with the same SentencePiece models")
        self.stepper = make_stepper(bundles)

    def translate(
        self,
        texts: Iterable[str],
        strategy: Strategy | None = None,
        processors: Sequence[Processor] = (),
        batch_size: int = 128,
    ) -> list[str]:
        """The best translation of each of ``texts``, in order; of an empty one, an empty one.

        Args:
            texts: lines.
            strategy: ``Beam``, ``Greedy`` or ``Sample``; the bundle's own if not given.
            processors: changes to the model's log-probabilities, in order.
            batch_size: inputs searched together; it does not change what comes out.
        """
        found = self.hypotheses(texts, strategy, processors, batch_size)
        return [best[0].text for best in found]

    def hypotheses(
        self,
        texts: Iterable[str],
        strategy: Strategy | None = None,
        processors: Sequence[Processor] = (),
        batch_size: int = 128,
        first: int = 0,
    ) -> Iterator[list[Translation]]:
        """For each of ``texts`` its n best translations, best first; a stream.

        Lines are read ``batched.WINDOW`` at a time, batched by length, and given back in order.
        ``first`` is the number of the first of them, on which depends what is drawn at random.
        """
        strategy = strategy or default_strategy(self.search)
        processors = (*own_processors(self.search, self.target), *processors)
        lines = iter(texts)
        while window := list(islice(lines, batched.WINDOW)):
            yield from self._window(window, first, strategy, processors, batch_size)
            first += len(window)

    def _window(
        self,
        texts: list[str],
        first: int,
        strategy: Strategy,
        processors: Sequence[Processor],
        batch_size: int,
    ) -> list[list[Translation]]:
        sources = self.source.encode(texts)
        full = [i for i, source in enumerate(sources) if source]
        rows = [sources[i] for i in full]
        lengths = np.array([len(row) for row in rows], np.int64)
        limits = self.limits(lengths)
        search = Search(self.stepper, strategy, processors, self.bundles[0].batch, batch_size)
        best = search(rows, lengths.tolist(), limits, np.array(full, np.int64) + first)
        found: list[list[Translation]] = [[] for _ in texts]
        for i, row, hypotheses in zip(full, rows, best, strict=True):
            found[i] = [self._translation(row, hypothesis) for hypothesis in hypotheses]
        return [one or [self._nothing()] for one in found]

    def limits(self, lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The most tokens of the outputs for sources of ``lengths`` tokens, both [N]."""
        most: npt.NDArray[np.int64] = (lengths * self.search.max_ratio).astype(np.int64)
        return most + self.search.max_extra

    def _translation(self, source: list[int], hypothesis: Hypothesis) -> Translation:
        attention = hypothesis.attention
        if attention is not None:  # the batch was padded to its longest input
            hypothesis = Hypothesis(
                hypothesis.tokens,
                hypothesis.score,
                hypothesis.log_prob,
                hypothesis.token_log_probs,
                attention[:, : len(source) + 1],
                hypothesis.finished,
            )
        return Translation(
            self.target.decode(hypothesis.tokens),
            tuple(self.source.pieces([*source, EOS])),
            tuple(self.target.pieces(hypothesis.tokens)),
            hypothesis,
        )

    def _nothing(self) -> Translation:
        """The translation of an empty line: an empty one, with its true log-probability."""
        (log_probs,) = self.score([""], [""])
        hypothesis = Hypothesis((), log_probs[0], log_probs[0], log_probs, None, True)
        return self._translation([], hypothesis)

    def score(
        self, sources: Sequence[str], targets: Sequence[str], batch_size: int = 64
    ) -> list[tuple[float, ...]]:
        """Log-probability of each token of each target, end of sequence included, in nats.

        It is what a search that wrote the target reports; of an ensemble, that of the mean
        probability.

        Raises:
            UserError: there are not as many targets as sources.
        """
        if len(sources) != len(targets):
            raise UserError(f"there are {len(sources)} sources and {len(targets)} targets")
        source_ids = self.source.encode(list(sources))
        target_ids = self.target.encode(list(targets))
        return score_targets(self.bundles, source_ids, target_ids, batch_size)
