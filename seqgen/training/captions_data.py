"""From files of captions and images to the data of a captioner's training."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from seqgen.bundle import Bundle, BundleConfig, begin_from
from seqgen.config import require_files, to_dict
from seqgen.data.cache import CacheKey
from seqgen.data.caption_store import hold_images, image_paths, prepare_captions
from seqgen.data.captions import Captioned, read_captions
from seqgen.data.features import cache_features
from seqgen.data.store import Store
from seqgen.errors import UserError
from seqgen.folders import tokenizer_files
from seqgen.images import ImageConfig, read_image, to_pixels
from seqgen.model.build import build_seq2seq
from seqgen.model.cnn import CNNEncoder
from seqgen.model.memory import Cacheable
from seqgen.model.pretrained import default_images
from seqgen.text import Tokenizer
from seqgen.training.captioning import CaptionTask, Part
from seqgen.training.distributed import World
from seqgen.training.report import Report
from seqgen.training.settings import CaptionDataConfig, CaptionSettings

VALID = ("val", "valid")  # what the split to validate on is called


def prepare(settings: CaptionSettings, folder: Path, report: Report) -> None:
    """Write the tokenizer and the stores of captions.

    Raises:
        UserError: bad input, or settings it cannot fulfil.
    """
    data = settings.data
    train, valid = read_parts(data)
    texts = (text for one in train for text in one.captions)
    tokenizer = Tokenizer.train(texts, data.target)
    tokenizer.save(folder / tokenizer_files(False)[1])
    found = prepare_captions(train, tokenizer, folder / "train", data.max_length, data.drop_long)
    prepare_captions(valid, tokenizer, folder / "valid", data.max_length, data.drop_long)
    report.line(
        f"{found.captions:,} training captions of {found.images:,} images,"
        f" {tokenizer.size:,} tokens"
    )
    if found.dropped_long:
        report.line(f"dropped {found.dropped_long:,} captions over {data.max_length} tokens")


def read_parts(data: CaptionDataConfig) -> tuple[list[Captioned], list[Captioned]]:
    """The images to train and to validate on.

    Raises:
        UserError: as ``read_captions``, or there is nothing to validate on.
    """
    require_files(data, "captions")
    path, images = Path(data.captions), _folder(data.images)
    if data.valid_captions:
        valid_images = _folder(data.valid_images) or images
        return read_captions(path, images), read_captions(Path(data.valid_captions), valid_images)
    every = read_captions(path, images)
    train = [one for one in every if one.split == "train"]
    valid = [one for one in every if one.split in VALID]
    for part, name in ((train, "train"), (valid, "val")):
        if not part:
            raise UserError(
                f"has no image of the split '{name}'", path, "name its file: --valid-captions FILE"
            )
    return train, valid


def _folder(name: str) -> Path | None:
    return Path(name) if name else None


def make_task(settings: CaptionSettings, folder: Path, report: Report, world: World) -> CaptionTask:
    """The task on what ``prepare`` has written; it computes what features are not cached yet.

    Raises:
        UserError: the encoder cannot be made, its weights cannot be had, or images are broken
            (all are named).
    """
    data, training = settings.data, settings.training
    target = Tokenizer.load(folder / tokenizer_files(False)[1], data.target.lowercase)
    model = build_seq2seq(settings.model, 0, target.size, training.seed)
    encoder = model.encoder
    ours = encoder if isinstance(encoder, CNNEncoder) else None
    if training.initial:
        begin_from(Path(training.initial), model, target)
        report.line(f"begins as {training.initial}")
    elif ours and (pretrained := ours.load_pretrained()):
        report.line(f"{pretrained.backbone} begins with {pretrained.weights}")
    images = data.image
    if images is None:
        images = default_images(ours.backbone, ours.weights) if ours else ImageConfig()
    stores = [Store.open(folder / name) for name in ("train", "valid")]
    cache = Path(data.cache) if data.cache else folder
    parts = [
        image_part(store, cache / name, encoder, images, flip, report)
        for store, name, flip in zip(stores, ("train", "valid"), (data.flip, False), strict=True)
    ]
    config = BundleConfig("caption", settings.model, settings.search, data.target, images=images)
    return CaptionTask(
        Bundle(config, model, target), parts[0], parts[1], training, world.rank, world.size
    )


def image_part(
    store: Store,
    folder: Path,
    encoder: nn.Module,
    images: ImageConfig,
    flip: bool,
    report: Report,
) -> Part:
    """A store with the features of its images, or with their pixels where nothing is frozen.

    Raises:
        UserError: as ``cache_features``, or images are not what they were when training began.
    """
    encoder.eval()
    paths = image_paths(store)
    frozen = encoder if isinstance(encoder, Cacheable) else None
    cache = cache_features(
        folder / "features",
        paths,
        CacheKey(frozen.stem_sha256 if frozen else "pixels", to_dict(images), flip),
        lambda path: torch.from_numpy(to_pixels(read_image(path), images)),
        frozen.features if frozen else lambda pixels: pixels,
        report.line,
        torch.get_num_threads(),
        hold=lambda sums: hold_images(store.folder, paths, sums),
    )
    return Part(store, cache, pixels=frozen is None)
