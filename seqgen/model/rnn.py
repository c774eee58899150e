"""Recurrent layers in one fused call over a padded sequence, and the encoders built of them."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqgen.model.embedding import Embedding
from seqgen.model.linear import linear
from seqgen.model.memory import Memory, TextBatch

Cell = Literal["lstm", "gru", "rnn"]
CellState = tuple[Tensor, ...]  # lstm: (h, c), else (h,); each [N, H]

_FEW = 8  # rows; fewer are stepped sooner by torch's own cell
_LAYERS: dict[str, Any] = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


class LockedDropout(nn.Module):
    """Dropout with one mask for all time steps of a sequence (Gal & Ghahramani 2016).

    Costs a [B, 1, D] draw instead of [B, T, D], and regularises a recurrent layer better.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, sequence: Tensor) -> Tensor:
        """Drop whole features of ``sequence`` [B, T, D] while training."""
        if not self.training or self.rate == 0.0:
            return sequence
        keep = 1.0 - self.rate
        mask = torch.empty(
            sequence.shape[0], 1, sequence.shape[2], dtype=sequence.dtype, device=sequence.device
        )
        return sequence * mask.bernoulli_(keep).div_(keep)


class RNNLayer(nn.Module):
    """One recurrent layer: a fused call over a whole sequence, or a single step.

    Padding is on the right, so it never reaches a real position; what stands at padded
    positions of the output is meaningless and must be masked by its reader.

    Args:
        input_dim: width of what comes in.
        hidden_dim: H, width of what goes out.
        cell: ``lstm`` (Hochreiter & Schmidhuber 1997), ``gru`` (Cho et al. 2014) or
            ``rnn`` (tanh, Elman 1990).
        weight_dropout: share of the weights across time that are dropped while training, the
            same ones at every step of a call (DropConnect, Merity et al. 2018).
    """

    def __init__(
        self, input_dim: int, hidden_dim: int, cell: Cell = "lstm", weight_dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.cell, self.hidden_dim, self.weight_dropout = cell, hidden_dim, weight_dropout
        self.layer: Any = _LAYERS[cell](input_dim, hidden_dim, batch_first=True)
        self._initialize()

    @torch.no_grad()
    def _initialize(self) -> None:
        """Xavier in, orthogonal across time, forget bias 1 (Jozefowicz et al. 2015)."""
        width = self.hidden_dim
        for gate in self.layer.weight_ih_l0.split(width):
            nn.init.xavier_uniform_(gate)
        for gate in self.layer.weight_hh_l0.split(width):
            nn.init.orthogonal_(gate)
        self.layer.bias_ih_l0.zero_()
        self.layer.bias_hh_l0.zero_()
        if self.cell == "lstm":
            self.layer.bias_ih_l0[width : 2 * width] = 1.0

    @property
    def state_count(self) -> int:
        """How many tensors the state of this cell has."""
        return 2 if self.cell == "lstm" else 1

    def zero_state(self, rows: int, like: Tensor) -> CellState:
        """A state of zeros for ``rows`` rows, of the type and on the device of ``like``."""
        return tuple(like.new_zeros(rows, self.hidden_dim) for _ in range(self.state_count))

    def forward(self, sequence: Tensor, state: CellState | None = None) -> Tensor:
        """Outputs [B, T, H] for ``sequence`` [B, T, input_dim] begun in ``state``."""
        return self.run(sequence, state or self.zero_state(sequence.shape[0], sequence))[0]

    def run(self, sequence: Tensor, state: CellState) -> tuple[Tensor, CellState]:
        """Outputs [B, T, H] for ``sequence`` begun in ``state``, and the state after it."""
        if self.cell == "lstm" and torch.is_autocast_enabled("cpu") and not _autocast_has_lstm():
            with torch.autocast("cpu", enabled=False):
                return self.run(sequence.float(), tuple(part.float() for part in state))
        parts = tuple(part.unsqueeze(0) for part in state)
        begin: Any = parts if self.cell == "lstm" else parts[0]
        if self.training and self.weight_dropout:
            output, *end = self._dropped(sequence, begin)
        else:
            output, last = self.layer(sequence, begin)
            end = [*last] if self.cell == "lstm" else [last]
        return output, tuple(part.squeeze(0) for part in end)

    def _dropped(self, sequence: Tensor, begin: Any) -> Any:
        """The fused call with some weights across time left out: outputs, and the end state."""
        layer = self.layer
        across = F.dropout(layer.weight_hh_l0, self.weight_dropout)
        weights = [layer.weight_ih_l0, across, layer.bias_ih_l0, layer.bias_hh_l0]
        call: Any = {"lstm": torch.lstm, "gru": torch.gru, "rnn": torch.rnn_tanh}[self.cell]
        return call(sequence, begin, weights, True, 1, 0.0, True, False, True)

    def step(self, inputs: Tensor, state: CellState) -> CellState:
        """The state after one more input [N, input_dim]; its first part is the output."""
        layer = self.layer
        weights = (layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0, layer.bias_hh_l0)
        if self.cell == "lstm":
            few = len(inputs) < _FEW
            if few or torch.is_grad_enabled() or torch.is_autocast_enabled("cpu"):
                return tuple(torch.lstm_cell(inputs, state, *weights))
            gates = linear(inputs, weights[0], weights[2])
            gates += linear(state[0], weights[1], weights[3])
            gates.view(-1, 4, self.hidden_dim)[:, 2] *= -2
            return lstm_state(gates, state)
        function = torch.gru_cell if self.cell == "gru" else torch.rnn_tanh_cell
        return (function(inputs, state[0], *weights),)


def lstm_state(gates: Tensor, state: CellState) -> CellState:
    """The state of an LSTM after ``state``.

    tanh(x) is 1 - 2 sigmoid(-2x) here, which torch computes in a tenth of a tanh's time.

    Args:
        gates: [N, 4H], the sums of its gates by fours, that of the new value times -2; in its
            place come their sigmoids.
        state: output and memory, [N, H] both.
    """
    parts = gates.sigmoid_().view(len(gates), 4, -1)
    let_in, forget, new, let_out = parts.unbind(1)
    memory = torch.addcmul(torch.addcmul(let_in, forget, state[1]), let_in, new, value=-2)
    closed = torch.sigmoid(memory * -2)
    return torch.addcmul(let_out, let_out, closed, value=-2), memory


@cache
def _autocast_has_lstm() -> bool:
    """Whether this processor runs an LSTM in bfloat16: one with AVX2 alone has no kernel for it."""
    state, weights = torch.zeros(1, 1, 8), [torch.zeros(32, 8)] * 2 + [torch.zeros(32)] * 2
    try:
        torch.lstm(state, [state, state], weights, True, 1, 0.0, True, False, True)
    except RuntimeError:
        return False
    return True


class _Permute(torch.autograd.Function):
    """Rows of [M, D] in another order; the gradient is one gather, not a scatter-add."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, order: Tensor, inverse: Tensor) -> Tensor:
        ctx.save_for_backward(inverse)
        return rows.index_select(0, order)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (inverse,) = ctx.saved_tensors
        return gradient.index_select(0, inverse), None, None


def reversal(mask: Tensor) -> Tensor:
    """Where each position goes when every row is reversed within its own length.

    Args:
        mask: [B, S] bool, True = real, real positions first.

    Returns:
        [B * S] int64 over the flattened positions; padding stays where it is. It is its
        own inverse.
    """
    batch, length = mask.shape
    position = torch.arange(length, device=mask.device).expand(batch, length)
    mirrored = mask.sum(1, keepdim=True) - 1 - position
    within = torch.where(mask, mirrored, position)
    return (within + torch.arange(batch, device=mask.device)[:, None] * length).reshape(-1)


def reorder(sequence: Tensor, order: Tensor) -> Tensor:
    """``sequence`` [B, S, D] with its positions permuted by ``reversal``'s order."""
    flat: Tensor = _Permute.apply(sequence.reshape(-1, sequence.shape[-1]), order, order)
    return flat.reshape(sequence.shape)


def through_layers(
    states: Tensor, mask: Tensor, ahead: nn.ModuleList, back: nn.ModuleList, dropout: LockedDropout
) -> Tensor:
    """What recurrent layers make of a padded sequence.

    A backward direction reads each row reversed within its own length, so that both
    directions are fused calls over the padded batch and padding reaches neither.

    Args:
        states: [B, S, E].
        mask: [B, S] bool, True = real, real positions first.
        ahead: ``RNNLayer``s, the first one of input width E.
        back: as many for the other direction, or none.
        dropout: on the output of each layer.

    Returns:
        [B, S, D], the directions of the last layer side by side; zero in the padding.
    """
    order = reversal(mask) if back else None
    for depth, layer in enumerate(ahead):
        outputs = [layer(states)]
        if order is not None:
            outputs.append(reorder(back[depth](reorder(states, order)), order))
        states = dropout(torch.cat(outputs, -1))
    return states.masked_fill(~mask[..., None], 0.0)


class RNNEncoder(nn.Module):
    """Embeds tokens and reads them with recurrent layers, in one direction or both.

    Args:
        vocab_size: number of token ids.
        embedding_dim: width of an embedding.
        hidden_dim: width of one direction of a layer.
        layers: number of layers.
        bidirectional: read in both directions and concatenate.
        cell: ``lstm``, ``gru`` or ``rnn``.
        dropout: locked dropout on the embeddings and on the output of each layer.
        skip: a state also holds the embedding of its token, so that what the decoder attends
            to says which word stands there, not only what it means in its context (the aim of
            the lexical model of Nguyen & Chiang 2018, reached by a wider memory).
    """

    def __init__(
        self,
        vocab_size: int,
        embedding_dim: int = 256,
        hidden_dim: int = 256,
        layers: int = 1,
        bidirectional: bool = True,
        cell: Cell = "lstm",
        dropout: float = 0.3,
        skip: bool = False,
    ) -> None:
        super().__init__()
        width = hidden_dim * (2 if bidirectional else 1)
        self.output_dim = width + (embedding_dim if skip else 0)
        self.skip = skip
        self.embed = Embedding(vocab_size, embedding_dim)
        self.dropout = LockedDropout(dropout)
        widths = [embedding_dim] + [width] * (layers - 1)
        self.ahead = nn.ModuleList(RNNLayer(size, hidden_dim, cell) for size in widths)
        self.back = nn.ModuleList(
            RNNLayer(size, hidden_dim, cell) for size in widths if bidirectional
        )

    def forward(self, batch: TextBatch) -> Memory:
        """Read ``batch``: tokens [B, S]; the summary is the mean of the real states."""
        embedded = self.dropout(self.embed(batch.tokens))
        states = through_layers(embedded, batch.mask, self.ahead, self.back, self.dropout)
        if self.skip:
            states = torch.cat([states, embedded.masked_fill(~batch.mask[..., None], 0.0)], -1)
        summary = states.sum(1) / batch.mask.sum(1, keepdim=True)
        return Memory(states, batch.mask, summary)
