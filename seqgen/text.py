"""Text to token ids and back, all of it by SentencePiece."""

from __future__ import annotations

import io
import random
import re
import struct
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import sentencepiece

from seqgen.errors import UserError
from seqgen.files import read_bytes, write_bytes
from seqgen.subwords import SubwordSampler, fields

PAD, UNK, BOS, EOS = 0, 1, 2, 3  # the same in every model

Kind = Literal["unigram", "bpe", "char", "word"]

_LONGEST = 1000  # characters; SentencePiece skips lines over 4192 bytes, so longer ones are cut

_CONTROL = re.compile(r"[\0\t\n\r]")  # no pieces of their own: they end entries and lines

_NO_TEXT = "there is no text to train a tokenizer on"


@dataclass(frozen=True)
class TextConfig:
    """How a SentencePiece model is trained."""

    kind: Kind = "unigram"
    vocab_size: int = 8000  # at most; a small text fills fewer
    character_coverage: float = 1.0  # share of the text's characters that get a token
    byte_fallback: bool = False  # write characters without a token as bytes
    lowercase: bool = False  # text is lowercased before anything else, in training and in use
    user_symbols: tuple[str, ...] = ()  # always one token each
    exact: bool = False  # nothing is normalized; a line feed is a token (see running_text.py)

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise UserError(
                f"kind is {self.kind!r}", fix=f"choose from {', '.join(get_args(Kind))}"
            )
        if self.vocab_size < 5:
            raise UserError(f"vocab_size must be at least 5, not {self.vocab_size}")
        coverage = self.character_coverage
        if not 0.98 <= coverage <= 1.0:
            raise UserError(f"character_coverage must be between 0.98 and 1, not {coverage}")
        for symbol in self.user_symbols:
            if not symbol or re.search(r"[\s▁]", symbol):
                raise UserError(f"user symbol {symbol!r} must be characters without a space")
            if self.user_symbols.count(symbol) > 1 or symbol in ("<pad>", "<unk>", "<s>", "</s>"):
                raise UserError(f"user symbol {symbol!r} is there already")
            if self.lowercase and symbol != symbol.lower():
                raise UserError(f"user symbol {symbol!r} is never met in lowercased text")


class Tokenizer:
    """A SentencePiece model. Two tokenizers are equal if they do the same.

    Text is normalized by SentencePiece's NFKC rules: runs of white space become one space,
    wide and compatibility forms their plain ones.

    Args:
        proto: the model in SentencePiece's own serialized form.
        lowercase: lowercase text before it is encoded.
        where: the file it came from, for messages.

    Raises:
        UserError: it is no SentencePiece model, or its special tokens are not ours.
    """

    def __init__(self, proto: bytes, lowercase: bool = False, where: object = None) -> None:
        self.proto, self.lowercase, self.where = proto, lowercase, where
        self._sampler: SubwordSampler | None = None
        try:
            # SentencePiece itself takes a model that lost its end, so look for every part.
            whole = {1, 2, 3} <= {number for number, _ in fields(proto)}
            processor = sentencepiece.SentencePieceProcessor(model_proto=proto) if whole else None
        except (ValueError, RuntimeError):
            processor = None
        if processor is None:
            raise UserError("is no SentencePiece model, or a damaged one", where)
        self._processor = processor
        self.size: int = processor.get_piece_size()  # V, number of token ids
        self.starts_with_space: bool = processor.normalize("a").startswith("▁")
        special = [getattr(processor, f"{name}_id")() for name in ("pad", "unk", "bos", "eos")]
        if special != [PAD, UNK, BOS, EOS]:
            raise UserError(
                f"has pad, unk, bos, eos = {special} where {[PAD, UNK, BOS, EOS]} is expected",
                where,
                "train it with seqgen",
            )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Tokenizer):
            return NotImplemented
        return (self.proto, self.lowercase) == (other.proto, other.lowercase)

    def __hash__(self) -> int:
        return hash((self.proto, self.lowercase))

    @classmethod
    def train(
        cls, sentences: Iterable[str], config: TextConfig, max_characters: int = 8_000_000
    ) -> Tokenizer:
        """Train a model; the same sentences and settings give the same bytes.

        Args:
            sentences: any number; lines over 1,000 characters count as several.
            config: what to train. ``vocab_size`` is an upper limit; ``size`` says what came out.
            max_characters: of more text than this an even sample of lines is taken. Training a
                unigram model takes some 25 bytes for each.

        Raises:
            UserError: there is no text, or ``vocab_size`` does not hold its characters.
        """
        words = _count_words(sentences, max_characters, config)
        if not words:
            raise UserError(_NO_TEXT)
        model = io.BytesIO()
        try:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=(f"{word}\t{count}" for word, count in words.items()),
                input_format="tsv",
                model_writer=model,
                model_type=config.kind,
                vocab_size=config.vocab_size,
                hard_vocab_limit=False,
                character_coverage=config.character_coverage,
                byte_fallback=config.byte_fallback,
                user_defined_symbols=[*config.user_symbols, *("\n" if config.exact else "")],
                normalization_rule_name="identity" if config.exact else "nmt_nfkc",
                remove_extra_whitespaces=not config.exact,
                add_dummy_prefix=not (config.exact and config.kind == "char"),
                # A piece's name is cut out of the text; running text has its own "<unk>" often.
                unk_piece="⁇" if config.exact else "<unk>",
                pad_id=PAD,
                unk_id=UNK,
                bos_id=BOS,
                eos_id=EOS,
                num_threads=1,  # the result depends on their number, and more are no faster
                minloglevel=2,
            )
        except RuntimeError as error:
            raise _explain(str(error), config) from error
        return cls(model.getvalue(), config.lowercase)

    @classmethod
    def from_bytes(cls, proto: bytes, lowercase: bool = False) -> Tokenizer:
        """A tokenizer from SentencePiece's own serialized form."""
        return cls(proto, lowercase)

    @classmethod
    def load(cls, path: Path, lowercase: bool = False) -> Tokenizer:
        """Read a model from a file.

        Raises:
            UserError: it is missing or damaged.
        """
        return cls(read_bytes(path), lowercase, path)

    def save(self, path: Path) -> None:
        """Write the model to a file that SentencePiece's own tools read."""
        write_bytes(path, self.proto)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, without BOS and EOS."""
        rows: list[list[int]] = self._processor.encode(self._cased(texts), num_threads=1)
        return rows

    def sample(self, texts: Sequence[str], alpha: float, seed: int) -> list[list[int]]:
        """Token ids of each text under a segmentation drawn at random.

        What comes out is a function of the texts, ``alpha`` and ``seed`` alone, in every
        process; more texts leave the rows of those before them as they were.

        Args:
            texts: lines.
            alpha: for unigram models the exponent of a segmentation's probability (Kudo 2018;
                smaller is wilder), for BPE models the probability of leaving out a merge
                (Provilkov et al. 2020; larger is wilder).
            seed: any integer.

        Raises:
            UserError: the model is of another kind or damaged, or ``alpha`` is out of range.
        """
        try:
            if self._sampler is None:
                self._sampler = SubwordSampler(self.proto)
            return self._sampler.sample(self.normalized(texts), alpha, seed)
        except (ArithmeticError, LookupError, ValueError, struct.error) as error:
            raise UserError(f"is a damaged SentencePiece model: {error}", self.where) from error

    def normalized(self, texts: Sequence[str]) -> list[str]:
        """The texts as they are cut: each space is U+2581, and one stands before a text."""
        found: list[str] = self._processor.normalize(self._cased(texts))
        return found

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids; PAD, BOS and EOS write nothing, UNK writes `` ⁇ ``."""
        text: str = self._processor.decode([int(i) for i in ids])
        return text

    def pieces(self, ids: Sequence[int]) -> list[str]:
        """The subword behind each token id."""
        return [self._processor.id_to_piece(int(i)) for i in ids]

    def find(self, piece: str) -> int | None:
        """The id of a subword, if it is one."""
        token: int = self._processor.piece_to_id(piece)
        return None if token == UNK else token

    def _cased(self, texts: Sequence[str]) -> list[str]:
        return [text.lower() for text in texts] if self.lowercase else list(texts)


def _count_words(sentences: Iterable[str], most: int, config: TextConfig) -> Counter[str]:
    """Count the words of an even sample of lines with at most ``most`` characters in all.

    Of exact text by characters these are counted, since its spaces are no mere separators.

    Every line draws a number and is kept while that is below a bar, which sinks when the
    kept lines grow too many.
    """
    draw, bar, held = random.Random(0).random, 1.0, 0
    kept: list[tuple[float, str]] = []
    for sentence in sentences:
        text = sentence.lower() if config.lowercase else sentence
        for begin in range(0, len(text), _LONGEST):
            line, place = text[begin : begin + _LONGEST], draw()
            if place >= bar:
                continue
            kept.append((place, line))
            held += len(line)
            while held > most:
                bar *= 0.8
                kept = [pair for pair in kept if pair[0] < bar]
                held = sum(len(pair[1]) for pair in kept)
    by_character = config.exact and config.kind == "char"
    words: Counter[str] = Counter()
    for _, line in kept:
        words.update(_CONTROL.sub("", line) if by_character else line.split())
    return words


def _explain(message: str, config: TextConfig) -> UserError:
    """Say in our words what SentencePiece says of its training."""
    size = config.vocab_size
    if found := re.search(r"smaller than required_chars\. \d+ vs (\d+)", message):
        what, fix = f"does not hold the {found[1]} symbols of this text", f"{found[1]} or more"
    elif "[(vocab_size) >= (0)]" in message:  # so it says for char and word models
        what, fix = "does not hold the special tokens, user symbols and bytes", "more"
    elif "[(all_chars_count) > (0)]" in message or "[!sentences_.empty()]" in message:
        return UserError(_NO_TEXT)
    else:
        return UserError(f"SentencePiece cannot be trained on this text: {message}")
    return UserError(f"vocab_size {size} {what}", fix=f"set it to {fix}")
