"""Running text as one stream of tokens, and back to the very same text, piece by piece."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from seqgen.errors import UserError
from seqgen.text import Tokenizer

_BYTE = re.compile("<0x([0-9A-F]{2})>")
_SPACE = "▁"


def line_feed(tokenizer: Tokenizer) -> int:
    r"""The token of ``\n``, after which every text begins.

    Raises:
        UserError: the tokenizer was not trained with ``exact``.
    """
    token = tokenizer.find("\n")
    if token is None:
        raise UserError("this SentencePiece model has no token for a line feed")
    return token


def encode_lines(tokenizer: Tokenizer, lines: Iterable[str]) -> list[list[int]]:
    r"""Token ids of each of ``lines``, which end with ``\n`` or, the last of a text, do not."""
    feed, texts = line_feed(tokenizer), list(lines)
    rows = tokenizer.encode([text.removesuffix("\n") for text in texts])
    for row, text in zip(rows, texts, strict=True):
        if text.endswith("\n"):
            row.append(feed)
    return rows


def encode_text(tokenizer: Tokenizer, text: str) -> list[int]:
    """Token ids of a text of any number of lines; ``TextDecoder`` gives the text back.

    The one exception is the character U+2581, which comes back as a space: it is
    SentencePiece's own sign for one.
    """
    *lines, rest = text.split("\n")
    rows = encode_lines(tokenizer, [*(f"{line}\n" for line in lines), rest])
    return [token for row in rows for token in row]


class TextDecoder:
    """Turns tokens into text one after another, each as soon as its characters are whole.

    Args:
        tokenizer: trained with ``exact``.
        fresh: the first token stands at the beginning of a line, where the space that some
            tokenizers put before every word is no part of the text.
    """

    def __init__(self, tokenizer: Tokenizer, fresh: bool = True) -> None:
        self._table = _contents(tokenizer)
        self._feed = line_feed(tokenizer)
        self._marks = tokenizer.starts_with_space  # a line begins with a space of its own
        self._fresh = self._marks and fresh
        self._bytes = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, token: int) -> str:
        """The text that ``token`` completes; empty in the midst of a character."""
        content = self._table[token]
        if isinstance(content, bytes):
            text = self._bytes.decode(content)
        else:
            text = self.finish() + content
        text = text.replace(_SPACE, " ")
        if not text:
            return ""
        shown = text.removeprefix(" ") if self._fresh else text
        self._fresh = self._marks and token == self._feed
        return shown

    def finish(self) -> str:
        """What is left of bytes that make no whole character."""
        text = self._bytes.decode(b"", final=True)
        self._bytes.reset()
        return text

    def decode(self, tokens: Iterable[int]) -> Iterator[str]:
        """The text of ``tokens``, piece by piece."""
        for token in tokens:
            if text := self.push(token):
                yield text
        if text := self.finish():
            yield text


@lru_cache(maxsize=4)
def _contents(tokenizer: Tokenizer) -> tuple[str | bytes, ...]:
    """What each token stands for."""
    rest = map(_content, tokenizer.pieces(range(4, tokenizer.size)))
    return ("", " ⁇ ", "", "", *rest)  # pad, unk, bos, eos


def _content(piece: str) -> str | bytes:
    byte = _BYTE.fullmatch(piece)
    return bytes([int(byte[1], 16)]) if byte else piece
