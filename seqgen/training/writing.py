"""Training a language model: windows of running text, the state carried from one to the next."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from seqgen.bundle import Bundle, write_bundle
from seqgen.data.store import Store
from seqgen.data.text_stream import COLUMN
from seqgen.errors import UserError
from seqgen.model.build import Seq2Seq
from seqgen.model.decoder import State
from seqgen.scoring.measure import Measure
from seqgen.training.card import language_card
from seqgen.training.judge import refuse_metric
from seqgen.training.loss import output_loss
from seqgen.training.precision import train_flops
from seqgen.training.task import Loss, Validation, selftest
from seqgen.training.trainer import TrainingConfig
from seqgen.writer import Writer

_SHOWN = 60  # tokens of a sample
_PROMPTS = 3  # of the self-test, from the validation text


@dataclass(frozen=True)
class Window:
    """What B streams hold next, or B windows from anywhere.

    Attributes:
        inputs: [B, T] int64.
        targets: [B, T] int64, the token after each input.
        first: they are not the going on of the window before, so its state is dropped.
    """

    inputs: Tensor
    targets: Tensor
    first: bool


class Carrying(nn.Module):
    """A model and the state it is in, in a buffer, so that a checkpoint holds both.

    Args:
        model: a language model.
        streams: B.
    """

    def __init__(self, model: Seq2Seq, streams: int) -> None:
        super().__init__()
        self.model = model
        decoder = model.decoder
        width = decoder.config.hidden_dim
        self.cells: Tensor
        shape = (decoder.config.layers, decoder.parts, streams, width)
        self.register_buffer("cells", torch.zeros(shape))

    def state(self, window: Window) -> State:
        """The state carried to ``window``, no part of any graph; all zeros where it is first."""
        if window.first:
            self.cells.zero_()
        cells = self.cells[:, :, : len(window.inputs)].clone()
        return State(tuple(tuple(layer.unbind(0)) for layer in cells), None, None)

    def carry(self, state: State) -> None:
        """Keep ``state`` for the next window."""
        cells = torch.stack([torch.stack(cell) for cell in state.cells]).detach()
        self.cells[:, :, : cells.shape[2]].copy_(cells)


class WritingTask:
    """A text, a language model, and validation by the nats of a held-out text.

    The text is cut into B streams of equal length that are read side by side, T tokens at a
    time; the state is carried on, gradients end at the window (truncated back-propagation
    through time, Williams & Peng 1990). Streams begin at an offset below T that each epoch
    draws anew, so that windows end in other places. Without ``carry`` the windows of an epoch,
    all of T tokens, are shuffled and each begins in the state of zeros.

    Args:
        bundle: the model to train and its tokenizer.
        store: the training text.
        valid: the validation text.
        window: T.
        config: the table ``[training]``.
        carry: the state.

    Raises:
        UserError: the text is too short, or a setting has no meaning here.
    """

    def __init__(
        self,
        bundle: Bundle,
        store: Store,
        valid: Store,
        window: int,
        config: TrainingConfig,
        carry: bool = True,
    ) -> None:
        _refuse(config, bundle)
        self.bundle, self.store, self.valid, self.config = bundle, store, valid, config
        self.window, self.streams = window, max(1, config.batch_tokens // window)
        self.carry = carry
        self.stream: npt.NDArray[Any] = store.columns[COLUMN].tokens
        if len(self.stream) < self.streams * 2 + window:
            raise UserError(
                f"has {len(self.stream):,} tokens, too few for {self.streams} streams",
                "the training text",
                "give more text, or a smaller batch_tokens",
            )
        self.model = Carrying(bundle.model, self.streams)
        self.tuned: list[nn.Parameter] = []
        self.measure: Measure | None = None  # of the last validation
        self.writer = Writer(bundle)
        self.cost = train_flops(bundle.model.decoder)

    def batches(self, epoch: int) -> list[npt.NDArray[Any]]:
        """The windows of an epoch.

        Each is [3]: where the first stream is, how long streams are, and which window it is; or,
        without ``carry``, where the windows of a batch begin.
        """
        chance = np.random.default_rng([self.config.seed, epoch])
        room = len(self.stream) - (2 * self.streams if self.carry else self.window)
        offset = int(chance.integers(min(self.window, room)))
        if not self.carry:
            starts = np.arange(offset, len(self.stream) - self.window, self.window)
            order = chance.permutation(starts)
            return np.split(order, range(self.streams, len(order), self.streams))
        length = (len(self.stream) - 1 - offset) // self.streams
        numbers = np.arange(math.ceil(length / self.window))
        offsets, lengths = np.full_like(numbers, offset), np.full_like(numbers, length)
        return list(np.stack([offsets, lengths, numbers], 1))

    def load(self, rows: npt.NDArray[Any], seed: int) -> Window:
        """A window of all streams, or the windows that begin at ``rows``."""
        size, starts, first = self.window, rows, True
        if self.carry:
            offset, length, number = rows.tolist()
            size = min(self.window, length - number * self.window)
            starts = offset + np.arange(self.streams) * length + number * self.window
            first = number == 0
        tokens = np.stack([self.stream[at : at + size + 1] for at in starts.tolist()])
        whole = torch.from_numpy(tokens.astype(np.int64))
        return Window(whole[:, :-1], whole[:, 1:], first)

    def loss(self, batch: Window) -> Loss:
        """Cross-entropy of the window's targets; carries the state on."""
        decoder = self.bundle.model.decoder
        hidden, state = decoder.read(batch.inputs, self.model.state(batch))
        self.model.carry(state)
        reads = hidden.reshape(1, -1, hidden.shape[-1])
        if torch.is_autocast_enabled("cpu"):
            reads = reads.to(torch.get_autocast_dtype("cpu"))
        targets = batch.targets.reshape(1, -1)
        total, nats = output_loss(reads, decoder.output.weight, decoder.output.bias, targets)
        count = targets.numel()
        return Loss(total, nats, count, self.cost * count)

    def validate(self) -> Validation:
        """Minus the nats of a token over the whole validation text, read from its beginning."""
        self.model.eval()
        self.measure = self.writer.measure_store(self.valid)
        value = -self.measure.nats / self.measure.tokens
        text = " ".join("".join(self.writer.generate(length=_SHOWN)).split())
        return Validation("minus nats a token", value, f"{self.measure} | {text}")

    def write_bundle(self, folder: Path, validation: Validation | None) -> None:
        """Write the model with its validation scores and a self-test."""
        self.model.eval()
        rows = self.valid.columns[COLUMN]
        prompts = [
            "",
            *(self.bundle.target.decode(rows[i].tolist()) for i in range(min(_PROMPTS, len(rows)))),
        ]
        replayed = selftest(prompts, self.writer.hypotheses(prompts))
        scores = self.measure.metrics() if validation is not None and self.measure else []
        kind = self.bundle.config.target.kind
        card = language_card(self.bundle.model, len(self.stream), kind, scores)
        write_bundle(folder, self.bundle, scores, replayed, card)


def _refuse(config: TrainingConfig, bundle: Bundle) -> None:
    """Settings that a language model cannot follow are no settings to pass over."""
    for name in ("label_smoothing", "subword_sampling", "consistency", "scheduled_sampling"):
        if getattr(config, name):
            raise UserError(f"{name} is not for language models", "[training]", "set it to 0")
    if config.reward:
        raise UserError("a reward is not for language models", "[training]", "leave it out")
    refuse_metric(config, "language models")
    if bundle.config.model.decoder.input_feeding:
        raise UserError("input_feeding needs attention", "[model] decoder", "set it to false")
