"""From images with captions to a store, one row a caption."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from seqgen.data.captions import Captioned
from seqgen.data.prepare import fingerprint, refuse_other_things, token_type
from seqgen.data.store import RaggedWriter, Store, StoreInfo, write_info
from seqgen.errors import UserError
from seqgen.files import checksum, read_json, write_json, writing_folder
from seqgen.text import Tokenizer

IMAGES, SUMS = "images.json", "image_sums.json"

_DROP = "raise max_length, or set drop_long to leave such captions out"


@dataclass(frozen=True)
class CaptionReport:
    """What became of the captions."""

    images: int
    captions: int
    dropped_long: int = 0


def prepare_captions(
    captioned: Sequence[Captioned],
    tokenizer: Tokenizer,
    out: Path,
    max_length: int = 256,
    drop_long: bool = False,
    sources: Sequence[Path] = (),
) -> CaptionReport:
    """Tokenize captions into a store; it appears whole or not at all.

    Its columns are ``target``, token ids without BOS and EOS; ``target_text``, the captions in
    UTF-8; and ``image``, one number a row: which of the images in ``images.json`` it is of.

    Args:
        captioned: images, numbered in this order, and their captions.
        tokenizer: of the captions.
        out: folder of the store; a store that is there is replaced.
        max_length: tokens of a caption, at most.
        drop_long: leave longer captions out. By default they are an error.
        sources: files that the captions came from, whose checksums the store keeps.

    Raises:
        UserError: a caption is too long or without tokens, with the first one's image; there
            are no captions; or ``out`` holds something else.
    """
    if max_length < 1:
        raise UserError(f"max_length must be at least 1, not {max_length}")
    refuse_other_things(out)
    image = np.repeat(np.arange(len(captioned)), [len(one.captions) for one in captioned])
    texts = [text for one in captioned for text in one.captions]
    if not texts:
        raise UserError("there are no captions to prepare")
    ids = tokenizer.encode(texts)
    lengths = np.array(list(map(len, ids)))
    long = lengths > max_length
    places = [one.image for one in captioned for _ in one.captions]
    _refuse(lengths == 0, "has no tokens", "leave such captions out", texts, places)
    if not drop_long:
        _refuse(long, f"has more than {max_length} tokens", _DROP, texts, places)
    kept = np.flatnonzero(~long)
    if not len(kept):
        raise UserError(f"no caption has at most {max_length} tokens", fix="raise max_length")
    settings = {"max_length": max_length, "target": fingerprint(tokenizer)}
    sums = {str(path): checksum(path) for path in sources}
    columns: dict[str, tuple[str, list[bytes] | list[list[int]]]] = {
        "target": (token_type(tokenizer), [ids[i] for i in kept]),
        "target_text": ("uint8", [texts[i].encode("utf-8") for i in kept]),
        "image": ("int32", [[i] for i in image[kept].tolist()]),
    }
    with writing_folder(out) as folder:
        for name, (kind, values) in columns.items():
            with RaggedWriter(folder / name, kind) as writer:
                writer.extend(values)
        write_json(folder / IMAGES, [os.path.abspath(one.image) for one in captioned])
        write_info(folder, StoreInfo(tuple(columns), len(kept), 1, sums, settings))
    return CaptionReport(len(captioned), len(kept), len(texts) - len(kept))


def _refuse(
    bad: npt.NDArray[np.bool_], what: str, fix: str, texts: list[str], images: list[Path]
) -> None:
    """Complain of the first of the captions that are ``bad``, if any are."""
    if bad.any():
        first = int(bad.argmax())
        what = f"its caption {texts[first]!r} {what}, the first of {bad.sum():,} such captions"
        raise UserError(what, images[first], fix)


def image_paths(store: Store) -> list[Path]:
    """The images of a store of captions, by their number.

    Raises:
        UserError: the store has none, or does not fit them.
    """
    where = store.folder / IMAGES
    names = read_json(where)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UserError("is no list of images", where, "prepare the captions again")
    numbers = image_numbers(store)
    if len(numbers) and not 0 <= numbers.min() <= numbers.max() < len(names):
        raise UserError("does not list all images of the captions", where, "prepare them again")
    return [Path(name) for name in names]


def hold_images(folder: Path, images: Sequence[Path], sums: Sequence[str]) -> None:
    """Let a training that goes on see the images that it began with.

    Args:
        folder: of a store; what it does not know yet of its images is kept there.
        images: [N] of the store.
        sums: [N] their SHA-256 now.

    Raises:
        UserError: some have changed; the first is named.
    """
    where = folder / SUMS
    if not where.is_file():
        write_json(where, list(sums))
        return
    before = read_json(where)
    if not isinstance(before, list) or len(before) != len(images):
        raise UserError("is no list of the images' checksums", where, "remove it")
    changed = [path for path, *two in zip(images, before, sums, strict=True) if two[0] != two[1]]
    if changed:
        rest = len(changed) - 1
        also = ("and so has 1 more image", f"and so have {rest:,} more images")[rest > 1]
        what = f"has changed since the training began{f', {also}' if rest else ''}"
        raise UserError(what, changed[0], "put it back, or train anew into another folder")


def image_numbers(store: Store) -> npt.NDArray[np.int32]:
    """[N] number of the image of each caption.

    Raises:
        UserError: the rows are no captions.
    """
    column = store.columns.get("image")
    if column is None or len(column.tokens) != len(store) or (column.lengths != 1).any():
        raise UserError("holds no captions of images", store.folder, "prepare captions")
    numbers: npt.NDArray[np.int32] = column.tokens
    return numbers
