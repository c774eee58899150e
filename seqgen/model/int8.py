"""A decoder whose products are of 8-bit integers: faster, and exact about batches.

Weights are rounded once, a scale for each output (absmax); what comes in is rounded as it comes,
a scale for each row. Sums of integers have no order, so a row's result is the same bits
whatever stands beside it: a batch of N gives what N singles give.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqgen.model.attention import Attention
from seqgen.model.build import Seq2Seq
from seqgen.model.embedding import Embedding
from seqgen.model.rnn import Cell, CellState, RNNLayer, lstm_state

Sums = Callable[[Tensor], Tensor]  # of rows int8 [N, K], times a scale for each column: [N, M]

_MOST = 127  # the largest 8-bit integer whose negative is one, too
_SHIFT = 128  # what makes one unsigned
_FEW, _MANY = 8, 32  # rows come by so many, since oneDNN makes a kernel for each number of them


def round_rows(numbers: Tensor, most: int = _MOST) -> tuple[Tensor, Tensor]:
    """Rows [N, K] as int8 [N, K] and scales [N, 1], so that ``int8 * scale`` is about the row.

    The largest number of a row becomes ``most``.
    """
    scales = numbers.abs().amax(-1, keepdim=True).div_(most)
    scales.clamp_min_(torch.finfo(numbers.dtype).tiny)  # a row of zeros
    return (numbers / scales).round_().to(torch.int8), scales


def _float_sums(rows: Tensor, matrix: Tensor, scales: Tensor) -> Tensor:
    """The same sums, of a matrix of floats that hold every one exactly."""
    return F.linear(rows.to(matrix.dtype), matrix).to(scales.dtype).mul_(scales)


@dataclass(frozen=True)
class Packing:
    """How oneDNN is given 8-bit integers so that it adds up their products without an error.

    It packs a matrix once and multiplies by the scales on the way. x86 multiplies unsigned rows
    by a signed matrix. Processors older than VNNI add pairs of products in 16 bits, which is too
    few, unless the matrix keeps to 7 bits. Signed rows may be left to a loop of plain C.

    Attributes:
        most: the largest number in the matrix.
        unsigned: rows go in unsigned, 128 above what they are.
    """

    most: int
    unsigned: bool

    def pack(self, matrix: Tensor, scales: Tensor) -> Sums:
        """``_sums`` with ``matrix``, int8 [M, K], put once into the order oneDNN reads it in."""
        packed = torch.ops.onednn.qlinear_prepack(matrix, None)
        zeros = torch.zeros(len(scales), dtype=torch.int64)  # every scale's zero point
        return partial(self._sums, packed=packed, scales=scales, zeros=zeros)

    def _sums(self, rows: Tensor, packed: Any, scales: Tensor, zeros: Tensor) -> Tensor:
        """Sums of products with a packed matrix, exact, then times ``scales`` [M]: float32."""
        count = len(rows)
        unit = 1 if count == 1 else _FEW if count <= 2 * _FEW else _MANY
        rows, zero = F.pad(rows, (0, 0, 0, -count % unit)), 0
        if self.unsigned:
            rows, zero = rows.view(torch.uint8) ^ _SHIFT, _SHIFT  # each number plus 128
        form: Any = ("none", [], "")  # nothing done to the sums
        product: Any = torch.ops.onednn.qlinear_pointwise
        found: Tensor = product(
            rows, 1.0, zero, packed, scales, zeros, None, 1.0, 0, torch.float32, *form
        )
        return found[:count]

    def exact(self) -> bool:
        """Whether sums of the largest numbers come out right here."""
        largest = torch.full((4, 256), self.most, dtype=torch.int8)
        try:
            sums = self.pack(largest, torch.ones(4))(torch.full_like(largest, _MOST))
        except (AttributeError, RuntimeError):  # a torch without oneDNN, or with another one
            return False
        return bool((sums == 256 * _MOST * self.most).all())


@cache
def packing() -> Packing | None:
    """What is exact on this processor, the fast and the fine first; None where nothing is."""
    kinds = (Packing(_MOST, True), Packing(_MOST, False), Packing(_MOST // 2, True))
    return next(filter(Packing.exact, kinds), None)


def prepare(matrix: Tensor, scales: Tensor, packs: Packing | None) -> Sums:
    """Sums of products with ``matrix``, int8 [M, K]: packed, or in floats that hold each one."""
    if packs is not None:
        return packs.pack(matrix, scales)
    exact = matrix.shape[1] * _MOST**2 < 1 << 24  # in float32
    return partial(
        _float_sums, matrix=matrix.to(torch.float32 if exact else torch.float64), scales=scales
    )


class Int8Linear(nn.Module):
    """``nn.Linear`` in 8-bit integers.

    Args:
        weight: [M, K].
        bias: [M] or None.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.bias: Tensor
        packs = packing() if weight.dtype == torch.float32 else None
        rounded, scales = round_rows(weight.detach(), packs.most if packs else _MOST)
        self.in_features, self.out_features = rounded.shape[1], rounded.shape[0]
        bias = weight.new_zeros(len(weight)) if bias is None else bias
        self.register_buffer("bias", bias.detach().clone())
        self._rounded, self._scales, self._packs = rounded, scales.squeeze(-1), packs
        self._sums = prepare(rounded, self._scales, packs)

    def forward(self, numbers: Tensor) -> Tensor:
        """The product for numbers [..., K]: [..., M]."""
        found = self.onto(self.bias, numbers.reshape(-1, self.in_features))
        return found.view(*numbers.shape[:-1], self.out_features)

    def onto(self, start: Tensor, numbers: Tensor) -> Tensor:
        """``start``, [M] or [N, M], and the product for ``numbers`` [N, K], without the bias."""
        return _product(numbers, start, self._sums)

    def part(self, outputs: Tensor) -> Callable[[Tensor], Tensor]:
        """The product for numbers [N, K], of the ``outputs`` [m] alone: [N, m]."""
        sums = prepare(self._rounded[outputs], self._scales[outputs], self._packs)
        return partial(_product, start=self.bias[outputs], sums=sums)


def _product(numbers: Tensor, start: Tensor, sums: Sums) -> Tensor:
    rows, scales = round_rows(numbers)
    found = sums(rows)
    return torch.addcmul(start, found, scales, out=found)


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
        read, carry, bias = own.weight_ih_l0, own.weight_hh_l0, own.bias_ih_l0
        if self.cell != "gru":  # whose reset gate needs what is carried apart
            bias = bias + own.bias_hh_l0
        if self.cell == "lstm":
            read, carry, bias = (_new_doubled(part) for part in (read, carry, bias))
        self.read: nn.Module = Int8Linear(read, bias)
        self.carry = Int8Linear(carry, own.bias_hh_l0 if self.cell == "gru" else None)

    def zero_state(self, rows: int, like: Tensor) -> CellState:
        """As ``RNNLayer.zero_state``."""
        return tuple(like.new_zeros(rows, self.hidden_dim) for _ in range(self.state_count))

    def forward(self, sequence: Tensor) -> Tensor:
        """As ``RNNLayer.forward``, begun in zeros."""
        return self.run(sequence, self.zero_state(sequence.shape[0], sequence))[0]

    def step(self, inputs: Tensor, state: CellState) -> CellState:
        """As ``RNNLayer.step``."""
        return self._step(self.read(inputs), state)

    def _step(self, read: Tensor, state: CellState) -> CellState:
        """The state after one more input, of which the gates have ``read`` [N, G]."""
        if self.cell == "rnn":
            return (self.carry.onto(read, state[0]).tanh_(),)
        if self.cell == "gru":
            carried = self.carry(state[0])
            width = 2 * self.hidden_dim
            reset, update = torch.sigmoid(read[:, :width] + carried[:, :width]).chunk(2, -1)
            new = torch.tanh(read[:, width:] + reset * carried[:, width:])
            return (torch.lerp(new, state[0], update),)
        return lstm_state(self.carry.onto(read, state[0]), state)

    def run(self, sequence: Tensor, state: CellState) -> tuple[Tensor, CellState]:
        """As ``RNNLayer.run``, in a loop of steps behind one product for all inputs."""
        outputs = []
        for read in self.read(sequence).unbind(1):
            state = self._step(read, state)
            outputs.append(state[0])
        return torch.stack(outputs, 1), state


def _new_doubled(parts: Tensor) -> Tensor:
    """The rows of an LSTM, by fours, with those of the new value times -2."""
    let_in, forget, new, let_out = parts.chunk(4)
    return torch.cat([let_in, forget, new * -2, let_out])


class GateTable(nn.Module):
    """What every token adds to the gates of the lower layer: looked up, not multiplied.

    Args:
        rows: [V, G], kept in 16 bits, which round less than the product has done.
    """

    def __init__(self, rows: Tensor) -> None:
        super().__init__()
        self.rows: Tensor
        self.register_buffer("rows", rows.half())
        self.dtype = rows.dtype

    def forward(self, tokens: Tensor) -> Tensor:
        """Rows [..., G] of ``tokens`` [...] int64."""
        return F.embedding(tokens, self.rows).to(self.dtype)


@torch.no_grad()
def quantize(model: Seq2Seq) -> None:
    """Put the products of ``model``, trained and in evaluation mode, into 8-bit integers.

    Of the decoder the recurrent layers, readout and output, and the queries of ``mlp``
    attention; what the lower layer makes of a token is computed once, unless a readout is fed
    with it. Recurrent layers of the encoder and the attention's keys follow where the matrix has
    all 8 bits: elsewhere it is no faster, as these are products of many rows at once.
    """
    decoder = model.decoder
    lower = Int8Layer(decoder.lower)
    if not decoder.config.input_feeding:
        rows = lower.read(decoder.embed(torch.arange(decoder.output.out_features)))
        decoder.embed, lower.read = cast(Embedding, GateTable(rows)), nn.Identity()
    upper = nn.ModuleList(Int8Layer(cast(RNNLayer, layer)) for layer in decoder.upper)
    decoder.lower, decoder.upper = cast(RNNLayer, lower), upper
    packs = packing()
    fast = packs is not None and packs.most == _MOST
    linear: list[tuple[nn.Module, str]] = [(decoder, "readout"), (decoder, "output")]
    if isinstance(decoder.attention, Attention):
        linear += [(decoder.attention, name) for name in ("query", "key")[: 1 + fast]]
    for owner, name in linear:
        part = getattr(owner, name)
        if part is not None:
            setattr(owner, name, Int8Linear(part.weight, part.bias))
    for module in [*model.encoder.modules()] if fast else ():
        for name, layer in module.named_children():
            if isinstance(layer, RNNLayer):
                setattr(module, name, Int8Layer(layer))
