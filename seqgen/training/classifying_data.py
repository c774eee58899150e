"""From files of texts or images with labels to the data of a classifier's training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import torch

from seqgen.config import require_files
from seqgen.data.labels import Example, hold_out, prepare_images, prepare_texts, read_labelled
from seqgen.data.store import Store
from seqgen.data.values import Values
from seqgen.data.vectors import read_vectors
from seqgen.data.word_vectors import read_word_vectors, vector_table, with_words
from seqgen.errors import UserError
from seqgen.files import read_json, write_json, writing
from seqgen.folders import tokenizer_files
from seqgen.images import ImageConfig
from seqgen.labelled import ClassifierBundle, ClassifierConfig, begin_classifier_from
from seqgen.model.cnn import CNNEncoder
from seqgen.model.embedding import VectorEmbedding
from seqgen.model.heads import ClassifierModelConfig, VectorsConfig, build_classifier
from seqgen.model.pretrained import default_images
from seqgen.text import Tokenizer
from seqgen.training.captions_data import image_part
from seqgen.training.classifying import ClassifyingTask, Part, Pictures, Texts
from seqgen.training.distributed import World
from seqgen.training.report import Report
from seqgen.training.settings import ClassifierDataConfig, ClassifierSettings

PARTS = ("train", "valid")
_LABELS = "labels.json"
_VECTORS, _LEARNED = "vectors.npy", "learned.json"


def prepare(settings: ClassifierSettings, folder: Path, report: Report) -> None:
    """Write the labels, the tokenizer where there is text, and stores of both parts.

    Raises:
        UserError: bad input, or settings it cannot fulfil.
    """
    data = settings.data
    parts = read_parts(data, settings.training.seed)
    labels = Values(sorted({one.label for one in parts[0]}))
    if labels.size < 2:
        raise UserError(f"has no label but '{labels.names[0]}'", data.train, "give two or more")
    for one in parts[1]:
        labels.number(one.label, one.where)
    write_json(folder / _LABELS, list(labels.names))
    dropped, cut = 0, ""
    if data.images:
        for name, part in zip(PARTS, parts, strict=True):
            prepare_images(part, labels, folder / name)
    else:
        tokenizer = Tokenizer.train((one.item for one in parts[0]), data.source)
        if data.vectors:
            tokenizer = _prepare_vectors(data, tokenizer, folder)
        tokenizer.save(folder / tokenizer_files(False)[0])
        cut = f", {tokenizer.size:,} tokens"
        limits = (data.max_length, data.drop_long)
        for name, part in zip(PARTS, parts, strict=True):
            dropped += prepare_texts(part, tokenizer, labels, folder / name, *limits)
    report.line(
        f"{len(parts[0]):,} training and {len(parts[1]):,} validation"
        f" {'images' if data.images else 'texts'} with {labels.size} labels{cut}"
    )
    if dropped:
        report.line(f"dropped {dropped:,} texts over {data.max_length} tokens")


def _prepare_vectors(data: ClassifierDataConfig, tokenizer: Tokenizer, folder: Path) -> Tokenizer:
    """Write the vectors of all words, and how many have an embedding, too; the tokenizer of all."""
    found = read_word_vectors(Path(data.vectors))
    every = with_words(tokenizer, data.source, found.words)
    with writing(folder / _VECTORS) as file:
        np.save(file, vector_table(every, found))
    write_json(folder / _LEARNED, tokenizer.size)
    return every


def read_parts(data: ClassifierDataConfig, seed: int) -> tuple[list[Example], ...]:
    """What to train and to validate on; ``seed`` chooses where there is one file for both.

    Raises:
        UserError: as ``read_labelled``, or no file is named.
    """
    require_files(data, "train")
    images = Path(data.images) if data.images else None
    train = read_labelled(Path(data.train), images)
    if not data.valid:
        return hold_out(train, data.valid_share, seed)
    return train, read_labelled(
        Path(data.valid), Path(data.valid_images) if data.valid_images else images
    )


def model_config(settings: ClassifierSettings) -> ClassifierModelConfig:
    """The table ``[model]``; images are read by a ``CNNEncoder`` where no encoder is named."""
    model = settings.model
    if settings.data.images and model.encoder == ClassifierModelConfig().encoder:
        return replace(model, encoder="seqgen.model.cnn:CNNEncoder")
    return model


def make_task(
    settings: ClassifierSettings, folder: Path, report: Report, world: World
) -> ClassifyingTask:
    """The task on what ``prepare`` has written; it computes what features are not cached yet.

    Raises:
        UserError: the encoder cannot be made, its weights cannot be had, or images are broken
            (all are named).
    """
    data, training, config = settings.data, settings.training, model_config(settings)
    given = read_vectors(folder / _VECTORS) if data.vectors else None
    vectors = None if given is None else VectorsConfig(read_json(folder / _LEARNED), given.shape[1])
    report.unit = "labels"
    labels = Values(read_json(folder / _LABELS))
    source, images = None, None
    if not data.images:
        source = Tokenizer.load(folder / tokenizer_files(False)[0], data.source.lowercase)
    sizes = (source.size if source else 0, labels.size)
    model = build_classifier(config, *sizes, training.seed, vectors)
    if given is not None:
        embed = cast(VectorEmbedding, model.encoder.embed)
        embed.vectors.copy_(torch.from_numpy(given))
    ours = model.encoder if isinstance(model.encoder, CNNEncoder) else None
    if data.images:
        images = data.image or ImageConfig()
        if ours and data.image is None:
            images = default_images(ours.backbone, ours.weights)
    text = data.source if source else None
    bundle = ClassifierBundle(
        ClassifierConfig("classify", config, labels.names, text, images, vectors), model, source
    )
    if training.initial:
        begin_classifier_from(Path(training.initial), bundle)
        report.line(f"begins as {training.initial}")
    elif ours and (pretrained := ours.load_pretrained()):
        report.line(f"{pretrained.backbone} begins with {pretrained.weights}")
    parts = [_part(bundle, data, folder, name, report) for name in PARTS]
    return ClassifyingTask(bundle, parts[0], parts[1], training, world.rank, world.size)


def _part(
    bundle: ClassifierBundle, data: ClassifierDataConfig, folder: Path, name: str, report: Report
) -> Part:
    store, images = Store.open(folder / name), bundle.config.images
    labels = store.columns["label"].tokens.astype("int64")
    if bundle.source is not None:
        return Part(Texts(store, bundle.source), labels)
    assert images is not None  # a classifier reads one or the other
    cache = (Path(data.cache) if data.cache else folder) / name
    flip = data.flip and name == PARTS[0]
    found = image_part(store, cache, bundle.model.encoder, images, flip, report)
    return Part(Pictures(found), labels)
