"""Training a captioner: what the trainer asks of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from seqgen.bundle import Bundle, write_bundle
from seqgen.captioner import Captioner
from seqgen.data.batches import epoch_batches
from seqgen.data.cache import FeatureCache
from seqgen.data.caption_batches import caption_batches
from seqgen.data.caption_store import image_numbers
from seqgen.data.store import Store
from seqgen.errors import UserError
from seqgen.inspection import probe_picture
from seqgen.model.cnn import CNNEncoder
from seqgen.model.memory import ImageBatch
from seqgen.scoring.captions import caption_scores
from seqgen.scoring.cider import CiderD
from seqgen.scoring.metrics import Metric
from seqgen.search.sample import Greedy
from seqgen.training.card import model_card
from seqgen.training.critical import Critic
from seqgen.training.judge import make_judge
from seqgen.training.precision import train_flops
from seqgen.training.targets import Targets, make_targets, target_loss, token_rows
from seqgen.training.task import Loss, Validation, selftest
from seqgen.training.trainer import TrainingConfig

SELFTEST_CARDS = 3
_VALIDATED = 64  # images decoded at a time


@dataclass(frozen=True)
class Part:
    """A store of what is said of images, and a cache of the images' features.

    Attributes:
        store: of the captions, or of labels.
        features: of the images; their pixels, where the encoder has no frozen part.
        pixels: which of the two.
    """

    store: Store
    features: FeatureCache
    pixels: bool = False

    def batch(
        self, numbers: np.ndarray[Any, Any], flip: np.ndarray[Any, Any] | None = None
    ) -> ImageBatch:
        """Some of the images, or their mirror images, as a batch in float32."""
        found = torch.from_numpy(self.features.rows(numbers, flip)).float()
        return ImageBatch(pixels=found) if self.pixels else ImageBatch(features=found)

    def references(self) -> list[list[str]]:
        """The captions of each image."""
        found: list[list[str]] = [[] for _ in range(len(self.features))]
        texts = self.store.texts("target_text", range(len(self.store)))
        for number, text in zip(image_numbers(self.store).tolist(), texts, strict=True):
            found[number].append(text)
        return found


@dataclass(frozen=True)
class Views:
    """A batch of images and of their captions.

    Attributes:
        images: each image once, as features or as pixels.
        numbers: [B] their numbers.
        rows: for each caption the image's place in the batch; R readings one after the other.
        targets: the captions; none where the model is to write its own.
        seed: of all chance in the batch.
    """

    images: ImageBatch
    numbers: np.ndarray[Any, Any]
    rows: torch.Tensor
    targets: Targets | None
    seed: int


class CaptionTask:
    """Captions of images from a feature cache; validation by greedy decoding and CIDEr-D.

    With ``reward`` the model trains on captions it draws itself, by their CIDEr-D.

    Args:
        bundle: the model to train and its tokenizer.
        train: what to learn from.
        valid: what to judge by.
        config: the table ``[training]``.
        rank: number of this process.
        world: number of processes.
    """

    def __init__(
        self,
        bundle: Bundle,
        train: Part,
        valid: Part,
        config: TrainingConfig,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.bundle, self.train, self.valid, self.config = bundle, train, valid, config
        self.rank, self.world = rank, world
        self.model = bundle.model
        encoder = bundle.model.encoder
        self.tuned = encoder.tuned_parameters if isinstance(encoder, CNNEncoder) else []
        self.captioner = Captioner(bundle)
        self.image_of_row = image_numbers(train.store)
        self.lengths = train.store.columns["target"].lengths + 1  # EOS
        self.references = valid.references()
        self.critic = self._critic() if config.reward else None
        self.judge = make_judge(config)
        self.scores: list[Metric] = []  # of the last validation
        self.cost = train_flops(bundle.model.decoder)

    def batches(self, epoch: int) -> list[np.ndarray[Any, Any]]:
        """This process's batches of an epoch: of captions, or of images with ``reward``."""
        config, part = self.config, (self.rank, self.world)
        if self.critic is not None:
            drawn = int(self.lengths.mean() * config.samples)
            costs = np.full((len(self.train.features), 1), max(1, drawn))
            return epoch_batches(costs, config.batch_tokens, config.seed, epoch, *part)
        return caption_batches(
            self.lengths, self.image_of_row, config.batch_tokens, config.seed, epoch, *part
        )

    def load(self, rows: np.ndarray[Any, Any], seed: int) -> Views:
        """The captions ``rows`` with their images, each mirrored or not by chance."""
        chance = np.random.default_rng(seed)
        if self.critic is None:
            numbers, places = np.unique(self.image_of_row[rows], return_inverse=True)
        else:
            numbers, places = rows, np.arange(len(rows))
        flip = chance.random(len(numbers)) < 0.5 if self.train.features.flip else None
        images = self.train.batch(numbers, flip)
        readings = 2 if self.config.consistency else 1
        targets = None
        if self.critic is None:
            alpha, tokenizer = self.config.subword_sampling, self.bundle.target
            target = token_rows(self.train.store, "target", tokenizer, rows, alpha, seed)
            targets = make_targets(target * readings, readings)
        return Views(images, numbers, torch.from_numpy(places).repeat(readings), targets, seed)

    def loss(self, batch: Views) -> Loss:
        """Smoothed cross-entropy of the captions, or minus the reward of the model's own."""
        if self.critic is not None:
            limits = np.full(len(batch.numbers), self.captioner.search.max_extra)
            numbers = batch.numbers.tolist()
            total, nats, count = self.critic.loss(batch.images, numbers, limits, batch.seed)
            return Loss(total, nats, count, self.cost * count)
        assert batch.targets is not None
        model, targets = self.model, batch.targets
        memory = model.encode(batch.images).select(batch.rows)
        total, nats = target_loss(model, memory, targets, self.config.objective)
        return Loss(total, nats, targets.count, self.cost * targets.outputs.numel())

    def _critic(self) -> Critic:
        if self.config.reward != "cider_d":
            raise UserError(f"{self.config.reward} is no reward for captions", fix="use cider_d")
        reward, config = CiderD(self.train.references()).scores, self.config
        decode = self.bundle.target.decode
        return Critic(self.model, decode, reward, config.samples, config.temperature)

    def validate(self) -> Validation:
        """Greedy captions of the validation images, by CIDEr-D or by a metric of one's own."""
        self.model.eval()
        outputs: list[str] = []
        for begin in range(0, len(self.valid.features), _VALIDATED):
            numbers = np.arange(begin, min(begin + _VALIDATED, len(self.valid.features)))
            found = self.captioner.search_batch(self.valid.batch(numbers), numbers, Greedy())
            outputs += [best[0].text for best in found]
        self.scores, name = caption_scores(outputs, self.references), "cider_d"
        if self.judge is not None:
            self.scores.append(self.judge(outputs, self.references))
            name = self.judge.name
        shown = len(outputs) // 2
        sample = f"{outputs[shown]}  ({self.references[shown][0]})"
        return Validation(name, self.scores[-1].value, sample)

    def write_bundle(self, folder: Path, validation: Validation | None) -> None:
        """Write the model with its validation scores and a self-test on test cards."""
        self.model.eval()
        numbers = range(SELFTEST_CARDS)
        found = self.captioner.hypotheses([probe_picture(number) for number in numbers])
        replayed = selftest(numbers, found)
        scores = self.scores if validation is not None else []
        examples = f"{len(self.train.store):,} captions of {len(self.train.features):,} images"
        card = model_card(
            "captioner", self.model, examples, scores, 'model.caption(["picture.jpg"])'
        )
        write_bundle(folder, self.bundle, scores, replayed, card)
