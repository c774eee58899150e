"""The encoder of images: a convolutional network, frozen up to a stage and trained from there."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from seqgen.errors import UserError
from seqgen.model.backbones import build_backbone
from seqgen.model.folded import Folded
from seqgen.model.memory import ImageBatch, Memory
from seqgen.model.pretrained import NONE, Pretrained, digest, fill, read_state
from seqgen.model.rnn import LockedDropout

FROM_SCRATCH = -1

_PLACE = 10  # numbers that say where a position is
_LAYOUT = torch.channels_last  # of the maps; convolutions run up to twice as fast on a CPU


def places(height: int, width: int) -> Tensor:
    """Where each position of a grid is, in numbers a linear map can read: [height * width, 10].

    Its two coordinates from -1 to 1 and their sines and cosines at one and two half-turns. A
    convolution knows what it sees but hardly where, and "left of" is a matter of where.
    """
    down = torch.linspace(-1.0, 1.0, height)[:, None].expand(height, width)
    across = torch.linspace(-1.0, 1.0, width).expand(height, width)
    turns = [function(k * math.pi * axis) for axis in (down, across) for k in (1, 2)
             for function in (torch.sin, torch.cos)]  # fmt: skip
    return torch.stack([down, across, *turns], -1).flatten(0, 1)


class CNNEncoder(nn.Module):
    """Reads an image with a convolutional network; each place of its map is a position.

    The first stages (``stem``) are frozen, and what they make of an image never changes: a
    cache of ``features`` stands for the pixels, also where later stages (``stages``) are tuned.

    Args:
        backbone: ``small`` or the name of one of torchvision's convolutional classifiers.
        weights: what ``load_pretrained`` reads: ``none``, the name of published weights
            (``DEFAULT``, ``IMAGENET1K_V1``, ...) or a local state dictionary, ``.pth`` or
            ``.safetensors``. Building the encoder reads none of it.
        tuned_stages: how many of the last stages are trained, with their BatchNorm statistics
            as they were; -1 trains the whole network from scratch, statistics too.
        pooled: one position, the mean of the map, instead of its grid.
        output_dim: D, width of a state.
        dropout: locked dropout on the states.

    Raises:
        UserError: an argument is unknown or out of range.
    """

    def __init__(
        self,
        backbone: str = "resnet18",
        weights: str = "DEFAULT",
        tuned_stages: int = 0,
        pooled: bool = False,
        output_dim: int = 512,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        if output_dim < 1:
            raise UserError(f"output_dim must be at least 1, not {output_dim}")
        if not 0.0 <= dropout < 1.0:
            raise UserError(f"encoder dropout must be in [0, 1), not {dropout}")
        parts = build_backbone(backbone)
        count = len(parts.stages)
        if not FROM_SCRATCH <= tuned_stages <= count:
            raise UserError(
                f"tuned_stages is {tuned_stages} where '{backbone}' has {count} stages",
                fix="set it to at most that, or to -1 to train from scratch",
            )
        self.backbone, self.weights, self.tuned_stages = backbone, weights, tuned_stages
        self.pooled, self.output_dim, self.reduction = pooled, output_dim, parts.reduction
        if pooled:
            parts.stages[-1].add_module("pool", nn.AdaptiveAvgPool2d(1))
        frozen = 0 if tuned_stages == FROM_SCRATCH else count - tuned_stages
        self.stem = nn.Sequential(*parts.stages[:frozen]).requires_grad_(False)
        self.stages = nn.Sequential(*parts.stages[frozen:])
        self._frozen = Folded()
        # Channels of a frozen network are sparse and differ much in scale: normalized before and
        # after, captions come out likelier than from the linear map alone. One trained from
        # scratch learns faster where the empty background may stay weaker than what is seen.
        linear = nn.Linear(parts.channels, output_dim)
        before, after = nn.LayerNorm(parts.channels), nn.LayerNorm(output_dim)
        scratch = tuned_stages == FROM_SCRATCH
        self.project = nn.Sequential(*([linear] if scratch else [before, linear, after]))
        self.place = None if pooled else nn.Linear(_PLACE, output_dim)
        self.dropout = LockedDropout(dropout)
        self.train()

    def train(self, mode: bool = True) -> CNNEncoder:
        """Training mode or not; what is frozen stays in evaluation mode, always."""
        super().train(mode)
        self.stem.eval()
        if self.tuned_stages != FROM_SCRATCH:
            for module in self.stages.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self

    def load_pretrained(self) -> Pretrained | None:
        """Read ``weights`` into the backbone: once, into a fresh model that is to be trained.

        A model out of a bundle has its weights from there and needs no other file.

        Returns:
            What was read; None for ``none``.

        Raises:
            UserError: the weights do not exist, cannot be had or do not fit, or there are
                none and frozen stages would stay random.
        """
        if self.weights == NONE:
            if self.tuned_stages != FROM_SCRATCH:
                raise UserError(
                    "weights = 'none' leaves the frozen stages random",
                    f"backbone '{self.backbone}'",
                    "name weights, or set tuned_stages = -1 to train all from scratch",
                )
            return None
        tensors = self._backbone_tensors()
        fill(tensors, read_state(self.backbone, self.weights), self.weights)
        return Pretrained(self.backbone, self.weights, digest(tensors))

    def _backbone_tensors(self) -> dict[str, Tensor]:
        """The tensors of stem and stages by torchvision's names, to be read or written."""
        return {
            name.replace("/", "."): tensor
            for stage in (*self.stem, *self.stages)
            for name, tensor in stage.state_dict().items()
        }

    @property
    def stem_sha256(self) -> str:
        """Of the frozen part: cached features with another one are of another network."""
        pooled = torch.tensor(self.pooled and self.tuned_stages == 0)  # has no weights
        return digest({**self.stem.state_dict(), "pooled": pooled})

    @property
    def tuned_parameters(self) -> list[nn.Parameter]:
        """Those trained that begin with pretrained weights, and want a lower learning rate."""
        return [] if self.weights == NONE else list(self.stages.parameters())

    def features(self, pixels: Tensor) -> Tensor:
        """What the frozen stages make of ``pixels`` [B, 3, height, width]: [B, C, h, w].

        Raises:
            UserError: the image is too small for this network.
        """
        if min(pixels.shape[2:]) < self.reduction:
            raise UserError(
                f"images of {pixels.shape[2]} x {pixels.shape[3]} pixels are too small for"
                f" '{self.backbone}'",
                fix=f"set their size to {self.reduction} or more",
            )
        with torch.no_grad():
            return self._frozen(self.stem, pixels.contiguous(memory_format=_LAYOUT))

    def forward(self, batch: ImageBatch) -> Memory:
        """Read ``batch``, from its features if it has them; the summary is the mean state."""
        maps = batch.features
        if maps is None:
            assert batch.pixels is not None  # ImageBatch has one or the other
            maps = self.features(batch.pixels)
        weight = next(self.project.parameters())  # a cache may be in float16
        maps = self.stages(maps.to(weight.dtype, memory_format=_LAYOUT))
        height, width = maps.shape[2:]
        states = self.project(maps.permute(0, 2, 3, 1).flatten(1, 2))
        if self.place is not None:
            states = states + self.place(places(height, width).to(states))
        states = self.dropout(states)
        mask = torch.ones(states.shape[:2], dtype=torch.bool, device=states.device)
        return Memory(states, mask, states.mean(1), None if self.pooled else (height, width))
