"""From files of tagged sentences to a store, in memory that does not grow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from seqgen.data.conllu import COLUMNS, Sentence, form_of, read_sentences
from seqgen.data.prepare import fingerprint, refuse_other_things, token_type
from seqgen.data.store import RaggedWriter, Store, StoreInfo, write_info
from seqgen.data.values import Values
from seqgen.data.words import Lexicon, WordRow
from seqgen.errors import UserError
from seqgen.files import checksum, writing_folder

_BLOCK = 1024  # sentences encoded at a time
_MAY_BE_NOTHING = ("feats",)  # columns where _ is a tag: a word without features


@dataclass(frozen=True)
class TagFile:
    """A file of tagged sentences.

    Attributes:
        path: CoNLL-U, or lines of a word, a tab and a tag; also .gz.
        asked: its form, ``conllu`` or ``tsv``, where the name does not say it.
        column: of CoNLL-U, where the tags stand.
    """

    path: Path
    asked: str | None = None
    column: str = "upos"

    def sentences(self) -> Iterator[Sentence]:
        """Yield the sentences, each word of them with a tag.

        Raises:
            UserError: the file cannot be read, is empty, a line is malformed, or a word has no
                tag.
        """
        form, count = form_of(self.path, self.asked), 0
        for sentence in read_sentences(self.path, form, self.column):
            if form == "conllu" and self.column not in _MAY_BE_NOTHING and "_" in sentence.tags:
                where = f"{self.path}, line {sentence.line(sentence.tags.index('_'))}"
                known = ", ".join(name for name in COLUMNS if name != self.column)
                fix = f"leave such sentences out, or learn another column: {known}"
                raise UserError(f"has no tag in column {self.column}", where, fix)
            if sentence.words:
                count += 1
                yield sentence
        if not count:
            raise UserError("holds no sentence", self.path, "give a file with tagged words")


@dataclass(frozen=True)
class TagReport:
    """What became of the sentences of a file, and how many words have tags unknown to training."""

    sentences: int
    words: int
    dropped_long: int
    unknown_tags: int


def prepare_tags(
    file: TagFile, lexicon: Lexicon, tags: Values, out: Path, max_length: int, drop_long: bool
) -> TagReport:
    """Write the sentences of ``file`` into a store; it appears whole or not at all.

    Its columns are ``tokens`` (an id a word), ``letters`` (the ids of all characters) with
    ``sizes`` (how many of these belong to each word), ``tags``, and in UTF-8 ``words`` and
    ``named`` (the tags as they stand there), each separated by tabs. A tag that is none of
    ``tags`` has the number ``tags.size``.

    Args:
        file: the sentences.
        lexicon: makes ids of words.
        tags: the tags there are.
        out: folder of the store; a store that is there is replaced.
        max_length: words of a sentence, at most.
        drop_long: leave longer ones out; else they are an error.

    Raises:
        UserError: bad input, as in ``TagFile.sentences``, a sentence that is too long, or
            ``out`` holds something else.
    """
    if max_length < 1:
        raise UserError(f"max_length must be at least 1, not {max_length}")
    refuse_other_things(out)
    numbers = {name: number for number, name in enumerate(tags.names)}
    kept = words = long = unknown = 0
    kinds = {
        "tokens": token_type(lexicon.words), "letters": token_type(lexicon.characters),
        "sizes": "uint8", "tags": "int32", "words": "uint8", "named": "uint8",
    }  # fmt: skip
    with writing_folder(out) as folder:
        with ExitStack() as stack:
            columns = {
                name: stack.enter_context(RaggedWriter(folder / name, kind))
                for name, kind in kinds.items()
            }
            sentences = file.sentences()
            while block := list(islice(sentences, _BLOCK)):
                good = [one for one in block if len(one.words) <= max_length]
                if len(good) < len(block) and not drop_long:
                    raise _too_long(file, block, max_length)
                long += len(block) - len(good)
                ids = [[numbers.get(tag, tags.size) for tag in one.tags] for one in good]
                _extend(columns, good, lexicon.encode([one.words for one in good]), ids)
                kept += len(good)
                words += sum(map(len, ids))
                unknown += sum(row.count(tags.size) for row in ids)
        if not kept:
            raise UserError(f"has no sentence of {max_length} words or fewer", file.path)
        made = {"words": fingerprint(lexicon.words), "letters": fingerprint(lexicon.characters)}
        sources = {str(file.path): checksum(file.path)}
        write_info(folder, StoreInfo(tuple(kinds), kept, 1, sources, {**made, "tags": tags.names}))
    return TagReport(kept, words, long, unknown)


def _extend(
    columns: dict[str, RaggedWriter],
    sentences: Sequence[Sentence],
    rows: Sequence[WordRow],
    ids: Sequence[list[int]],
) -> None:
    """Append sentences that are encoded as ``rows`` with the tags ``ids``."""
    columns["tokens"].extend([row.tokens for row in rows])
    columns["letters"].extend([[i for one in row.spellings for i in one] for row in rows])
    columns["sizes"].extend([list(map(len, row.spellings)) for row in rows])
    columns["tags"].extend(ids)
    columns["words"].extend(["\t".join(one.words).encode("utf-8") for one in sentences])
    columns["named"].extend(["\t".join(one.tags).encode("utf-8") for one in sentences])


def _too_long(file: TagFile, block: list[Sentence], most: int) -> UserError:
    first = next(one for one in block if len(one.words) > most)
    return UserError(
        f"begins a sentence of {len(first.words)} words where {most} are the most",
        f"{file.path}, line {first.line(0)}",
        "raise max_length, or set drop_long to leave such sentences out",
    )


def word_row(store: Store, row: int) -> WordRow:
    """The ids of a sentence of a store that ``prepare_tags`` wrote."""
    columns = store.columns
    ends = np.cumsum(columns["sizes"][row], dtype=np.int64)[:-1]
    letters = np.split(columns["letters"][row], ends)
    return WordRow(columns["tokens"][row].tolist(), [one.tolist() for one in letters])
