"""Made-up features for tests of the cache, and a program that is killed while it adds them."""

import hashlib
import os
import shutil
import signal
import sys
from pathlib import Path

import numpy as np

from seqgen.data.cache import CacheKey, opened

KEY = CacheKey("abc", {"size": 224, "mean": (0.5, 0.25)})


def name(i: int) -> str:
    """The checksum of image ``i``."""
    return hashlib.sha256(bytes([i])).hexdigest()


def values(i: int, flip: bool = False) -> np.ndarray:
    """[F, 2, 1, 3]: the features of image ``i``."""
    first = np.arange(6, dtype=np.float16).reshape(2, 1, 3) + 10 * i
    return np.stack([first, -first] if flip else [first])


def add(folder: Path, *batches: range, key: CacheKey = KEY) -> None:
    """Add those of the images that are not there."""
    with opened(folder, key, str) as writer:
        for batch in batches:
            new = [i for i in batch if name(i) not in writer.places]
            if new:
                writer.add([name(i) for i in new], np.stack([values(i, key.flip) for i in new]))


def killed(folder: Path, left: int) -> None:
    """Add seven images in three batches; die before the given one of all steps on files."""

    def count(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        if event in ("open", "os.rename", "os.remove", "fsync") and str(folder) in str(arguments):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    fsync = os.fsync
    os.fsync = lambda file: (fsync(file), sys.audit("fsync", str(folder)))[0]
    sys.addaudithook(count)
    add(folder, range(4), range(4, 6), range(6, 7))


if __name__ == "__main__":
    root, status, step = Path(sys.argv[1]), -1, 0
    while status:
        step += 1
        shutil.copytree(root / "start", root / str(step))
        if (child := os.fork()) == 0:
            killed(root / str(step), step)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(status, flush=True)
