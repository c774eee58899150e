"""A decoder whose products are of 8-bit integers: faster, and exact about batches.

Weights are rounded once, a scale for each output (absmax); what comes in is rounded as it comes,
a scale for each row. Sums of integers have no order, so a row's result is the same bits
whatever stands beside it: a batch of N gives what N singles give.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from seqgen.model.decoder import Decoder
from seqgen.model.rnn import Cell, CellState, RNNLayer

_MOST = 127  # the largest 8-bit integer whose negative is one, too


def round_rows(numbers: Tensor) -> tuple[Tensor, Tensor]:
    """Rows [N, K] as int8 [N, K] and scales [N, 1], so that ``int8 * scale`` is about the row."""
    scales = numbers.abs().amax(-1, keepdim=True).div_(_MOST)
    scales.clamp_min_(torch.finfo(numbers.dtype).tiny)  # a row of zeros
    return (numbers / scales).round_().to(torch.int8), scales


class Int8Linear(nn.Module):
    """``nn.Linear`` in 8-bit integers.

    Args:
        weight: [M, K].
        bias: [M] or None.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.weight: Tensor
        self.scales: Tensor
        self.bias: Tensor
        rounded, scales = round_rows(weight.detach())
        self.in_features, self.out_features = rounded.shape[1], rounded.shape[0]
        self.register_buffer("weight", rounded)
        self.register_buffer("scales", scales.squeeze(-1))
        bias = weight.new_zeros(len(weight)) if bias is None else bias
        self.register_buffer("bias", bias.detach().clone())

    def forward(self, numbers: Tensor) -> Tensor:
        """The product for numbers [..., K]: [..., M]."""
        rows, scales = round_rows(numbers.reshape(-1, self.in_features))
        if self.in_features == 1:  # torch._int_mm misreads the strides of a single column
            sums = rows.int() * self.weight.t().int()
        else:
            sums = torch._int_mm(rows, self.weight.t())
        found = sums.to(numbers.dtype).mul_(scales)
        torch.addcmul(self.bias, found, self.scales, out=found)
        return found.view(*numbers.shape[:-1], self.out_features)


class Int8Layer(nn.Module):
    """A recurrent layer a step at a time, its two products in 8-bit integers.

    Args:
        layer: whose weights it takes.
    """

    def __init__(self, layer: RNNLayer) -> None:
        super().__init__()
        own = layer.layer
        self.cell: Cell = layer.cell
        self.hidden_dim, self.state_count = layer.hidden_dim, layer.state_count
        self.read = Int8Linear(own.weight_ih_l0, own.bias_ih_l0)
        self.carry = Int8Linear(own.weight_hh_l0, own.bias_hh_l0)

    def zero_state(self, rows: int, like: Tensor) -> CellState:
        """As ``RNNLayer.zero_state``."""
        return tuple(like.new_zeros(rows, self.hidden_dim) for _ in range(self.state_count))

    def step(self, inputs: Tensor, state: CellState) -> CellState:
        """As ``RNNLayer.step``."""
        read, carried = self.read(inputs), self.carry(state[0])
        if self.cell == "rnn":
            return (torch.tanh(read + carried),)
        if self.cell == "gru":
            width = 2 * self.hidden_dim
            reset, update = torch.sigmoid(read[:, :width] + carried[:, :width]).chunk(2, -1)
            new = torch.tanh(read[:, width:] + reset * carried[:, width:])
            return (torch.lerp(new, state[0], update),)
        gates = (read + carried).view(-1, 4, self.hidden_dim)
        let_in, forget, _, let_out = torch.sigmoid(gates).unbind(1)
        memory = forget * state[1] + let_in * torch.tanh(gates[:, 2])
        return let_out * torch.tanh(memory), memory

    def run(self, sequence: Tensor, state: CellState) -> tuple[Tensor, CellState]:
        """As ``RNNLayer.run``, in a loop of steps."""
        outputs = []
        for inputs in sequence.unbind(1):
            state = self.step(inputs, state)
            outputs.append(state[0])
        return torch.stack(outputs, 1), state


def quantize(decoder: Decoder) -> None:
    """Put the products of ``decoder``, trained and in evaluation mode, into 8-bit integers.

    Recurrent layers, readout and output, and the queries of ``mlp`` attention. What is computed
    once an input stays as it is: the encoder, its keys, the initial state.
    """
    lower = Int8Layer(decoder.lower)
    upper = nn.ModuleList(Int8Layer(cast(RNNLayer, layer)) for layer in decoder.upper)
    readout = Int8Linear(decoder.readout.weight, decoder.readout.bias)
    output = Int8Linear(decoder.output.weight, decoder.output.bias)
    parts: dict[str, Any] = {"lower": lower, "upper": upper, "readout": readout, "output": output}
    for name, part in parts.items():
        setattr(decoder, name, part)
    attention = decoder.attention
    if attention is not None and attention.query is not None:
        attention.query = cast(nn.Linear, Int8Linear(attention.query.weight, attention.query.bias))
