"""Greedy search and sampling as a stream, in memory that hardly grows, if at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from seqgen.errors import UserError
from seqgen.search.processors import Processor, process
from seqgen.search.sample import Greedy, Sample
from seqgen.search.step import Stepper, move

_BLOCK = 64  # tokens


def stream(
    stepper: Stepper[Any],
    inputs: Any,
    strategy: Greedy | Sample,
    number: int = 0,
    processors: Sequence[Processor] = (),
) -> Iterator[int]:
    """The tokens that ``strategy.run`` finds for one input, each as soon as it is chosen.

    Nothing is kept of what was written but the state of the model, and the tokens themselves
    where processors read them. It goes on until EOS, or until every token is impossible.

    Args:
        stepper: the model.
        inputs: one input, as ``stepper.start`` takes them.
        strategy: with one sample.
        number: by which the input is known; what is drawn at random depends on it.
        processors: changes to the model's log-probabilities, in order.

    Raises:
        UserError: several samples are asked for.
    """
    if isinstance(strategy, Sample) and strategy.samples > 1:
        raise UserError(f"a stream is one sample, not {strategy.samples}", "sampling")
    pick, live = strategy.picker(stepper, [number]), np.zeros(1, np.int64)
    tokens, state = np.array([stepper.bos]), stepper.start(inputs)
    written, count = np.empty((1, _BLOCK), np.int64), 0
    while True:
        log_probs, state, _ = stepper.step(tokens, state)
        picks, _ = pick(process(log_probs, written[:, :count], processors), live)
        token = int(picks[0, 0])
        if token < 0 or token == stepper.eos:
            return
        yield token
        if processors:
            if count == written.shape[1]:  # doubled, so that a long text is not copied each step
                written = np.concatenate([written, np.empty_like(written)], axis=1)
            written[0, count], count = token, count + 1
        tokens, state = picks.reshape(1), move(stepper, state, live, 1)
