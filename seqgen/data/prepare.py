"""From files of text pairs to a store, line by line, in memory that does not grow."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import Any, Protocol

from seqgen.data.store import INFO, RaggedWriter, StoreInfo, write_info
from seqgen.errors import UserError
from seqgen.files import check_characters, checksum, read_lines, read_objects, writing_folder
from seqgen.text import TextConfig, Tokenizer

_BLOCK = 4096  # pairs tokenized at a time

SIDES = ("source", "target")


@dataclass(frozen=True)
class PairFiles:
    """Where pairs come from: two files of lines, or one ``.tsv`` or ``.jsonl``; each also .gz.

    A TSV line is source, tab, target; a JSONL line has the keys ``source`` and ``target``.
    """

    source: Path
    target: Path | None = None

    def line(self, number: int, side: int) -> str:
        """Name a line of the source (side 0) or the target (side 1) for a message."""
        return f"{(self.source, self.target or self.source)[side]}, line {number}"


class Cutter(Protocol):
    """What makes token ids of the lines of one side: a ``Tokenizer``, or ``Values``."""

    @property
    def size(self) -> int:
        """Number of token ids."""

    @property
    def proto(self) -> bytes:
        """All that it knows."""

    @property
    def lowercase(self) -> bool:
        """Whether it lowercases text first."""

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text."""


@dataclass(frozen=True)
class Report:
    """What became of the pairs."""

    pairs: int
    dropped_long: int = 0
    dropped_empty: int = 0


def read_pairs(files: PairFiles) -> Iterator[tuple[str, str]]:
    """Yield the pairs of ``files`` in order.

    Raises:
        UserError: a file is missing, empty, not UTF-8, of another length than the other, or a
            line is not a pair; it names the file and the line.
    """
    name = files.source.name.lower().removesuffix(".gz")
    if files.target is not None:
        pairs = _parallel(files.source, files.target)
    elif name.endswith(".tsv"):
        pairs = _tsv(files.source)
    elif name.endswith(".jsonl"):
        pairs = _jsonl(files.source)
    else:
        raise UserError("has no target beside it", files.source, "give two files, .tsv or .jsonl")
    first = next(pairs, None)
    if first is None:
        raise UserError("is empty", files.source, "give a file with text")
    yield first
    yield from pairs


def _parallel(source: Path, target: Path) -> Iterator[tuple[str, str]]:
    both = [read_lines(source), read_lines(target)]
    for number, (one, other) in enumerate(zip_longest(*both), start=1):
        if one is None or other is None:
            ended, longer = (source, target) if one is None else (target, source)
            if number == 1:
                raise UserError("is empty", ended, "give a file with text")
            count = number + sum(1 for _ in both[longer is target])
            raise UserError(
                f"has {number - 1} lines where {longer} has {count}",
                ended,
                "give files that are parallel line by line",
            )
        yield one, other


def _tsv(path: Path) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(read_lines(path), start=1):
        columns = line.split("\t")
        if len(columns) != 2:
            where, found = f"{path}, line {number}", len(columns)
            raise UserError(f"has {found} columns where 2 are expected", where)
        yield columns[0], columns[1]


def _jsonl(path: Path) -> Iterator[tuple[str, str]]:
    for values, where in read_objects(read_lines(path), path):
        for side in SIDES:
            text = values.get(side)
            if not isinstance(text, str):
                raise UserError(f"has no text '{side}'", where)
            check_characters(text, f"'{side}'", where)
        yield values["source"], values["target"]


def train_tokenizers(
    files: PairFiles, source: TextConfig, target: TextConfig, joint: bool
) -> tuple[Tokenizer, Tokenizer]:
    """Train a SentencePiece model for each side, on a bounded sample of the lines.

    Args:
        files: the pairs.
        source: how the source's model is made.
        target: how the target's model is made.
        joint: train one model on both sides, as ``source`` says; ``target`` is not read.

    Raises:
        UserError: bad input, as in ``read_pairs``, or settings the text cannot fulfil.
    """
    if joint:
        both = Tokenizer.train(chain.from_iterable(read_pairs(files)), source)
        return both, both
    return (
        Tokenizer.train((pair[0] for pair in read_pairs(files)), source),
        Tokenizer.train((pair[1] for pair in read_pairs(files)), target),
    )


def prepare_pairs(
    files: PairFiles,
    source: Cutter,
    target: Cutter,
    out: Path,
    max_length: int = 256,
    drop_long: bool = False,
    drop_empty: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Tokenize pairs into a store; it appears whole or not at all.

    Its columns are ``source`` and ``target``, token ids without BOS and EOS, and
    ``source_text`` and ``target_text``, the lines themselves in UTF-8.

    Args:
        files: the pairs.
        source: cuts the first side.
        target: cuts the second side.
        out: folder of the store; a store that is there is replaced.
        max_length: tokens of a side, at most.
        drop_long: leave pairs with more out. By default they are an error, because a model
            that never saw them will be asked to write them.
        drop_empty: leave pairs out in which a side has no tokens. By default they are an
            error, because they are most often a sign of files that are not parallel.
        progress: called with the number of pairs read so far, now and then.

    Raises:
        UserError: bad input, as in ``read_pairs``; pairs too long or empty, with their count
            and the first one's line; or ``out`` holds something else.
    """
    if max_length < 1:
        raise UserError(f"max_length must be at least 1, not {max_length}")
    refuse_other_things(out)
    tokenizers: dict[str, Cutter] = {"source": source, "target": target}
    sieve = _Sieve(files, max_length)
    with writing_folder(out) as folder:
        columns = _write_columns(files, tokenizers, folder, sieve, progress)
        report = sieve.report(drop_long, drop_empty)
        settings: dict[str, Any] = {"max_length": max_length}
        settings |= {side: fingerprint(tokenizer) for side, tokenizer in tokenizers.items()}
        paths = [path for path in (files.source, files.target) if path is not None]
        sources = {str(path): checksum(path) for path in paths}
        write_info(folder, StoreInfo(columns, report.pairs, 1, sources, settings))
    return report


def refuse_other_things(out: Path) -> None:
    """Let ``out`` be the folder of a store, new or to be replaced.

    Raises:
        UserError: it holds something else.
    """
    if out.is_dir() and any(out.iterdir()) and not (out / INFO).is_file():
        raise UserError("holds other things than prepared data", out, "choose another folder")


def fingerprint(tokenizer: Cutter) -> dict[str, Any]:
    """What ``store.json`` keeps of the tokenizer of a column."""
    digest = hashlib.sha256(tokenizer.proto).hexdigest()
    return {"model": digest, "lowercase": tokenizer.lowercase}


def token_type(tokenizer: Cutter) -> str:
    """The type of a column that holds the ids of ``tokenizer``."""
    return "uint16" if tokenizer.size <= 1 << 16 else "int32"


def _write_columns(
    files: PairFiles,
    tokenizers: dict[str, Cutter],
    folder: Path,
    sieve: _Sieve,
    progress: Callable[[int], None] | None,
) -> tuple[str, ...]:
    """Write all columns of the pairs that pass the sieve; return their names."""
    with ExitStack() as stack:
        columns: dict[str, RaggedWriter] = {}
        for side, tokenizer in tokenizers.items():
            for name, kind in ((side, token_type(tokenizer)), (f"{side}_text", "uint8")):
                columns[name] = stack.enter_context(RaggedWriter(folder / name, kind))
        pairs = read_pairs(files)
        while block := list(islice(pairs, _BLOCK)):
            texts = dict(zip(SIDES, zip(*block, strict=True), strict=True))
            rows = {side: tokenizers[side].encode(texts[side]) for side in SIDES}
            good = sieve.good(rows["source"], rows["target"])
            for side in SIDES:
                columns[side].extend([rows[side][i] for i in good])
                columns[f"{side}_text"].extend([texts[side][i].encode("utf-8") for i in good])
            if progress is not None:
                progress(sieve.read)
    return tuple(columns)


class _Sieve:
    """Counts pairs read and pairs that are of no use, and remembers the first of these."""

    def __init__(self, files: PairFiles, max_length: int) -> None:
        self.files, self.max_length = files, max_length
        self.read = self.long = self.empty = self.longest = 0
        self.first_long = self.first_empty = ""

    def good(self, source: list[list[int]], target: list[list[int]]) -> list[int]:
        """Places in the next block of the pairs to keep."""
        kept = []
        for i, lengths in enumerate(zip(map(len, source), map(len, target), strict=True)):
            if not all(lengths):
                self.empty += 1
                self.first_empty = self.first_empty or self._line(i, lengths.index(0))
            elif max(lengths) > self.max_length:
                self.long += 1
                self.longest = max(self.longest, *lengths)
                self.first_long = self.first_long or self._line(i, lengths[0] <= self.max_length)
            else:
                kept.append(i)
        self.read += len(source)
        return kept

    def report(self, drop_long: bool, drop_empty: bool) -> Report:
        """The counts, if all that was sifted out may be dropped."""
        if self.empty and not drop_empty:
            raise UserError(
                f"has no text, the first of {self.empty} such pairs",
                self.first_empty,
                "check that the files are parallel, or set drop_empty to leave such pairs out",
            )
        if self.long and not drop_long:
            raise UserError(
                f"has more than {self.max_length} tokens, the first of {self.long} such pairs;"
                f" the longest has {self.longest}",
                self.first_long,
                "raise max_length, or set drop_long to leave such pairs out",
            )
        kept = self.read - self.long - self.empty
        if not kept:
            raise UserError("has no pair that can be used", self.files.source)
        return Report(kept, self.long, self.empty)

    def _line(self, place: int, side: int) -> str:
        return self.files.line(self.read + place + 1, side)
