"""Published or local weights of a backbone, and the image settings that go with them."""

from __future__ import annotations

import hashlib
import re
import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from seqgen.errors import UserError
from seqgen.files import unreadable
from seqgen.images import ImageConfig
from seqgen.model.backbones import HEAD, SMALL, check_backbone, torchvision_models

NONE = "none"
_SUFFIXES = (".pth", ".pt", ".safetensors")


@dataclass(frozen=True)
class Pretrained:
    """The weights a backbone began with."""

    backbone: str
    weights: str  # as they were asked for
    sha256: str  # of the tensors, whatever file they came in


def default_images(backbone: str, weights: str) -> ImageConfig:
    """The image settings ``backbone`` was trained with, known without its weights.

    Args:
        backbone: a name ``build_backbone`` knows.
        weights: as for ``CNNEncoder``. For ``none`` and local files, the settings of the
            first weights that were published.

    Raises:
        UserError: there is no such backbone, or no such weights of it.
    """
    check_backbone(backbone)
    if backbone == SMALL:
        return ImageConfig(64, "crop", 64, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    if weights == NONE or weights.endswith(_SUFFIXES):
        member = next(iter(torchvision_models().get_model_weights(backbone)))
    else:
        member = _published(backbone, weights)
    preset = member.transforms()
    red, green, blue = preset.mean
    return ImageConfig(
        preset.crop_size[0],
        "crop",
        preset.resize_size[0],
        (red, green, blue),
        tuple(preset.std),
        preset.interpolation.value,
    )


def _published(backbone: str, weights: str) -> Any:
    """The member of torchvision's enumeration that ``weights`` names."""
    members: dict[str, Any] = {}
    if backbone != SMALL:
        members = torchvision_models().get_model_weights(backbone).__members__
    if weights not in members:
        raise UserError(
            f"there are no weights '{weights}' of '{backbone}'",
            "weights",
            f"choose from {', '.join([NONE, *members])} or give a file {' or '.join(_SUFFIXES)}",
        )
    return members[weights]


def read_state(backbone: str, weights: str) -> dict[str, Tensor]:
    """The state dictionary ``weights`` names, downloaded if it is a published one.

    Raises:
        UserError: there is none of that name, or it cannot be downloaded or read.
    """
    state = _read(Path(weights)) if weights.endswith(_SUFFIXES) else _fetch(backbone, weights)
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise UserError("is no state dictionary", weights, "save model.state_dict() alone")
    return {_modern(name): tensor for name, tensor in state.items()}


def _modern(name: str) -> str:
    """The name of a tensor today; published DenseNets say ``norm.1`` for ``norm1``."""
    return re.sub(r"(\.denselayer\d+\.(?:norm|conv))\.([12]\.)", r"\1\2", name)


def _fetch(backbone: str, weights: str) -> Any:
    member = _published(backbone, weights)
    try:
        return member.get_state_dict(
            map_location="cpu", progress=sys.stderr.isatty(), check_hash=True, weights_only=True
        )
    except (OSError, RuntimeError) as error:  # no network; another hash
        raise UserError(
            f"cannot be downloaded: {error}",
            member.url,
            "check the network, or give the file itself as weights",
        ) from error


def _read(path: Path) -> Any:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        with warnings.catch_warnings():  # of formats that are refused anyway
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise unreadable(path, error) from error
    except SafetensorError as error:
        raise UserError(f"cannot be read: {error}", path) from error
    except Exception as error:  # torch raises whatever a damaged file leads it to
        reason = str(error).split("\n")[0].split(". ")[0]
        raise UserError(
            f"is no state dictionary that can be read safely: {reason}",
            path,
            "save model.state_dict() alone",
        ) from error


@torch.no_grad()
def fill(wanted: Mapping[str, Tensor], state: Mapping[str, Tensor], where: object) -> None:
    """Copy ``state`` into the tensors ``wanted``, by name.

    The classifier's tensors may be there or not, and BatchNorm's count of batches may lack.

    Args:
        wanted: written in place, unless anything is wrong.
        state: a state dictionary of the whole network, in torchvision's names.
        where: what ``state`` was read from, for messages.

    Raises:
        UserError: tensors are missing, unknown or of another shape.
    """
    lacking = [n for n in wanted if n not in state and not n.endswith(".num_batches_tracked")]
    unknown = [n for n in state if n not in wanted and n.split(".")[0] not in HEAD]
    shared = [n for n in wanted if n in state]
    other = [
        f"{n} {list(state[n].shape)} for {list(wanted[n].shape)}"
        for n in shared
        if state[n].shape != wanted[n].shape
    ]
    parts = (("lacks", lacking), ("has unknown", unknown), ("has other shapes:", other))
    wrong = [f"{what} {_some(names)}" for what, names in parts if names]
    if wrong:
        raise UserError("; ".join(wrong), where, "check that it is of this backbone")
    for name in shared:
        wanted[name].copy_(state[name])


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def digest(tensors: Mapping[str, Tensor]) -> str:
    """The SHA-256 of tensors with their names, in hexadecimal."""
    total = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        total.update(f"{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        total.update(flat.view(torch.uint8).numpy().tobytes())  # bfloat16 is unknown to NumPy
    return total.hexdigest()
