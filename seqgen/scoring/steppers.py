"""How well any stepper knows a text: a table of counts, a network, the mean of both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from seqgen.errors import UserError
from seqgen.search.step import Stepper

_ROWS = 64  # parts of a text that are read side by side
_WARM = 256  # tokens a part is begun with


def stepper_log_probs(
    stepper: Stepper[Any], tokens: Sequence[int] | npt.NDArray[Any], rows: int = _ROWS
) -> npt.NDArray[np.float64]:
    """The log-probability in nats of each token of a text, given those before it, [N].

    The text is cut into parts that are stepped through side by side. A part begins with the 256
    tokens before it already read, so that none is without context.

    Args:
        stepper: of running text: its inputs are the tokens that a text begins with, as
            ``NGram`` and ``LanguageStepper`` have them.
        tokens: [N] token ids.
        rows: how many parts, at most.

    Raises:
        UserError: there are no tokens.
    """
    text = np.asarray(tokens, np.int64)
    if not len(text):
        raise UserError("there is no text to score")
    rows = max(1, min(rows, len(text) // _WARM))
    length = -(-len(text) // rows)
    starts = np.arange(0, len(text), length)
    found = np.empty(len(text))
    state = stepper.start([text[max(0, start - _WARM) : start].tolist() for start in starts])
    newest = np.full(len(starts), stepper.bos)  # not read: a beginning is in the state already
    for place in range(length):
        live = starts + place < len(text)
        if not live.all():  # the last part is shorter
            kept = np.flatnonzero(live)
            state, starts, newest = stepper.select(state, kept), starts[kept], newest[kept]
        log_probs, state, _ = stepper.step(newest, state)
        newest = text[starts + place]
        found[starts + place] = np.asarray(log_probs)[np.arange(len(starts)), newest]
    return found
