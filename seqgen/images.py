"""Image files to the pixels a network sees: decoded by Pillow, fitted and normalized here."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from seqgen.errors import UserError
from seqgen.files import unreadable

Fit = Literal["crop", "squash"]
Interpolation = Literal["bilinear", "bicubic", "nearest"]
Picture = str | Path | Image.Image  # a file, or an image that Pillow has opened

# More than the largest camera sensors have (102 to 108 million); 400 MB once decoded as RGB.
MAX_PIXELS = 2**27

# What cameras, scanners and the web give, where this Pillow was built with it. Others stay out
# because their decoders are large and seldom used, or run a program (EPS).
_KINDS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "MPO", "PNG", "PPM", "TIFF", "WEBP")
_SUFFIXES = {s: kind for s, kind in Image.registered_extensions().items() if kind in _KINDS}
_FORMATS = [kind for kind in _KINDS if kind in Image.OPEN]  # MPO is opened as JPEG

_ORIENTATION = 0x0112  # EXIF tag
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_LONGEST = 4  # times the shorter side; a centre crop needs less, and a strip would grow huge


class _Quiet:
    """Keeps Pillow's warnings silent while any thread decodes.

    Python's list of warning filters is one for all threads, so the first to begin changes it
    and the last to end puts it back.
    """

    def __init__(self) -> None:
        self.lock, self.count = threading.Lock(), 0

    def __enter__(self) -> None:
        with self.lock:
            if self.count == 0:
                self.caught = warnings.catch_warnings()
                self.caught.__enter__()
                warnings.filterwarnings("ignore", module=r"PIL\.")
            self.count += 1

    def __exit__(self, *error: object) -> None:
        with self.lock:
            self.count -= 1
            if self.count == 0:
                self.caught.__exit__(None, None, None)


_QUIET = _Quiet()


@dataclass(frozen=True)
class ImageConfig:
    """How an image becomes the square a network sees."""

    size: int = 224  # pixels of a side of the square
    fit: Fit = "crop"  # crop: shorter side to ``resize``, then the centre; squash: all of it
    resize: int = 256  # of the shorter side before a crop; ``squash`` does without
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)  # of red, green, blue in [0, 1]
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    interpolation: Interpolation = "bilinear"  # antialiased, but for nearest

    def __post_init__(self) -> None:
        if self.size < 1:
            raise UserError(f"image size must be at least 1, not {self.size}")
        for name, kind in (("fit", Fit), ("interpolation", Interpolation)):
            if getattr(self, name) not in get_args(kind):
                choices = ", ".join(get_args(kind))
                raise UserError(
                    f"image {name} is {getattr(self, name)!r}", fix=f"choose from {choices}"
                )
        if self.fit == "crop" and self.resize < self.size:
            raise UserError(
                f"image resize {self.resize} is below size {self.size}, which is cut out of it"
            )
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0:
            raise UserError("image mean and std must be three numbers each, std above 0")


def read_image(path: Path) -> Image.Image:
    """Read an image file as 8-bit RGB, upright, without transparency.

    EXIF orientation is applied, transparency laid on white, 16-bit grey scaled (65535 is
    white), and of an animation the first frame taken. Threads may decode at once.

    Args:
        path: a file in any of the common formats, whatever its suffix.

    Raises:
        UserError: it is missing, unreadable, no image, damaged, of 32-bit numbers, or has more
            than ``MAX_PIXELS`` pixels (found out before it is decoded).
    """
    try:
        with _QUIET, open(path, "rb") as file:
            if os.fstat(file.fileno()).st_size == 0:
                raise UserError("is empty where an image is expected", path)
            with Image.open(file, formats=_FORMATS) as image:
                _check_size(image, path)
                image.load()
                return _flat(_upright(image), path)
    except UserError:
        raise
    except UnidentifiedImageError as error:
        raise UserError(
            "is no image, or of a kind that is not read", path, "convert it to PNG or JPEG"
        ) from error
    except Image.DecompressionBombError as error:
        raise _too_large(path) from error
    except OSError as error:
        if error.errno is not None:  # of the system, not of Pillow
            raise unreadable(path, error) from error
        raise _damaged(path, error) from error
    except Exception as error:  # Pillow's decoders raise whatever a damaged file leads them to
        raise _damaged(path, error) from error


def _check_size(image: Image.Image, path: Path) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise _too_large(path, f"{width} x {height}")
    if width * height == 0:
        raise UserError(f"has {width} x {height} pixels", path)


def _too_large(path: Path, size: str = "far more") -> UserError:
    limit = f"{MAX_PIXELS // 10**6} million"
    return UserError(f"has {size} pixels where {limit} are the most", path, "make it smaller")


def _damaged(path: Path, error: Exception) -> UserError:
    return UserError(f"is a damaged image: {error}", path, "replace it")


def _upright(image: Image.Image) -> Image.Image:
    """The image turned and mirrored as its EXIF data says; damaged EXIF data says nothing."""
    try:
        turn = _UPRIGHT.get(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # as above; the pixels are fine
        turn = None
    return image if turn is None else image.transpose(turn)


def _flat(image: Image.Image, path: Path) -> Image.Image:
    """The image as RGB, from any mode."""
    if image.mode.startswith("I") or image.mode == "F":
        image = _eight_bits(image, path)
    elif image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return image.convert("RGB")


def _eight_bits(image: Image.Image, path: Path) -> Image.Image:
    """Grey of 16 bits scaled to 8; some versions of Pillow hold it in 32."""
    values = np.asarray(image)
    if image.mode == "F" or (image.mode == "I" and (values.min() < 0 or values.max() > 65535)):
        raise UserError("holds 32-bit numbers, whose white is unknown", path, "save it in 8 bits")
    return Image.fromarray(((values.astype(np.uint32) + 128) // 257).astype(np.uint8))


def to_pixels(image: Image.Image, config: ImageConfig) -> npt.NDArray[np.float32]:
    """The pixels [3, size, size] a network sees, normalized; the same on any machine.

    Equal to the transforms torchvision publishes with its weights.

    Args:
        image: RGB.
        config: how to fit and normalize it.
    """
    mode = Image.Resampling[config.interpolation.upper()]
    if config.fit == "squash":
        image = _resized(image, (config.size, config.size), mode)
    else:
        most = _LONGEST * min(image.size)
        image = _centre(image, (min(image.width, most), min(image.height, most)))
        short = min(image.size)
        width, height = (config.resize * side // short for side in image.size)
        image = _centre(_resized(image, (width, height), mode), (config.size, config.size))
    pixels = np.asarray(image, np.float32).transpose(2, 0, 1) * np.float32(1 / 255)
    mean, std = (np.array(each, np.float32)[:, None, None] for each in (config.mean, config.std))
    return np.ascontiguousarray((pixels - mean) / std)


def _resized(image: Image.Image, size: tuple[int, int], mode: Image.Resampling) -> Image.Image:
    return image if image.size == size else image.resize(size, mode)


def _centre(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The part of ``size`` (width, height) in the middle of an image no smaller."""
    left, upper = (round((whole - part) / 2) for whole, part in zip(image.size, size, strict=True))
    return image.crop((left, upper, left + size[0], upper + size[1]))


def seen(picture: Picture, config: ImageConfig) -> npt.NDArray[np.float32]:
    """What a network sees of a picture, [3, size, size].

    Raises:
        UserError: a file is no picture.
    """
    image = picture if isinstance(picture, Image.Image) else read_image(Path(picture))
    return to_pixels(image.convert("RGB"), config)


def find_images(paths: Iterable[Path]) -> list[Path]:
    """The image files meant by ``paths``, in their order.

    Args:
        paths: a file is taken whatever its name; of a folder, all files below it with the
            suffix of an image, sorted, but for hidden ones.

    Raises:
        UserError: a path does not exist, or a folder cannot be read or has no image.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            below = sorted(_below(path))
            if not below:
                raise UserError("has no image in it", path)
            found += below
        elif path.exists():
            found.append(path)
        else:
            raise UserError("does not exist", path, "check the path")
    return found


def _below(folder: Path) -> Iterable[Path]:
    def refuse(error: OSError) -> None:
        raise unreadable(Path(error.filename), error)

    for here, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if Path(name).suffix.lower() in _SUFFIXES and not name.startswith("."):
                yield Path(here) / name
