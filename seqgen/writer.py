"""Writers: language models that go on from a beginning, or judge a text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, tee
from typing import Any

import numpy as np
import numpy.typing as npt

from seqgen.data.store import Store
from seqgen.data.text_stream import COLUMN
from seqgen.errors import UserError
from seqgen.loaded import Loaded, make_stepper
from seqgen.running_text import TextDecoder, encode_lines, encode_text
from seqgen.scoring.measure import Measure, stream_nats
from seqgen.search.batched import Search
from seqgen.search.endless import stream
from seqgen.search.processors import Processor
from seqgen.search.sample import Greedy, Sample
from seqgen.search.settings import SearchConfig, default_strategy, own_processors
from seqgen.search.step import Hypothesis, Strategy, run
from seqgen.text import Tokenizer

LENGTH = 100  # tokens
_ROWS = 16  # parts of a text that is measured, read side by side


@dataclass(frozen=True)
class Written:
    """One text that a model wrote.

    Attributes:
        text: what was written; of a language model, without the beginning.
        pieces: its tokens as text.
        hypothesis: tokens, score, log-probabilities.
    """

    text: str
    pieces: tuple[str, ...]
    hypothesis: Hypothesis

    @classmethod
    def of(cls, hypothesis: Hypothesis, target: Tokenizer) -> Written:
        """What ``target`` makes of the tokens of ``hypothesis``."""
        tokens = hypothesis.tokens
        return cls(target.decode(tokens), tuple(target.pieces(tokens)), hypothesis)


class Writer:
    """Writes with one language model, or with the mean of several.

    A text begins as if after a line feed. Its beginning may be empty and may hold any
    character: those that training never met are read as bytes.

    Args:
        bundles: models with the same SentencePiece model.

    Raises:
        UserError: the models are no language models, or do not share their vocabulary.
    """

    def __init__(self, *bundles: Loaded) -> None:
        self.bundles = bundles
        first = bundles[0]
        for other in bundles:
            if other.config.task != "write":
                raise UserError(f"this model can {other.config.task}, not write on")
            if other.target != first.target:
                raise UserError("an ensemble needs models with the same SentencePiece model")
        self.target: Tokenizer = first.target
        self.search: SearchConfig = first.config.search
        self.stepper = make_stepper(bundles)

    def generate(
        self,
        prompt: str = "",
        strategy: Strategy | None = None,
        length: int = LENGTH,
        until: str = "",
        number: int = 0,
        processors: Sequence[Processor] = (),
    ) -> Iterator[str]:
        """What follows ``prompt``, as a stream of pieces of text, in memory that stays small.

        The bundle's own processors come first, as in every search; where there are any, 8 bytes
        are kept of every token.

        Args:
            prompt: the beginning of the text.
            strategy: ``Sample`` or ``Greedy``; any other, such as ``Beam``, gives its text when
                it is done, and its memory grows with ``length``. If not given, it is the
                bundle's, if that names one of the user's own, or else ``Sample``.
            length: the most tokens to write.
            until: text to stop after; empty for none.
            number: of the sample: with another one the same seed draws other numbers.
            processors: changes to the model's log-probabilities, in order.

        Raises:
            UserError: the prompt is no text, ``length`` is negative, several samples are
                asked of a stream, or a part of the bundle's search cannot be made.
        """
        if length < 0:
            raise UserError(f"a length of {length} is less than 0")
        if strategy is None:
            strategy = default_strategy(self.search) if self.search.strategy else Sample()
        processors = (*own_processors(self.search, self.target), *processors)
        tokens, decoder = self._begin(prompt)
        if isinstance(strategy, (Greedy, Sample)):
            found = stream(self.stepper, [tokens], strategy, number, processors)
            return _cut_after(decoder.decode(islice(found, length)), until)
        limit, numbers = np.array([length]), np.array([number])
        (best,) = run(strategy.run(self.stepper, [tokens], limit, processors, numbers))
        return _cut_after(decoder.decode(best[0].tokens), until)

    def hypotheses(
        self,
        prompts: Iterable[str],
        strategy: Strategy | None = None,
        length: int = LENGTH,
        processors: Sequence[Processor] = (),
        batch_size: int = 64,
    ) -> Iterator[list[Written]]:
        """For each of ``prompts`` its n best continuations, best first; a stream.

        Args:
            prompts: beginnings.
            strategy: ``Beam``, ``Greedy`` or ``Sample``; the bundle's own if not given.
            length: tokens of a continuation.
            processors: changes to the model's log-probabilities, in order.
            batch_size: beginnings searched together; it does not change what comes out.
        """
        strategy = strategy or default_strategy(self.search)
        processors = (*own_processors(self.search, self.target), *processors)
        make = self.bundles[0].batch
        search = Search[list[int]](self.stepper, strategy, processors, make, batch_size)
        read, kept = tee(prompts)
        found = search.stream((self._begin(one)[0] for one in read), length, batch_size)
        for prompt, best in zip(kept, found, strict=True):
            yield [self._written(prompt, hypothesis) for hypothesis in best]

    def score(self, texts: Sequence[str]) -> list[tuple[float, ...]]:
        """Log-probability of each token of each text, in nats.

        It is what a search that wrote the text reports; of an ensemble, that of the mean
        probability. No end is scored: running text has none.
        """
        found = []
        for text in texts:
            row = np.array(encode_text(self.target, _checked(text)), np.int64)
            each = [
                np.concatenate([np.empty(0), *(part[0] for part in bundle.stream(row, 1))])
                for bundle in self.bundles
            ]
            mean = np.logaddexp.reduce(each, axis=0) - np.log(len(each))
            found.append(tuple(mean.tolist()))
        return found

    def measure(self, lines: Iterable[str]) -> Measure:
        """How well the model knows a text, given as lines with their ends.

        Raises:
            UserError: it is empty.
        """
        parts, characters, waiting = [np.empty(0, np.int32)], 0, iter(lines)
        while block := list(islice(waiting, 4096)):
            tokens = [token for row in encode_lines(self.target, block) for token in row]
            parts.append(np.array(tokens, np.int32))
            characters += sum(map(len, block))
        whole = np.concatenate(parts)
        if not len(whole):
            raise UserError("there is no text to measure")
        return Measure(self._nats(whole), len(whole), characters)

    def measure_store(self, store: Store) -> Measure:
        """How well the model knows a text that was prepared with its own tokenizer."""
        tokens = store.columns[COLUMN].tokens
        return Measure(self._nats(tokens), len(tokens), store.info.settings["characters"])

    def _nats(self, tokens: npt.NDArray[Any]) -> float:
        return stream_nats([bundle.stream(tokens, _ROWS) for bundle in self.bundles])

    def _begin(self, prompt: str) -> tuple[list[int], TextDecoder]:
        """The tokens of a beginning, and what decodes the tokens that follow them.

        Where a tokenizer puts the space before a word, a space at the end belongs to what
        follows.
        """
        text, fresh = _checked(prompt), not prompt or prompt.endswith("\n")
        if self.target.starts_with_space and text.endswith(" "):
            text, fresh = text[:-1], True
        return encode_text(self.target, text), TextDecoder(self.target, fresh)

    def _written(self, prompt: str, hypothesis: Hypothesis) -> Written:
        decoder = self._begin(prompt)[1]
        text = "".join(decoder.decode(hypothesis.tokens))
        return Written(text, tuple(self.target.pieces(hypothesis.tokens)), hypothesis)


def _checked(text: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UserError(f"the text is no UTF-8 at character {error.start}") from error
    return text


def _cut_after(pieces: Iterator[str], until: str) -> Iterator[str]:
    """``pieces`` up to the end of the first ``until``; held back is only what may be part of it."""
    held = ""
    for piece in pieces:
        held += piece
        if until:
            place = held.find(until)
            if place >= 0:
                yield held[: place + len(until)]
                return
        keep = next((n for n in range(len(until) - 1, 0, -1) if held.endswith(until[:n])), 0)
        shown, held = held[: len(held) - keep], held[len(held) - keep :]
        if shown:
            yield shown
    if held:
        yield held
