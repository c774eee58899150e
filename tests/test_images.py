import io
import os
import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from seqgen.errors import UserError
from seqgen.images import MAX_PIXELS, find_images, read_image

PHOTO = Image.effect_noise((40, 30), 60).convert("RGB")


def saved(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)
    return path


def pixels(path: Path) -> np.ndarray:
    image = read_image(path)
    assert image.mode == "RGB"
    return np.asarray(image)


def jpeg(image: Image.Image = PHOTO, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", **options)
    return buffer.getvalue()


# For each orientation the visual side of row 0 and of column 0, as the EXIF standard has it.
SIDES = (
    *("top left", "top right", "bottom right", "bottom left"),
    *("left top", "right top", "right bottom", "left bottom"),
)


def stored(upright: np.ndarray, orientation: int) -> np.ndarray:
    """How a camera writes ``upright``: each pixel put where the standard says."""
    rows, columns = SIDES[orientation - 1].split()
    height, width = upright.shape[:2]
    across = rows in ("left", "right")
    result = np.empty((width, height, 3) if across else (height, width, 3), np.uint8)
    for r in range(result.shape[0]):
        for c in range(result.shape[1]):
            x, y = (r, c) if across else (c, r)
            x = width - 1 - x if "right" in (rows, columns) else x
            y = height - 1 - y if "bottom" in (rows, columns) else y
            result[r, c] = upright[y, x]
    return result


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path, orientation, suffix):
    upright = np.random.default_rng(0).integers(0, 256, (2, 3, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(stored(upright, orientation))
    path = saved(tmp_path / f"a{suffix}", image, exif=exif, lossless=True)
    assert np.array_equal(pixels(path), upright)


@pytest.mark.parametrize("exif", [b"Exif\0\0nonsense", b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01"])
def test_damaged_exif_does_no_harm(tmp_path, exif):
    data = jpeg()
    segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    (tmp_path / "a.jpg").write_bytes(data[:2] + segment + data[2:])
    (tmp_path / "b.jpg").write_bytes(data)
    assert np.array_equal(pixels(tmp_path / "a.jpg"), pixels(tmp_path / "b.jpg"))


@pytest.mark.parametrize("suffix", [".tif", ".jpg"])
def test_cmyk(tmp_path, suffix):
    """In a JPEG as Adobe writes it, the four are inverted; light is (255 - ink)(255 - black)."""
    inks = [(0, 0, 0, 0), (255, 0, 0, 0), (0, 255, 0, 0), (0, 0, 255, 0), (0, 0, 0, 255)]
    inks += [(255, 0, 0, 255), (0, 0, 0, 102), (51, 0, 204, 0)]
    light = [[(255 - c) * (255 - k) // 255 for c in rest] for *rest, k in inks]
    blocks = np.repeat(np.array([inks], np.uint8), 8, 0).repeat(8, 1)
    options = {"quality": 100, "subsampling": 0} if suffix == ".jpg" else {}
    path = saved(tmp_path / f"a{suffix}", Image.fromarray(blocks, "CMYK"), **options)
    assert (b"Adobe" in path.read_bytes()) == (suffix == ".jpg")
    found = pixels(path)[4, 4::8].astype(int)
    assert np.abs(found - light).max() <= (2 if suffix == ".jpg" else 0)


def test_grey_of_sixteen_bits_is_scaled_not_clipped(tmp_path):
    values = np.array([[0, 128, 129, 257, 32896, 65534, 65535]], np.uint16)
    expected = [0, 0, 1, 1, 128, 255, 255]
    paths = [saved(tmp_path / f"a{s}", Image.fromarray(values)) for s in (".png", ".tif", ".jp2")]
    paths.append(saved(tmp_path / "b.tif", Image.fromarray(values.astype(">u2"))))
    (tmp_path / "a.pgm").write_bytes(b"P5 7 1 65535\n" + values.astype(">u2").tobytes())
    for path in (*paths, tmp_path / "a.pgm"):
        assert pixels(path)[0].tolist() == [[v] * 3 for v in expected], path


def test_thirty_two_bits_have_no_white(tmp_path):
    for name, values in (("f", np.float32([[0.5]])), ("i", np.int32([[70000]]))):
        path = saved(tmp_path / f"{name}.tif", Image.fromarray(values))
        with pytest.raises(UserError, match="32-bit"):
            read_image(path)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_transparency_is_laid_on_white(tmp_path, suffix):
    image = Image.new("RGBA", (3, 1))
    for x, alpha in enumerate((0, 102, 255)):
        image.putpixel((x, 0), (10, 0, 200, alpha))
    path = saved(tmp_path / f"a{suffix}", image, lossless=True, exact=True)
    assert pixels(path)[0].tolist() == [[255, 255, 255], [157, 153, 233], [10, 0, 200]]


def test_transparency_of_palettes_and_greys(tmp_path):
    palette = Image.new("P", (3, 1))
    palette.putpalette([0, 0, 0, 9, 99, 199, 10, 20, 30])
    palette.putdata([0, 1, 2])
    expected = [[255, 255, 255], [9, 99, 199], [10, 20, 30]]
    for suffix, mark in ((".png", 0), (".png", b"\0\xff\xff"), (".gif", 0)):
        path = saved(tmp_path / f"a{suffix}", palette, transparency=mark)
        assert pixels(path)[0].tolist() == expected
    grey = Image.new("L", (2, 1))
    grey.putpixel((1, 0), 77)
    assert pixels(saved(tmp_path / "b.png", grey, transparency=0))[0, :, 0].tolist() == [255, 77]
    both = Image.merge("LA", (grey, grey.point(lambda v: 255 * (v > 0))))
    assert pixels(saved(tmp_path / "c.png", both))[0, :, 0].tolist() == [255, 77]


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_other_modes(tmp_path, mode):
    image = PHOTO.convert(mode)
    expected = np.asarray(image.convert("RGB"))
    assert np.array_equal(pixels(saved(tmp_path / "a.png", image)), expected)


@pytest.mark.parametrize("suffix", [".gif", ".png", ".webp", ".tif"])
def test_the_first_frame_of_an_animation(tmp_path, suffix):
    red, blue = (Image.new("RGB", (4, 4), c) for c in ("red", "blue"))
    options = {"save_all": True, "append_images": [blue], "lossless": True}
    assert np.unique(pixels(saved(tmp_path / f"a{suffix}", red, **options))).tolist() == [0, 255]
    assert pixels(tmp_path / f"a{suffix}")[0, 0].tolist() == [255, 0, 0]


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize("side", [11600, 15000, 10**5])
def test_too_many_pixels_are_refused_before_they_are_decoded(tmp_path, side):
    """The file has no pixels at all: decoding it would say that it is damaged."""
    assert side**2 > MAX_PIXELS
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    path = tmp_path / "bomb.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b""))
    with pytest.raises(UserError, match=r"bomb\.png: has .* pixels where 134 million"):
        read_image(path)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".gif", ".webp", ".tif", ".bmp", ".jp2"])
def test_a_truncated_file(tmp_path, suffix):
    path = saved(tmp_path / f"cut{suffix}", PHOTO)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UserError, match=rf"cut\{suffix}: is .*image"):
        read_image(path)


def test_what_is_no_image(tmp_path):
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.png").write_text("a picture of a dog")
    (tmp_path / "run.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    (tmp_path / "folder.png").mkdir()
    for name, message in (
        ("empty.jpg", "is empty"),
        ("text.png", "is no image"),
        ("run.eps", "is no image"),
        ("folder.png", "is a folder"),
        ("missing.png", "does not exist"),
        ("text.png/a.png", "cannot be read"),
    ):
        with pytest.raises(UserError, match=f"{name}: {message}"):
            read_image(tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
def test_a_file_without_permission(tmp_path):
    path = saved(tmp_path / "secret.png", PHOTO)
    path.chmod(0)
    with pytest.raises(UserError, match=r"secret\.png: cannot be read: Permission denied"):
        read_image(path)


@given(st.data(), st.sampled_from(["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "PPM", "JPEG2000"]))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_file_is_an_image_or_a_user_error(tmp_path, data, kind):
    buffer = io.BytesIO()
    PHOTO.save(buffer, kind)
    damaged = bytearray(buffer.getvalue())
    places = st.integers(0, min(len(damaged), 400) - 1)
    for place in data.draw(st.lists(places, min_size=1, max_size=5)):
        damaged[place] = data.draw(st.integers(0, 255))
    path = tmp_path / "a"
    path.write_bytes(damaged)
    try:
        assert read_image(path).mode == "RGB"
    except UserError as error:
        assert str(path) in str(error)


def test_threads_leave_the_warnings_as_they_were(tmp_path):
    exif = b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01"
    data = jpeg(exif=exif)
    (tmp_path / "a.jpg").write_bytes(data)
    before = list(warnings.filters)
    with ThreadPoolExecutor(4) as pool:
        assert len(list(pool.map(read_image, [tmp_path / "a.jpg"] * 40))) == 40
    assert warnings.filters == before


def test_find_images(tmp_path):
    for name in ("b.JPG", "a/z.png", "a/b/c.webp", ".hidden.png", ".cache/d.png", "notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    named = tmp_path / "notes.txt"
    found = find_images([named, tmp_path])
    assert [path.relative_to(tmp_path).as_posix() for path in found] == [
        "notes.txt",
        "a/b/c.webp",
        "a/z.png",
        "b.JPG",
    ]
    with pytest.raises(UserError, match=r"nowhere: does not exist"):
        find_images([tmp_path / "nowhere"])
    with pytest.raises(UserError, match=r"cache: has no image"):
        (tmp_path / ".cache/d.png").unlink()
        find_images([tmp_path / ".cache"])


def test_real_photographs(real_data):
    paths = find_images([real_data("coco_mini")])
    assert len(paths) == 80
    assert {read_image(path).mode for path in paths[:10]} == {"RGB"}
