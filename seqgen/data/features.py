"""One pass of a frozen network over images, into a feature cache."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from seqgen.data.cache import CacheKey, FeatureCache, Half, Writer, opened
from seqgen.errors import UserError
from seqgen.files import checksum

EVERY = 10.0  # seconds between two lines about the progress

_SHOWN = 20  # of many broken images

Item = TypeVar("Item")
Result = TypeVar("Result")


def cache_features(
    folder: Path,
    images: Sequence[Path],
    key: CacheKey,
    load: Callable[[Path], Tensor],
    features: Callable[[Tensor], Tensor],
    report: Callable[[str], None] = lambda _: None,
    workers: int = 2,
    batch_size: int = 32,
    hold: Callable[[Sequence[str]], None] = lambda _: None,
) -> FeatureCache:
    """Features of ``images``, computed where the cache in ``folder`` does not have them.

    Images count by their content: files alike share a row, and a changed file is computed
    again. A pass that is killed goes on where it stood. Several processes may ask for the same
    cache at once; one computes, the others wait.

    Args:
        folder: of the cache; made if it is not there.
        images: [N] files.
        key: what made the features; with ``flip``, mirror images are computed too.
        load: reads a file as pixels [3, height, width], all of one size; a ``UserError`` of it
            says that the file is broken. Called from several threads.
        features: from pixels [B, 3, height, width] to features [B, C, h, w].
        report: told of the progress in lines.
        workers: threads that decode images.
        batch_size: images computed at a time; about twice as many are held as pixels.
        hold: told the SHA-256 of the images [N] before anything is computed; may refuse them.

    Returns:
        The cache, its rows numbered as ``images``.

    Raises:
        UserError: there are no images; some are broken (all are named, and the features of the
            others kept); a feature is not finite or too large for float16; or the cache is
            damaged or cannot be written.
    """
    if not images:
        raise UserError("there are no images to compute features of")
    broken: list[UserError] = []
    names: list[str] = []  # SHA-256 of each image
    paths: dict[str, Path] = {}  # of the first image of each content
    with ThreadPoolExecutor(workers) as pool:
        sums = _ahead(pool, _unless_broken(checksum), images, 8 * workers)
        for path, name in zip(images, sums, strict=True):
            if isinstance(name, UserError):
                broken.append(name)
            else:
                names.append(name)
                paths.setdefault(name, path)
        if not broken:
            hold(names)
        with opened(folder, key, report) as cache:
            new = {name: path for name, path in paths.items() if name not in cache.places}
            pixels = _ahead(pool, _unless_broken(load), new.values(), batch_size + workers)
            _fill(cache, new, pixels, features, batch_size, broken, report)
            if broken:
                raise _all_of(broken, len(images))
            return cache.reader(names)


def _unless_broken(read: Callable[[Path], Result]) -> Callable[[Path], Result | UserError]:
    """``read``, which returns its complaint of a file instead of raising it."""

    def attempt(path: Path) -> Result | UserError:
        try:
            return read(path)
        except UserError as error:
            return error

    return attempt


def _ahead(
    pool: ThreadPoolExecutor, work: Callable[[Item], Result], items: Iterable[Item], most: int
) -> Iterator[Result]:
    """``map(work, items)`` by the threads of ``pool``, at most ``most`` results early."""
    waiting: deque[Future[Result]] = deque()
    for item in items:
        waiting.append(pool.submit(work, item))
        if len(waiting) > most:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _fill(
    cache: Writer,
    new: dict[str, Path],
    loaded: Iterable[Tensor | UserError],
    features: Callable[[Tensor], Tensor],
    batch_size: int,
    broken: list[UserError],
    say: Callable[[str], None],
) -> None:
    """Add the features of new images to the cache, batch by batch; put complaints in ``broken``."""
    progress = _Progress(len(new), say)
    batch: dict[str, Tensor] = {}
    for done, (name, pixels) in enumerate(zip(new, loaded, strict=True), start=1):
        if isinstance(pixels, UserError):
            broken.append(pixels)
        else:
            batch[name] = pixels
        if batch and (len(batch) == batch_size or done == len(new)):
            half = _half([new[n] for n in batch], batch.values(), features, cache.key.flip)
            cache.add(list(batch), half)
            batch = {}
            progress.at(done)


def _half(
    paths: list[Path], pixels: Iterable[Tensor], features: Callable[[Tensor], Tensor], flip: bool
) -> Half:
    """Features of B images, and of their mirror images, as float16 [B, F, C, h, w]."""
    batch = torch.stack(list(pixels))
    with torch.inference_mode():
        views = [batch, batch.flip(-1)] if flip else [batch]
        found = torch.stack([features(view) for view in views], 1)
        half = found.to(torch.float16).cpu()
        good = half.isfinite().flatten(1).all(1)
    if not good.all():
        first = int(good.logical_not().nonzero()[0])
        raise UserError(
            f"has a feature of {found[first].abs().max().item():g}, beyond float16",
            paths[first],
            "check the network's weights and the image transform",
        )
    array: Half = half.numpy()
    return array


class _Progress:
    """Lines about the progress: one at the start, then every few seconds, and one at the end."""

    def __init__(self, new: int, say: Callable[[str], None]) -> None:
        self.new, self.say = new, say
        self.start = self.last = time.monotonic()
        if new:
            say(f"computing features of {new:,} images")

    def at(self, done: int) -> None:
        """Take in that ``done`` of the new images are read and computed."""
        now = time.monotonic()
        if now - self.last < EVERY and done < self.new:
            return
        self.last, rate = now, done / max(now - self.start, 1e-9)
        left = (self.new - done) / rate / 60
        self.say(f"features {done:,}/{self.new:,}  {rate:,.1f} images/s  {left:.1f} min left")


def _all_of(broken: list[UserError], images: int) -> UserError:
    """One complaint of all images that cannot be used."""
    reasons = "; ".join(map(str, broken[:_SHOWN]))
    more = f"; and {len(broken) - _SHOWN:,} more" if len(broken) > _SHOWN else ""
    return UserError(
        f"{len(broken):,} of {images:,} images cannot be used: {reasons}{more}",
        fix="mend these files or leave them out",
    )
