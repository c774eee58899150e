"""An encoder of sentences cut into words: what a word is, how it is spelled, where it stands."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn

from seqgen.errors import UserError
from seqgen.model.embedding import Embedding
from seqgen.model.memory import Memory, TextBatch, WordBatch
from seqgen.model.rnn import Cell, LockedDropout, RNNLayer, reorder, reversal, through_layers
from seqgen.model.windows import Windows, maximum
from seqgen.text import UNK

Reader = Literal["rnn", "cnn"]


class Spelling(nn.Module):
    """Words as vectors made of their characters, read in both directions (Ling et al. 2015).

    What each direction has read at its end, the two side by side: the one ahead knows best how a
    word ends, the one back how it begins.

    Args:
        characters: number of character ids.
        embedding_dim: width of a character.
        hidden_dim: width of one direction.
        cell: ``lstm``, ``gru`` or ``rnn``.
        dropout: locked dropout on the characters.
    """

    def __init__(
        self, characters: int, embedding_dim: int, hidden_dim: int, cell: Cell, dropout: float
    ) -> None:
        super().__init__()
        self.output_dim = 2 * hidden_dim
        self.embed = Embedding(characters, embedding_dim)
        self.dropout = LockedDropout(dropout)
        self.ahead = RNNLayer(embedding_dim, hidden_dim, cell)
        self.back = RNNLayer(embedding_dim, hidden_dim, cell)

    def forward(self, batch: TextBatch) -> Tensor:
        """Vectors [U, D] of words with the characters ``batch``: tokens [U, C]."""
        characters = self.dropout(self.embed(batch.tokens))
        rows = torch.arange(characters.shape[0], device=characters.device)
        last = batch.mask.sum(1) - 1
        mirrored = reorder(characters, reversal(batch.mask))
        ends = [self.ahead(characters)[rows, last], self.back(mirrored)[rows, last]]
        return torch.cat(ends, -1)


class SpellingWindows(nn.Module):
    """Words as vectors made of their characters, three at a time (Ma & Hovy 2016).

    Of each filter the greatest value over all windows of a word, the first and the last of which
    reach beyond its ends.

    Args:
        characters: number of character ids.
        embedding_dim: width of a character.
        filters: width of a word's vector.
        dropout: locked dropout on the characters.
    """

    def __init__(self, characters: int, embedding_dim: int, filters: int, dropout: float) -> None:
        super().__init__()
        self.output_dim = filters
        self.embed = Embedding(characters, embedding_dim)
        self.dropout = LockedDropout(dropout)
        self.windows = Windows(embedding_dim, filters, 3)

    def forward(self, batch: TextBatch) -> Tensor:
        """Vectors [U, D] of words with the characters ``batch``: tokens [U, C]."""
        characters = self.dropout(self.embed(batch.tokens))
        characters = characters.masked_fill(~batch.mask[..., None], 0.0)
        return maximum(self.windows(characters), batch.mask)


class WordEncoder(nn.Module):
    """Reads words with recurrent layers in both directions: one state a word.

    A word is its embedding beside its spelling, so that of a word never seen at least the
    spelling is known (Plank et al. 2016, "Multilingual Part-of-Speech Tagging with
    Bidirectional Long Short-Term Memory Models and Auxiliary Loss"). What such a word's
    embedding is, it learns by hiding words.

    Args:
        vocab_size: number of word ids.
        characters: number of character ids.
        embedding_dim: width of a word's embedding.
        character_dim: width of a character's.
        spelling_dim: width of one direction over the characters; 0 leaves spellings out.
        hidden_dim: width of one direction over the words.
        layers: number of layers over the words.
        cell: ``lstm``, ``gru`` or ``rnn``.
        dropout: locked dropout on the vectors of words and on the output of each layer.
        word_dropout: share of the words whose embedding is that of an unknown word in training;
            their spelling stays.
        reader: of the characters: ``rnn``, in both directions, or ``cnn``, in windows of three,
            with twice ``spelling_dim`` filters, so that a spelling is as wide.

    Raises:
        UserError: there is no such reader.
    """

    def __init__(
        self,
        vocab_size: int,
        characters: int,
        embedding_dim: int = 128,
        character_dim: int = 32,
        spelling_dim: int = 64,
        hidden_dim: int = 160,
        layers: int = 1,
        cell: Cell = "lstm",
        dropout: float = 0.4,
        word_dropout: float = 0.2,
        reader: Reader = "rnn",
    ) -> None:
        super().__init__()
        if reader not in get_args(Reader):
            raise UserError(f"there is no reader '{reader}'", fix="choose of rnn, cnn")
        self.output_dim = 2 * hidden_dim
        self.word_dropout = word_dropout
        self.embed = Embedding(vocab_size, embedding_dim)
        self.spelling: Spelling | SpellingWindows | None = None
        width = embedding_dim
        if spelling_dim:
            sizes = (characters, character_dim)
            if reader == "rnn":
                self.spelling = Spelling(*sizes, spelling_dim, cell, dropout / 2)
            else:
                self.spelling = SpellingWindows(*sizes, 2 * spelling_dim, dropout / 2)
            width += self.spelling.output_dim
        self.dropout = LockedDropout(dropout)
        widths = [width] + [self.output_dim] * (layers - 1)
        self.ahead = nn.ModuleList(RNNLayer(size, hidden_dim, cell) for size in widths)
        self.back = nn.ModuleList(RNNLayer(size, hidden_dim, cell) for size in widths)

    def forward(self, batch: WordBatch) -> Memory:
        """Read ``batch``: tokens [B, S]; the summary is the mean of the real states."""
        tokens = batch.tokens
        if self.training and self.word_dropout:
            hidden = torch.rand(tokens.shape, device=tokens.device) < self.word_dropout
            tokens = tokens.masked_fill(hidden, UNK)
        words = self.embed(tokens)
        if self.spelling is not None:
            spelled = self.spelling(batch.spellings)
            words = torch.cat([words, spelled[batch.spelled].to(words.dtype)], -1)
        states = through_layers(
            self.dropout(words), batch.mask, self.ahead, self.back, self.dropout
        )
        return Memory(states, batch.mask, states.sum(1) / batch.mask.sum(1, keepdim=True))
