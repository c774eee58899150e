"""The parts of a model as nodes of a graph."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from onnx import TensorProto
from torch import Tensor

from seqgen.export.graph import Graph
from seqgen.export.own import own_attention
from seqgen.model.attention import Attention
from seqgen.model.decoder import Decoder
from seqgen.model.embedding import Embedding
from seqgen.model.rnn import RNNEncoder, RNNLayer

FLOAT, INT64, INT32 = TensorProto.FLOAT, TensorProto.INT64, TensorProto.INT32

_GATES = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2), "rnn": (0,)}  # torch's in ONNX's order


def write_step(graph: Graph, decoder: Decoder) -> None:
    """A step of ``decoder``: ``tokens`` [N] and ``state.i`` [N, ·] in; ``log_probs`` [N, V], out.

    Also in, with attention: what it keeps of B inputs, ``keys``, ``values`` and ``bias`` where it
    is seqgen's; also out: ``next.i`` and then ``attention`` [B, K, S].
    """
    width, hidden = decoder.config.embedding_dim, decoder.config.hidden_dim
    tokens = graph.input("tokens", INT64, ["n"])
    count = len(decoder.layers) * decoder.parts
    states = [graph.input(f"state.{i}", FLOAT, ["n", hidden]) for i in range(count)]
    read = _embed(graph, decoder, tokens)
    if decoder.config.input_feeding:
        read = graph.add("Concat", read, graph.input(f"state.{count}", FLOAT, ["n", width]), axis=1)
    parts = decoder.parts
    new = _cell(graph, decoder.lower, read, states[:parts])
    context = None if decoder.attention is None else _attend(graph, new[0], decoder)
    top = _join(graph, new[0], context)
    for depth, layer in enumerate(decoder.layers[1:], start=1):
        cell = _cell(graph, layer, top, states[depth * parts : (depth + 1) * parts])
        new += cell
        top = cell[0]
    if decoder.upper:
        top = _join(graph, top, context)
    out = decoder.readout
    readout = graph.add("Tanh", graph.linear(top, out.weight, out.bias, out.weight))
    logits = graph.linear(
        readout, decoder.output.weight, decoder.output.bias, decoder.output.weight
    )
    graph.output("log_probs", graph.add("LogSoftmax", logits, axis=-1), FLOAT, ["n", "v"])
    for i, state in enumerate(new):
        graph.output(f"next.{i}", state, FLOAT, ["n", hidden])
    if decoder.config.input_feeding:
        graph.output(f"next.{count}", readout, FLOAT, ["n", width])


def _join(graph: Graph, hidden: str, context: str | None) -> str:
    return hidden if context is None else graph.add("Concat", hidden, context, axis=1)


def _embed(graph: Graph, decoder: Decoder, tokens: str) -> str:
    embed = decoder.embed
    if isinstance(embed, Embedding):
        return _scaled(graph, embed, tokens)
    depth = graph.constant(embed.vocab_size, np.int64)
    return graph.add("OneHot", tokens, depth, graph.constant([0, 1], np.float32), axis=-1)


def _scaled(graph: Graph, embed: Embedding, tokens: str) -> str:
    table = graph.weight(embed.weight, embed.weight.detach().numpy())
    rows = graph.add("Gather", table, tokens)
    return graph.add("Mul", rows, graph.constant(embed.scale, np.float32))


def _cell(graph: Graph, layer: RNNLayer, read: str, state: list[str]) -> list[str]:
    """One step of a layer: its new state; the first part is the output."""
    own, width = layer.layer, layer.hidden_dim
    across, within = own.weight_hh_l0, own.weight_ih_l0
    if layer.cell == "gru":
        fresh = graph.linear(read, within, own.bias_ih_l0, within)
        carried = graph.linear(state[0], across, own.bias_hh_l0, across)
        sizes = graph.constant([width] * 3, np.int64)
        reset, update, new = graph.split("Split", fresh, sizes, count=3, axis=1)
        kept = graph.split("Split", carried, sizes, count=3, axis=1)
        reset = graph.add("Sigmoid", graph.add("Add", reset, kept[0]))
        update = graph.add("Sigmoid", graph.add("Add", update, kept[1]))
        new = graph.add("Tanh", graph.add("Add", new, graph.add("Mul", reset, kept[2])))
        back = graph.add("Mul", update, graph.add("Sub", state[0], new))
        return [graph.add("Add", new, back)]
    weight = torch.cat([within, across], 1)
    both = graph.add("Concat", read, state[0], axis=1)
    gates = graph.linear(both, weight, own.bias_ih_l0 + own.bias_hh_l0, across)
    if layer.cell == "rnn":
        return [graph.add("Tanh", gates)]
    sizes = graph.constant([width] * 4, np.int64)
    let_in, forget, new, let_out = graph.split("Split", gates, sizes, count=4, axis=1)
    kept_cell = graph.add("Mul", graph.add("Sigmoid", forget), state[1])
    added = graph.add("Mul", graph.add("Sigmoid", let_in), graph.add("Tanh", new))
    cell = graph.add("Add", kept_cell, added)
    return [graph.add("Mul", graph.add("Sigmoid", let_out), graph.add("Tanh", cell)), cell]


def _attend(graph: Graph, query: str, decoder: Decoder) -> str:
    """The contexts [N, D] of queries [N, H]; the weights become the output ``attention``."""
    hidden, own = decoder.config.hidden_dim, own_attention(decoder)
    memory = decoder.readout.in_features - hidden
    if own is None:
        context, weights = _look(graph, decoder.attention, query, hidden, memory)
    else:
        kept = own.write_inputs(graph)
        context, weights = own.write_look(graph, _grouped(graph, query, kept[0], hidden))
    graph.output("attention", weights, FLOAT, ["b", "k", "s"])
    return graph.add("Reshape", context, graph.constant([-1, memory], np.int64))


def _look(
    graph: Graph, attention: Attention, query: str, hidden: int, memory: int
) -> tuple[str, str]:
    """Contexts [B, K, D] and weights [B, K, S] of queries [N, H]."""
    mlp = attention.query is not None
    shape: list[int | str] = ["b", "s", hidden] if mlp else ["b", hidden, "s"]
    keys = graph.input("keys", FLOAT, shape)
    values = graph.input("values", FLOAT, ["b", "s", memory])
    bias = graph.input("bias", FLOAT, ["b", 1, "s"])
    if attention.query is not None:
        query = graph.linear(
            query, attention.query.weight, attention.query.bias, attention.query.weight
        )
    grouped = _grouped(graph, query, keys, hidden)
    if attention.energy is not None:
        wide = graph.add("Unsqueeze", grouped, graph.constant([2], np.int64))
        each = graph.add("Unsqueeze", keys, graph.constant([1], np.int64))
        mixed = graph.add("Tanh", graph.add("Add", wide, each))  # [B, K, S, H]
        energy = attention.energy.weight
        column = graph.weight(energy, energy.detach().numpy().T.copy())
        last = graph.constant([-1], np.int64)
        scores = graph.add("Squeeze", graph.add("MatMul", mixed, column), last)
    else:
        scores = graph.add("MatMul", grouped, keys)
    weights = graph.add("Softmax", graph.add("Add", scores, bias), axis=-1)
    return graph.add("MatMul", weights, values), weights


def _grouped(graph: Graph, rows: str, kept: str, width: int) -> str:
    """Rows [N, H] as [B, K, H], for the B inputs of which something is ``kept``."""
    inputs = graph.add("Shape", kept, start=0, end=1)
    rest = graph.constant([-1, width], np.int64)
    return graph.add("Reshape", rows, graph.add("Concat", inputs, rest, axis=0))


def write_start(graph: Graph, encoder: RNNEncoder, decoder: Decoder) -> None:
    """What ``tokens`` [B, S] of ``lengths`` [B] int32 become: ``state.i``, and keys and values."""
    tokens = graph.input("tokens", INT64, ["b", "s"])
    lengths = graph.input("lengths", INT32, ["b"])
    embedded = graph.add("Transpose", _scaled(graph, encoder.embed, tokens), perm=[1, 0, 2])
    states = embedded  # [S, B, D]
    for depth in range(len(encoder.ahead)):
        sides = [encoder.ahead, *([encoder.back] if len(encoder.back) else [])]
        states = _run(graph, [cast(RNNLayer, side[depth]) for side in sides], states, lengths)
    if encoder.skip:
        states = graph.add("Concat", states, embedded, axis=2)
    places = graph.add(
        "Range", graph.constant(0, np.int64),
        graph.add("Squeeze", graph.add("Shape", tokens, start=1, end=2)),
        graph.constant(1, np.int64),
    )  # fmt: skip
    one = graph.constant([1], np.int64)
    column = graph.add("Unsqueeze", graph.add("Cast", lengths, to=INT64), one)
    mask = graph.add("Less", graph.add("Unsqueeze", places, graph.constant([0], np.int64)), column)
    real = graph.add("Unsqueeze", graph.add("Cast", mask, to=FLOAT), graph.constant([2], np.int64))
    states = graph.add("Mul", graph.add("Transpose", states, perm=[1, 0, 2]), real)
    total = graph.add("ReduceSum", states, one, keepdims=0)
    summary = graph.add("Div", total, graph.add("Cast", column, to=FLOAT))
    _begin(graph, decoder, summary)
    own = own_attention(decoder)
    if own is not None:
        own.write_prepare(graph, states, mask, summary)
    elif decoder.attention is not None:
        _prepare(graph, decoder.attention, states, decoder)
        masked = graph.constant(-np.inf, np.float32)
        bias = graph.add("Where", mask, graph.constant(0, np.float32), masked)
        graph.output("bias", graph.add("Unsqueeze", bias, one), FLOAT, ["b", 1, "s"])


def _run(graph: Graph, layers: list[RNNLayer], states: str, lengths: str) -> str:
    """A recurrent layer in one or two directions over [S, B, D]: [S, B, H or 2H]."""
    cell, width = layers[0].cell, layers[0].hidden_dim

    def gathered(name: str) -> Tensor:
        each = [getattr(layer.layer, name).detach() for layer in layers]
        rows = [torch.cat([one.split(width)[gate] for gate in _GATES[cell]]) for one in each]
        return torch.stack(rows)

    within, across = (gathered(f"weight_{side}_l0") for side in ("ih", "hh"))
    biases = torch.cat([gathered("bias_ih_l0"), gathered("bias_hh_l0")], 1)
    inputs = [graph.weight(one, one.numpy()) for one in (within, across, biases)]
    options: dict[str, Any] = {
        "hidden_size": width,
        "direction": ("forward", "bidirectional")[len(layers) - 1],
    }
    if cell == "gru":
        options["linear_before_reset"] = 1
    found = graph.add(cell.upper(), states, *inputs, lengths, **options)  # [S, directions, B, H]
    flat = graph.constant([0, 0, width * len(layers)], np.int64)
    return graph.add("Reshape", graph.add("Transpose", found, perm=[0, 2, 1, 3]), flat)


def _begin(graph: Graph, decoder: Decoder, summary: str) -> None:
    begin = decoder.begin
    assert begin is not None  # a decoder with an encoder has one
    hidden, count = decoder.config.hidden_dim, len(decoder.layers) * decoder.parts
    whole = graph.add("Tanh", graph.linear(summary, begin.weight, begin.bias, begin.weight))
    sizes = graph.constant([hidden] * count, np.int64)
    for i, part in enumerate(graph.split("Split", whole, sizes, count=count, axis=1)):
        graph.output(f"state.{i}", part, FLOAT, ["b", hidden])


def _prepare(graph: Graph, attention: Attention, states: str, decoder: Decoder) -> None:
    keys = states
    if attention.key is not None:
        weight = attention.key.weight
        keys = graph.add("MatMul", states, graph.weight(weight, weight.detach().numpy().T.copy()))
    shape: list[int | str] = ["b", "s", decoder.config.hidden_dim]
    if attention.query is None:  # a product is to follow
        scaled = graph.add("Mul", keys, graph.constant(attention.scale, np.float32))
        keys = graph.add("Transpose", scaled, perm=[0, 2, 1])
        shape = ["b", decoder.config.hidden_dim, "s"]
    graph.output("keys", keys, FLOAT, shape)
    memory = decoder.readout.in_features - decoder.config.hidden_dim
    graph.output("values", states, FLOAT, ["b", "s", memory])
