import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from seqgen.data import features as module
from seqgen.data.cache import CacheKey
from seqgen.data.features import cache_features
from seqgen.errors import UserError

KEY = CacheKey("one", {"size": 8})
FLIP = CacheKey("one", {"size": 8}, flip=True)


def load(path: Path) -> Tensor:
    """Pixels [3, 8, 8] of a file."""
    try:
        with Image.open(path) as image:
            array = np.asarray(image.convert("RGB").resize((8, 8)), np.float32)
    except OSError as error:
        raise UserError("is no image", path) from error
    return torch.from_numpy(array).permute(2, 0, 1) / 255


def network(pixels: Tensor) -> Tensor:
    """Features [B, 6, 2, 4], not the same for an image and its mirror image."""
    slope = torch.linspace(0, 1, 8)
    return torch.cat(
        [functional.avg_pool2d(pixels * slope, (4, 2)), functional.max_pool2d(pixels, (4, 2))], 1
    )


def make(folder: Path, count: int, seed: int = 0) -> list[Path]:
    chance = np.random.default_rng(seed)
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{i}.png" for i in range(count)]
    for path in paths:
        Image.fromarray(chance.integers(0, 256, (9, 11, 3), np.uint8)).save(path)
    return paths


def direct(paths: list[Path], flip: bool = False) -> np.ndarray:
    pixels = torch.stack([load(path) for path in paths])
    return network(pixels.flip(-1) if flip else pixels).to(torch.float16).numpy()


class Loads:
    """``load``, which counts the files it is asked for."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __call__(self, path: Path) -> Tensor:
        self.names.append(path.name)
        return load(path)

    def took(self) -> set[str]:
        names, self.names = set(self.names), []
        return names


@pytest.mark.parametrize("batch_size", [1, 3, 4, 99])
def test_rows_are_the_features_themselves(tmp_path: Path, batch_size: int) -> None:
    paths = make(tmp_path / "images", 8)
    cache = cache_features(
        tmp_path / "cache", paths, KEY, load, network, workers=3, batch_size=batch_size
    )
    assert len(cache) == 8
    assert np.array_equal(cache.rows(range(8)), direct(paths))
    assert np.array_equal(cache.rows([5, 1, 5]), direct([paths[5], paths[1], paths[5]]))


def test_mirror_images(tmp_path: Path) -> None:
    paths = make(tmp_path / "images", 5)
    cache = cache_features(tmp_path / "cache", paths, FLIP, load, network, batch_size=2)
    straight, mirrored = direct(paths), direct(paths, flip=True)
    assert not np.array_equal(straight, mirrored)
    assert np.array_equal(cache.rows(range(5)), straight)
    assert np.array_equal(cache.rows(range(5), np.ones(5, bool)), mirrored)
    mixed = np.stack([mirrored[3], straight[0]])
    assert np.array_equal(cache.rows([3, 0], [True, False]), mixed)


def test_only_what_changed_is_computed(tmp_path: Path) -> None:
    paths, loads = make(tmp_path / "images", 6), Loads()

    def features(key: CacheKey = KEY) -> None:
        cache = cache_features(tmp_path / "cache", paths, key, loads, network)
        assert np.array_equal(cache.rows(range(len(paths))), direct(paths))

    everything = {path.name for path in paths}
    features()
    assert loads.took() == everything
    features()
    assert loads.took() == set()
    (image,) = make(tmp_path / "other", 1, seed=9)
    shutil.copy(image, paths[2])
    features()
    assert loads.took() == {"2.png"}
    paths[4] = paths[4].rename(tmp_path / "images" / "new name.png")
    paths.reverse()
    features()
    assert loads.took() == set()
    for key in (CacheKey("two", {"size": 8}), CacheKey("two", {"size": 9})):
        features(key)
        assert len(loads.took()) == 6


def test_files_alike_share_a_row(tmp_path: Path) -> None:
    paths, loads = make(tmp_path / "images", 3), Loads()
    copy = Path(shutil.copy(paths[1], tmp_path / "images" / "copy.png"))
    every = [copy, *paths, copy]
    cache = cache_features(tmp_path / "cache", every, KEY, loads, network)
    assert loads.took() == {"copy.png", "0.png", "2.png"}
    assert len(cache) == 5
    assert len(cache.array) == 3
    assert np.array_equal(cache.rows(range(5)), direct(every))


def test_broken_images_are_told_at_once_and_the_others_kept(tmp_path: Path) -> None:
    paths, loads = make(tmp_path / "images", 7), Loads()
    for i, content in ((1, b"a"), (5, b"b"), (6, b"c")):
        paths[i].write_bytes(content)
    paths[3].unlink()
    reasons = [f"{paths[3]}: does not exist; check the path"]
    reasons += [f"{paths[i]}: is no image" for i in (1, 5, 6)]
    message = f"4 of 7 images cannot be used: {'; '.join(reasons)}; mend these files"
    for took in ({0, 1, 2, 4, 5, 6}, {1, 5, 6}):
        with pytest.raises(UserError, match=re.escape(message)):
            cache_features(tmp_path / "cache", paths, KEY, loads, network, batch_size=2)
        assert loads.took() == {f"{i}.png" for i in took}
    good = [paths[i] for i in (0, 2, 4)]
    cache = cache_features(tmp_path / "cache", good, KEY, loads, network)
    assert loads.took() == set()
    assert np.array_equal(cache.rows(range(3)), direct(good))


def test_many_broken_images_are_counted(tmp_path: Path) -> None:
    paths = [tmp_path / f"{i}.png" for i in range(30)]
    with pytest.raises(UserError, match=r"30 of 30 images .*; and 10 more; mend") as caught:
        cache_features(tmp_path / "cache", paths, KEY, load, network)
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="no images"):
        cache_features(tmp_path / "cache", [], KEY, load, network)


@pytest.mark.parametrize(
    ("value", "text"), [(65520.0, "65520"), (-1e9, "1e.09"), (float("nan"), "nan")]
)
def test_what_float16_does_not_hold_is_an_error(tmp_path: Path, value: float, text: str) -> None:
    paths = make(tmp_path / "images", 4)
    third = load(paths[2])

    def wild(pixels: Tensor) -> Tensor:
        found = network(pixels)
        found[:, 0, 0, 0] = 65504  # the largest that it holds
        is_third = (pixels == third).flatten(1).all(1)
        found[is_third, 1, 1, 1] = value
        return found

    with pytest.raises(UserError, match=rf"2\.png: has a feature of {text}, beyond float16"):
        cache_features(tmp_path / "cache", paths, KEY, load, wild, batch_size=2)
    cache = cache_features(tmp_path / "cache", paths[:2], KEY, load, network)
    assert cache.rows([0, 1])[:, 0, 0, 0].tolist() == [65504, 65504]  # kept from the first pass


KILLED = """
import os, signal, sys
from pathlib import Path
from test_features import FLIP, cache_features, load, network

calls = 0

def deadly(pixels):
    global calls
    calls += 1
    if calls == 8:  # two calls a batch: three are complete
        os.kill(os.getpid(), signal.SIGKILL)
    return network(pixels)

folder = Path(sys.argv[1])
paths = sorted((folder / "images").iterdir())
cache_features(folder / "cache", paths, FLIP, load, deadly, batch_size=2)
"""


def test_a_killed_pass_goes_on_where_it_stood(tmp_path: Path) -> None:
    paths, loads = make(tmp_path / "images", 10), Loads()
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    run = subprocess.run(command, check=False, cwd=Path(__file__).parent)
    assert run.returncode == -signal.SIGKILL
    cache = cache_features(tmp_path / "cache", paths, FLIP, loads, network)
    assert loads.took() == {"6.png", "7.png", "8.png", "9.png"}
    assert np.array_equal(cache.rows(range(10)), direct(paths))
    assert np.array_equal(cache.rows(range(10), [True] * 10), direct(paths, flip=True))


def test_a_defect_keeps_its_traceback_and_the_rows(tmp_path: Path) -> None:
    paths, loads = make(tmp_path / "images", 6), Loads()

    def defect(path: Path) -> Tensor:
        if path.name == "4.png":
            raise RuntimeError("a defect")
        return load(path)

    with pytest.raises(RuntimeError, match="a defect"):
        cache_features(tmp_path / "cache", paths, KEY, defect, network, batch_size=2)
    cache_features(tmp_path / "cache", paths, KEY, loads, network)
    assert loads.took() == {"4.png", "5.png"}


def test_images_are_decoded_side_by_side_but_not_all_at_once(tmp_path: Path) -> None:
    paths = make(tmp_path / "images", 40)
    lock, loaded, computed = threading.Lock(), 0, 0
    most, threads = 0, set()

    def counting(path: Path) -> Tensor:
        nonlocal loaded, most
        time.sleep(0.002)
        with lock:
            loaded += 1
            most = max(most, loaded - computed)
            threads.add(threading.get_ident())
        return load(path)

    def slow(pixels: Tensor) -> Tensor:
        nonlocal computed
        time.sleep(0.02)
        with lock:
            computed += len(pixels)
        return network(pixels)

    cache_features(tmp_path / "c", paths, KEY, counting, slow, workers=3, batch_size=4)
    assert len(threads) == 3
    assert 4 < most <= 2 * 4 + 3 + 1


def test_progress_is_told_in_lines(tmp_path: Path, monkeypatch) -> None:
    paths, said = make(tmp_path / "images", 6), []
    monkeypatch.setattr(module, "EVERY", 0.0)
    cache_features(tmp_path / "c", paths, KEY, load, network, said.append, batch_size=2)
    assert said[0] == "computing features of 6 images"
    assert [line.split()[1] for line in said[1:]] == ["2/6", "4/6", "6/6"]
    assert re.fullmatch(r"features 6/6  [\d,.]+ images/s  0\.0 min left", said[-1])
    said.clear()
    cache_features(tmp_path / "c", paths, KEY, load, network, said.append)
    assert said == []
    monkeypatch.setattr(module, "EVERY", 1e9)
    other = CacheKey("two", {"size": 8})
    cache_features(tmp_path / "c", paths, other, load, network, said.append, batch_size=2)
    assert [line.split()[1] for line in said[1:]] == ["features", "6/6"]


def test_real_photographs(real_data, tmp_path: Path) -> None:
    paths = sorted((real_data("coco_mini") / "train2017").iterdir())
    cache = cache_features(tmp_path / "cache", paths, FLIP, load, network)
    assert np.array_equal(cache.rows(range(80)), direct(paths))
