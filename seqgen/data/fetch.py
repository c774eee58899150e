"""Known data sets, downloaded from their publishers, each file checked against its SHA-256."""

from __future__ import annotations

import hashlib
import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from seqgen.errors import UserError
from seqgen.files import checksum, writing

Progress = Callable[[str, int, int], None]
"""Called with the name of a file, the bytes had so far and the bytes of the whole data set."""

_SECONDS = 60  # of silence before a server is given up
_BLOCK = 1 << 16  # bytes read at a time


@dataclass(frozen=True)
class RemoteFile:
    """A file of a data set, below its base address and below its folder."""

    name: str
    size: int  # bytes
    sha256: str


@dataclass(frozen=True)
class DataSet:
    """Where a data set lies and what it consists of."""

    base_url: str
    files: tuple[RemoteFile, ...]


def data_folder(name: str) -> Path:
    """Where the data set ``name`` lies, below $SEQGEN_DATA.

    Raises:
        UserError: the variable is not set.
    """
    if root := os.environ.get("SEQGEN_DATA"):
        return Path(root, name)
    fix = "set it to the folder of data sets"
    if name in DATASETS:
        fix = f"seqgen fetch {name} DIR, then set SEQGEN_DATA=DIR"
    raise UserError("SEQGEN_DATA is not set", name, fix)


def fetch(
    name: str, root: Path, base_url: str | None = None, progress: Progress | None = None
) -> Path:
    """Download a data set into ``root/name``; files that are there and right are kept.

    Args:
        name: one of ``DATASETS``.
        root: folder of all data sets.
        base_url: address of a mirror with the same files, instead of the publisher's.
        progress: called as bytes arrive.

    Returns:
        The folder of the data set.

    Raises:
        UserError: the name is unknown, the server cannot be reached or refuses, a file is not
            the one that is expected, or ``root`` cannot be written to. Files downloaded
            before stay, so that another call goes on from there; of others nothing is left.
    """
    if name not in DATASETS:
        raise UserError(f"unknown data set '{name}'", fix=f"known are {', '.join(DATASETS)}")
    data, folder = DATASETS[name], Path(root) / name
    base = (base_url or data.base_url).rstrip("/")
    done, total = 0, sum(file.size for file in data.files)
    for file in data.files:
        path = folder / file.name
        if not (path.is_file() and checksum(path) == file.sha256):
            try:
                _download(f"{base}/{file.name}", path, file, done, total, progress)
            except UserError:
                with suppress(OSError):  # it holds other files
                    folder.rmdir()
                raise
        done += file.size
        if progress is not None:
            progress(file.name, done, total)
    return folder


def _download(
    url: str, path: Path, file: RemoteFile, done: int, total: int, progress: Progress | None
) -> None:
    """Write what lies at ``url`` to ``path``, if it is what ``file`` says."""
    digest, size = hashlib.sha256(), 0
    with _opened(url) as response, writing(path) as out:
        while block := _read(response, url):
            digest.update(block)
            size += len(block)
            if size > file.size:
                break
            out.write(block)
            if progress is not None:
                progress(file.name, done + size, total)
        if digest.hexdigest() != file.sha256:
            raise UserError(
                f"is not the expected file: SHA-256 {digest.hexdigest()[:12]} where"
                f" {file.sha256[:12]} is pinned",
                url,
                "try again, or fetch from another address",
            )


def _opened(url: str) -> BinaryIO:
    try:
        response: BinaryIO = urllib.request.urlopen(url, timeout=_SECONDS)
        return response
    except urllib.error.HTTPError as error:
        error.close()
        raise UserError(f"the server says {error.code} {error.reason}", url) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _unreachable(url, error) from error


def _read(response: BinaryIO, url: str) -> bytes:
    try:
        return response.read(_BLOCK)
    except (OSError, http.client.HTTPException) as error:
        raise _unreachable(url, error) from error


def _unreachable(url: str, error: Exception) -> UserError:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    return UserError(f"cannot be downloaded: {reason}", url, "check the network and try again")


# Image descriptions in four languages (Elliott et al. 2016, 2017; Barrault et al. 2018), for
# research. The Czech side has no 2017 test set.
_MULTI30K = """
test_2016_flickr.cs.gz 22572 200a4a74cc9560f051924abb9803be008d1908d77f747e9141aeb86dfd2797f1
test_2016_flickr.de.gz 22890 9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8
test_2016_flickr.en.gz 21077 611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9
test_2016_flickr.fr.gz 22310 6d326e188d259fb1d04ac19eae3af956559b3a0b93d7635e56c90987c40c8b90
test_2017_flickr.de.gz 21471 a2c89666db00c495cd8513b9d708d5a3acc205d7de312ef2bf5fb7ebc1540aee
test_2017_flickr.en.gz 19138 76a444ee25172e72695cddb13ae4a3bda59430617be88e0bb46b60504f054074
test_2017_flickr.fr.gz 20434 3ba671ceb2299f3304ffafefea7a833d08632fbaf0ba18546f8a2ec2391af496
train.cs.gz 593827 a65adb8b32e3bc664f21ecba7a6e7f6950fd1f405e135f7c312faabdb6255077
train.de.gz 637044 726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6
train.en.gz 568929 d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f
train.fr.gz 604242 622e75069e9f4c577425c4f277116ce66e63a2401c0a2312d90073cb12379a3c
val.cs.gz 22096 b63226e05c4bd5dd6a42897d74b86a1b9d2c31498252c572b1ea7f7996927fcc
val.de.gz 24681 f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a
val.en.gz 21650 14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28
val.fr.gz 23001 ca3106f1a72390591d25f6c45cb4cd39dec4cd3f123e099748a3ce5256c160e9
"""

# English Web Treebank, release 2.16 of Universal Dependencies (Silveira et al. 2014), CC BY-SA 4.0.
_UD_EWT = """
en_ewt-ud-dev.conllu 1805545 531a54ff90d6ab12201c5a50c3e78e6ddac4de69abc4bce5d275d3cd29efe2b6
en_ewt-ud-test.conllu 1804515 e266e515a0a7547657ed3d90d9ba46487d6bd251f27ad4269d4e8a427c8555cd
en_ewt-ud-train.conllu 14203025 3fb78e2b55482c8ee00caa653af436c88c9e5bc9a73ce26e4ae3ddc79d2b7e7b
"""


def _files(table: str) -> tuple[RemoteFile, ...]:
    """The files of a table with a name, a size and a SHA-256 a line."""
    lines = (line.split() for line in table.strip().splitlines())
    return tuple(RemoteFile(name, int(size), sha256) for name, size, sha256 in lines)


DATASETS = {
    "multi30k": DataSet(
        "https://raw.githubusercontent.com/multi30k/dataset/master/data/task1/raw",
        _files(_MULTI30K),
    ),
    "ud_ewt": DataSet(
        "https://raw.githubusercontent.com/UniversalDependencies/UD_English-EWT/r2.16",
        _files(_UD_EWT),
    ),
}
