"""The one decoder: recurrent layers below and above an attention that only the lower one asks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from seqgen.errors import UserError
from seqgen.model.attention import KINDS, Prepared, make_attention
from seqgen.model.embedding import Embedding, OneHot
from seqgen.model.linear import Linear
from seqgen.model.memory import Memory
from seqgen.model.rnn import Cell, CellState, LockedDropout, RNNLayer
from seqgen.plugins import is_spec

_CACHED = 32  # rows of logits that a cache holds


@dataclass(frozen=True)
class DecoderConfig:
    """What a decoder is made of."""

    embedding_dim: int = 256  # width of an embedding, and of what the output layer reads
    one_hot: bool = False  # tokens come in as one-hot vectors; for a small vocabulary
    hidden_dim: int = 256  # H, width of every recurrent layer
    layers: int = 2  # the first stands below the attention, the others above it
    cell: Cell = "lstm"
    attention: str = "general"  # dot, general, mlp or none; or a spec, see seqgen.plugins
    attention_options: dict[str, Any] = field(default_factory=dict)  # of one's own
    input_feeding: bool = False  # Luong et al. 2015; trains in a loop, no dropout between layers
    tied_output: bool = True  # the output layer is the embedding, transposed (Press & Wolf 2017)
    dropout: float = 0.3  # locked dropout on embeddings, between layers and before the output
    weight_dropout: float = 0.0  # on the weights across time (DropConnect, Merity et al. 2018)

    def __post_init__(self) -> None:
        for name in ("embedding_dim", "hidden_dim", "layers"):
            if getattr(self, name) < 1:
                raise UserError(f"decoder {name} must be at least 1, not {getattr(self, name)}")
        for name in ("dropout", "weight_dropout"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise UserError(f"decoder {name} must be in [0, 1), not {getattr(self, name)}")
        if not (self.attention in (*KINDS, "none") or is_spec(self.attention, "attention")):
            fix = f"choose from {', '.join((*KINDS, 'none'))}, or name your own"
            raise UserError(f"decoder attention is '{self.attention}'", fix=fix)
        if self.one_hot and self.tied_output:
            raise UserError("decoder one_hot has no embedding to tie", fix="tied_output = false")
        if self.input_feeding and self.weight_dropout:
            raise UserError("decoder weight_dropout does not go with input_feeding")


@dataclass(frozen=True)
class State:
    """Where a decoder stands in N sequences over B inputs.

    Rows come in groups of equal size, one group an input, so a memory is held once an input
    however many hypotheses attend to it.

    Attributes:
        cells: for each layer its state, tensors [N, H].
        feed: [N, E], the last readout, with input feeding; else None.
        prepared: attention keys of B inputs, N a multiple of B; None without attention.
    """

    cells: tuple[CellState, ...]
    feed: Tensor | None
    prepared: Prepared | None

    def select(self, rows: Tensor) -> State:
        """The rows [M] int64 in that order; the memory moves only if inputs come or go."""
        cells = tuple(tuple(part.index_select(0, rows) for part in cell) for cell in self.cells)
        feed = None if self.feed is None else self.feed.index_select(0, rows)
        prepared = self.prepared
        if prepared is not None:
            count = prepared.keys.shape[0]
            inputs = owners(rows, self.rows // count, count)
            prepared = prepared if inputs is None else prepared.select(inputs)
        return State(cells, feed, prepared)

    @property
    def rows(self) -> int:
        """N."""
        return self.cells[0][0].shape[0]


def owners(rows: Tensor, size: int, count: int) -> Tensor | None:
    """Which of ``count`` inputs are left where ``rows`` [M] of their groups of ``size`` are.

    Each once where the groups have one size, else each row's own; None where all are left.
    """
    each = rows // size
    inputs, sizes = torch.unique_consecutive(each, return_counts=True)
    if bool((sizes != sizes[0]).any()):
        inputs = each
    return None if torch.equal(inputs, torch.arange(count, device=rows.device)) else inputs


class Decoder(nn.Module):
    """Writes a sequence, one token after another, from a memory or from nothing.

    Lower layer, attention, upper layers, readout. Since the attention is asked by the layer
    below it, teacher forcing runs each layer over the whole sequence in one call (Anderson
    et al. 2018; Chen et al. 2018). ``step`` does the same a token at a time.

    Args:
        vocab_size: V, number of token ids.
        memory_dim: D, width of the memory; None for a language model.
        config: see ``DecoderConfig``.
    """

    def __init__(
        self, vocab_size: int, memory_dim: int | None, config: DecoderConfig = DecoderConfig()
    ) -> None:
        super().__init__()
        self.config = config
        hidden, width = config.hidden_dim, config.embedding_dim
        self.embed = OneHot(vocab_size) if config.one_hot else Embedding(vocab_size, width)
        self.dropout = LockedDropout(config.dropout)
        attend = memory_dim is not None and config.attention != "none"
        context = memory_dim if attend and memory_dim is not None else 0
        fed = width if config.input_feeding else 0
        dropped = config.weight_dropout
        read = vocab_size if config.one_hot else width
        self.lower = RNNLayer(read + fed, hidden, config.cell, dropped)
        self.upper = nn.ModuleList(
            RNNLayer(hidden + (context if depth == 0 else 0), hidden, config.cell, dropped)
            for depth in range(config.layers - 1)
        )
        self.attention: Any = None
        if attend:
            options = config.attention_options
            self.attention = make_attention(config.attention, options, hidden, context)
        self.parts = self.lower.state_count
        self.begin = (
            Linear(memory_dim, config.layers * self.parts * hidden)
            if memory_dim is not None
            else None
        )
        self.readout = Linear(hidden + context, width)
        self.output = Linear(width, vocab_size)
        nn.init.zeros_(self.output.bias)
        if isinstance(self.embed, Embedding) and config.tied_output:
            self.output.weight = self.embed.weight
        else:
            nn.init.normal_(self.output.weight, std=width**-0.5)

    @property
    def layers(self) -> list[RNNLayer]:
        """All recurrent layers, from the bottom."""
        return [self.lower, *self.upper]

    def start(self, memory: Memory | None, batch_size: int) -> State:
        """The state before the first token of ``batch_size`` sequences."""
        like = self.readout.bias  # for its type and where it is
        if self.begin is None or memory is None:
            cells = tuple(layer.zero_state(batch_size, like) for layer in self.layers)
        else:
            parts = torch.split(torch.tanh(self.begin(memory.summary)), self.config.hidden_dim, -1)
            pairs = [parts[i : i + self.parts] for i in range(0, len(parts), self.parts)]
            cells = tuple(tuple(part.contiguous() for part in pair) for pair in pairs)
        feed = like.new_zeros(batch_size, self.config.embedding_dim)
        prepared = None
        if self.attention is not None and memory is not None:
            prepared = self.attention.prepare(memory)
        return State(cells, feed if self.config.input_feeding else None, prepared)

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State, Tensor | None]:
        """Read one token a row.

        Args:
            tokens: [N] int64.
            state: of N rows.

        Returns:
            Log-probabilities [N, V] of the next token, the new state, and the attention
            [N, S] where there is one.
        """
        read, state, weights = self.advance(self.embed(tokens), state)
        return self.log_probs(read), state, weights

    def log_probs(self, read: Tensor) -> Tensor:
        """Log-probabilities [N, V] of the next token after readouts [N, E]."""
        return _log_probabilities(self.output(read))

    def advance(self, embedded: Tensor, state: State) -> tuple[Tensor, State, Tensor | None]:
        """One step from an embedding [N, E] to a readout [N, E]."""
        inputs = embedded if state.feed is None else torch.cat([embedded, state.feed], -1)
        cells = [self.lower.step(inputs, state.cells[0])]
        context, weights = self._look(cells[0][0], state.prepared)
        for layer, cell in zip(self.layers[1:], state.cells[1:], strict=True):
            hidden = cells[-1][0]
            below = _join(hidden, context) if layer is self.layers[1] else hidden
            cells.append(layer.step(below, cell))
        read = _tanh(self.readout(_join(cells[-1][0], context)))
        feed = None if state.feed is None else read
        return read, State(tuple(cells), feed, state.prepared), weights

    def _look(
        self, queries: Tensor, prepared: Prepared | None
    ) -> tuple[Tensor | None, Tensor | None]:
        """Contexts [N, D] and weights [N, S] for one query [N, H] a row."""
        if self.attention is None or prepared is None:
            return None, None
        inputs = prepared.keys.shape[0]
        context, weights = self.attention(queries.view(inputs, -1, queries.shape[-1]), prepared)
        return context.flatten(0, 1), weights.flatten(0, 1)

    def hidden(self, memory: Memory | None, tokens: Tensor) -> Tensor:
        """Readouts [B, T, E] under teacher forcing of ``tokens`` [B, T] (BOS first)."""
        return self.read(tokens, self.start(memory, tokens.shape[0]))[0]

    def read(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """Readouts [B, T, E] of ``tokens`` [B, T] that follow on ``state``, and the state then."""
        embedded = self.dropout(self.embed(tokens))
        if self.config.input_feeding:
            looped, state = self._loop(embedded, state)
            return self.dropout(looped), state
        sequence, cell = self.lower.run(embedded, state.cells[0])
        cells, context = [cell], None
        if self.attention is not None and state.prepared is not None:
            context, _ = self.attention(sequence, state.prepared)
        for layer, cell in zip(self.layers[1:], state.cells[1:], strict=True):
            below = _join(sequence, context) if layer is self.layers[1] else sequence
            sequence, cell = layer.run(self.dropout(below), cell)
            cells.append(cell)
        read = _tanh(self.readout(self.dropout(_join(sequence, context))))
        return self.dropout(read), State(tuple(cells), None, state.prepared)

    def _loop(self, embedded: Tensor, state: State) -> tuple[Tensor, State]:
        """Readouts [B, T, E] a step at a time, each fed to the next, and the state then."""
        reads = []
        for inputs in embedded.unbind(1):
            read, state, _ = self.advance(inputs, state)
            reads.append(read)
        return torch.stack(reads, 1), state

    def forward(self, memory: Memory | None, tokens: Tensor) -> Tensor:
        """Logits [B, T, V] of the token after each of ``tokens`` [B, T] (BOS first)."""
        logits: Tensor = self.output(self.hidden(memory, tokens))
        return logits


def _log_probabilities(logits: Tensor) -> Tensor:
    """The logarithm of the softmax of each row [N, V]; ``logits`` turn into it, if they may.

    A few rows at a time stay in the cache between its passes.
    """
    if logits.requires_grad:
        return torch.log_softmax(logits, -1)
    for rows in torch.split(logits, _CACHED):
        torch.log_softmax(rows, -1, out=rows)
    return logits


def _tanh(numbers: Tensor) -> Tensor:
    """1 - 2 sigmoid(-2x), which torch computes in a fifth of a tanh's time."""
    return torch.rsub(torch.sigmoid(numbers * -2), 1, alpha=2)


def _join(hidden: Tensor, context: Tensor | None) -> Tensor:
    return hidden if context is None else torch.cat([hidden, context], -1)
