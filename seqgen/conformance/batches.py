"""Batches of any make taken apart: rows chosen, positions added and cut, and told in a line."""

from __future__ import annotations

import dataclasses
import hashlib
import pickle
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from seqgen.errors import UserError
from seqgen.model.memory import ImageBatch, TextBatch, ValueBatch, VectorBatch
from seqgen.model.pretrained import digest
from seqgen.text import PAD

KINDS: dict[str, type] = {
    "text": TextBatch,
    "image": ImageBatch,
    "value": ValueBatch,
    "vectors": VectorBatch,
}
WIDTH = 16  # of a vector of the examples, where the encoder does not say
VOCAB = 32  # token ids or values of the examples

_LENGTHS = (7, 1, 4, 9, 2, 4, 1, 7)  # each but two twice: what differs is what stands there
_SIDE = 64  # pixels; what the deepest of torchvision's networks reduce to two by two
_SHOWN = 12  # numbers of a tensor in a message


def example_batch(kind: str, width: int = WIDTH) -> Any:
    """Eight different inputs of a ``kind`` of ``KINDS``.

    Of sequences, two are of length one; all tokens are below ``VOCAB``, all vectors ``width``
    wide.

    Raises:
        UserError: there is no such kind.
    """
    if kind not in KINDS:
        raise UserError(f"there is no kind '{kind}'", fix=f"choose of {', '.join(KINDS)}")
    chance = torch.Generator().manual_seed(3)
    rows = len(_LENGTHS)
    if kind == "value":
        return ValueBatch(torch.randperm(VOCAB, generator=chance)[:rows])
    if kind == "image":
        coarse = torch.rand(rows, 3, 4, 4, generator=chance) * 4.0 - 2.0
        return ImageBatch(torch.nn.functional.interpolate(coarse, size=(_SIDE, _SIDE)))
    mask = torch.arange(max(_LENGTHS)) < torch.tensor(_LENGTHS)[:, None]
    if kind == "vectors":
        vectors = torch.randn(*mask.shape, width, generator=chance)
        return VectorBatch(vectors.masked_fill(~mask[..., None], 0.0), mask)
    tokens = torch.randint(4, VOCAB, mask.shape, generator=chance)
    return TextBatch(tokens.masked_fill(~mask, PAD), mask)


def changed(batch: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """``batch``, a tensor or a dataclass, dict, list or tuple of such, with each one changed."""
    return _rebuilt(batch, lambda part: change(part) if isinstance(part, Tensor) else part)


def tensors(batch: Any) -> Iterator[tuple[str, Tensor]]:
    """All tensors of ``batch``, each with its name."""
    for name, part in _leaves(batch):
        if isinstance(part, Tensor):
            yield name, part


def fingerprint(batch: Any) -> bytes:
    """SHA-256 of all that ``batch`` holds: its tensors, and what else there is, pickled."""
    total = hashlib.sha256(digest(dict(tensors(batch))).encode())
    for name, part in _leaves(batch):
        if not isinstance(part, Tensor):
            total.update(name.encode() + pickle.dumps(part))  # a repr may be an address
    return total.digest()


def size(batch: Any) -> int:
    """B, the rows of ``batch``."""
    return next(len(tensor) for _, tensor in tensors(batch))


def select(batch: Any, rows: Sequence[int]) -> Any:
    """The ``rows`` of ``batch`` in that order."""
    return changed(batch, lambda tensor: tensor[list(rows)])


def lengths(batch: Any) -> Tensor | None:
    """[B], the real positions of each input; None where ``batch`` has no mask."""
    mask = next((part["mask"] for part in _sequences(batch)), None)
    return None if mask is None else mask.sum(1)


def padded(batch: Any, extra: int) -> Any:
    """``batch`` with ``extra`` positions of padding on the right of all that has a mask."""

    def fill(tensor: Tensor) -> Tensor:
        blank = tensor.new_full((tensor.shape[0], extra, *tensor.shape[2:]), PAD)
        return torch.cat([tensor, blank], 1)

    return _along(batch, lambda _, tensor: fill(tensor))


def trimmed(batch: Any) -> Any:
    """``batch`` without the positions that are padding in all rows."""
    return _along(batch, lambda mask, tensor: tensor[:, : int(mask.sum(1).max())])


def cut(batch: Any, length: int) -> Any:
    """The first ``length`` positions of all that has a mask."""
    return _along(batch, lambda _, tensor: tensor[:, :length])


def told(batch: Any) -> str:
    """``batch`` in a line: small tensors by their numbers, others by type and shape."""
    words = []
    for name, tensor in tensors(batch):
        if name.split(".")[-1] == "mask":
            words.append(f"lengths {tensor.sum(1).tolist()}")
        elif tensor.numel() <= _SHOWN and not tensor.is_floating_point():
            words.append(f"{name} {tensor.tolist()}".strip())
        else:
            kind = str(tensor.dtype).removeprefix("torch.")
            words.append(f"{name} {kind} {list(tensor.shape)}".strip())
    return ", ".join(words)


def _leaves(batch: Any) -> Iterator[tuple[str, Any]]:
    """What ``batch`` is made of in the end, each with its name."""
    parts = _parts(batch)
    if not parts:
        yield "", batch
    for name, part in parts:
        for inner, leaf in _leaves(part):
            yield f"{name}.{inner}".rstrip("."), leaf


def _parts(batch: Any) -> list[tuple[str, Any]]:
    """What ``batch`` is made of, by name."""
    if dataclasses.is_dataclass(batch):
        return [(field.name, getattr(batch, field.name)) for field in dataclasses.fields(batch)]
    if isinstance(batch, dict):
        return [(str(name), part) for name, part in batch.items()]
    if isinstance(batch, (list, tuple)):
        return [(str(place), part) for place, part in enumerate(batch)]
    return []


def _rebuilt(batch: Any, change: Callable[[Any], Any]) -> Any:
    """``batch`` with all that it is made of, down to the tensors, changed."""
    parts = {name: _rebuilt(part, change) for name, part in _parts(batch)}
    if dataclasses.is_dataclass(batch) and not isinstance(batch, type):
        return dataclasses.replace(batch, **parts)
    if isinstance(batch, dict):
        return dict(zip(batch, parts.values(), strict=True))
    if isinstance(batch, (list, tuple)):
        return getattr(batch, "_make", type(batch))(parts.values())  # named tuples too
    return change(batch)


def _sequences(batch: Any) -> Iterator[dict[str, Any]]:
    """The parts of ``batch`` that have a mask [B, S], outermost first."""
    parts = dict(_parts(batch))
    mask = parts.get("mask")
    if isinstance(mask, Tensor) and mask.dtype == torch.bool and mask.dim() == 2:
        yield parts
    for part in parts.values():
        yield from _sequences(part)


def _along(batch: Any, change: Callable[[Tensor, Tensor], Tensor]) -> Any:
    """``batch`` with ``change(mask, tensor)`` for each tensor [B, S, ...] that has a mask."""
    new: dict[int, Tensor] = {}
    for parts in _sequences(batch):
        mask = parts["mask"]
        for part in parts.values():
            if isinstance(part, Tensor) and part.shape[:2] == mask.shape:
                new[id(part)] = change(mask, part)
    return _rebuilt(batch, lambda part: new.get(id(part), part))
