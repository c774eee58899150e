"""Every reader of a file, and a loop that gives it damaged ones under limits of time and memory."""

from __future__ import annotations

import json
import random
import resource
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from mutations import mutated
from PIL import Image

from seqgen.bundle import read_bundle
from seqgen.data.cache import CacheKey, opened
from seqgen.data.captions import read_captions
from seqgen.data.conllu import read_sentences
from seqgen.data.labels import read_labelled
from seqgen.data.prepare import PairFiles, read_pairs
from seqgen.data.store import RaggedWriter, Store, StoreInfo, write_info
from seqgen.data.vectors import read_vectors
from seqgen.errors import UserError
from seqgen.files import read_lines
from seqgen.generate import load_translator
from seqgen.images import read_image
from seqgen.inspection import describe, read_selftest
from seqgen.model.pretrained import fill, read_state
from seqgen.search.sample import Greedy
from seqgen.text import TextConfig, Tokenizer
from seqgen.training.beginning import check_beginning
from seqgen.training.settings import read_settings

SECONDS, MEMORY = 20, 1 << 30  # that one file may take, at most

KEY = CacheKey("abc", {"size": 4})
SUM = "0123456789abcdef" * 4
_TEXT = "".join(f"the {i} red dogs\tdie {i} roten Hunde\n" for i in range(20))


class Reader(NamedTuple):
    """What is damaged, and what then reads it.

    Attributes:
        make: writes good files into a folder, perhaps from a trained model; returns the one
            that is damaged.
        read: reads it.
    """

    make: Callable[[Path, Path], Path]
    read: Callable[[Path], object]


def _file(name: str, data: str | bytes) -> Callable[[Path, Path], Path]:
    def make(folder: Path, model: Path) -> Path:
        path = folder / name
        path.write_bytes(data.encode("utf-8") if isinstance(data, str) else data)
        return path

    return make


def _picture(kind: str, mode: str = "RGB") -> Callable[[Path, Path], Path]:
    def make(folder: Path, model: Path) -> Path:
        pixels = np.arange(24 * 32 * 3, dtype=np.uint8).reshape(24, 32, 3)
        Image.fromarray(pixels).convert(mode).save(folder / f"a.{kind}")
        return folder / f"a.{kind}"

    return make


def _of_model(name: str, checked: bool) -> Callable[[Path, Path], Path]:
    """A file of a model; where not ``checked``, its checksum is taken out too."""

    def make(folder: Path, model: Path) -> Path:
        shutil.copytree(model, folder, dirs_exist_ok=True)
        if not checked:
            config = json.loads((folder / "best/config.json").read_text("utf-8"))
            (folder / "best/config.json").write_text(json.dumps(config | {"checksums": {}}))
        return folder / name

    return make


def _store(name: str) -> Callable[[Path, Path], Path]:
    def make(folder: Path, model: Path) -> Path:
        with RaggedWriter(folder / "text", "uint8") as column:
            column.extend([line.encode() for line in _TEXT.splitlines()])
        write_info(folder, StoreInfo(("text",), 20))
        return folder / name

    return make


def _read_store(path: Path) -> None:
    store = Store.open(path.parent)
    for column in store.columns:
        store.texts(column, range(len(store)))


def _cache(name: str) -> Callable[[Path, Path], Path]:
    def make(folder: Path, model: Path) -> Path:
        with opened(folder, KEY, str) as cache:
            cache.add([SUM, SUM[::-1]], np.ones((2, 1, 2, 3, 3), np.float16))
        index = json.loads((folder / "index.json").read_text())  # as a kill leaves it
        (folder / "features.journal").write_text(index["images"].pop() + "\n")
        (folder / "index.json").write_text(json.dumps(index))
        return folder / name

    return make


def _read_cache(path: Path) -> None:
    with opened(path.parent, KEY, str) as cache:
        if cache.places:
            cache.reader(list(cache.places)).rows(range(len(cache.places)))


def _spm(kind: str) -> Callable[[Path, Path], Path]:
    def make(folder: Path, model: Path) -> Path:
        Tokenizer.train(_TEXT.splitlines(), TextConfig(kind, 60)).save(folder / "a.spm")
        return folder / "a.spm"

    return make


def _read_spm(path: Path) -> None:
    tokenizer = Tokenizer.load(path)
    rows = tokenizer.encode(["the 3 red dogs", "ä\n", ""])
    tokenizer.decode(rows[0])
    tokenizer.sample(["the red dogs"], 0.3, 1)


def _weights(kind: str) -> Callable[[Path, Path], Path]:
    def make(folder: Path, model: Path) -> Path:
        import torch
        from safetensors.torch import save_file

        state = {"conv1.weight": torch.ones(2, 3), "fc.bias": torch.ones(4)}
        save_file(state, folder / "a.safetensors")
        torch.save(state, folder / "a.pth")
        return folder / f"a.{kind}"

    return make


def _read_weights(path: Path) -> None:
    import torch

    fill({"conv1.weight": torch.zeros(2, 3)}, read_state("resnet18", str(path)), path)


def _captions(path: Path) -> object:
    return read_captions(path, path.parent)


def _vectors(folder: Path, model: Path) -> Path:
    np.save(folder / "a.npy", np.arange(24, dtype=np.float32).reshape(6, 4))
    return folder / "a.npy"


def _of_export(name: str, checked: bool) -> Callable[[Path, Path], Path]:
    """A file of what a translator is exported to; where not ``checked``, without checksums."""

    def make(folder: Path, model: Path) -> Path:
        from seqgen.export.folder import export

        export(model, folder / "model")
        if not checked:
            config = json.loads((folder / "model/config.json").read_text("utf-8"))
            (folder / "model/config.json").write_text(json.dumps(config | {"checksums": {}}))
        return folder / "model" / name

    return make


def _read_export(path: Path) -> None:
    load_translator(path.parent).translate(["a big dog", "dog"], Greedy())


_KARPATHY = {
    "images": [
        {"filename": f"{i}.png", "split": "train", "sentences": [{"raw": "a dog", "tokens": ["a"]}]}
        for i in range(3)
    ]
}
_COCO = {
    "images": [{"id": i, "file_name": f"{i}.png"} for i in range(3)],
    "annotations": [{"id": i, "image_id": i, "caption": "a dog"} for i in range(3)],
}
_JSONL = "".join(json.dumps({"source": f"a {i}", "target": f"ein {i}"}) + "\n" for i in range(9))
_CAPTIONS = "".join(json.dumps({"image": f"{i}.png", "caption": "a"}) + "\n" for i in range(9))
_CONLLU = (
    "# text = a dog\n1\ta\ta\tDET\t_\t_\t2\tdet\t_\t_\n2\tdog\tdog\tNOUN\t_\t_\t0\troot\t_\t_\n\n"
)
_CSV = "label,text\n" + 'food,"soup, and ""bread"""\nsport,a ball\n' * 6
_TOML = "[data]\nmax_length = 12\n[data.source]\nkind = 'bpe'\n[model.decoder]\nlayers = 2\n"

READERS = {
    "settings.toml": Reader(_file("a.toml", _TOML), lambda p: read_settings(p, {})),
    "pairs.tsv": Reader(_file("a.tsv", _TEXT), lambda p: list(read_pairs(PairFiles(p)))),
    "pairs.jsonl": Reader(_file("a.jsonl", _JSONL), lambda p: list(read_pairs(PairFiles(p)))),
    "lines.gz": Reader(_file("a.gz", __import__("gzip").compress(_TEXT.encode())),
                       lambda p: list(read_lines(p))),
    "captions, Karpathy": Reader(_file("a.json", json.dumps(_KARPATHY)), _captions),
    "captions, COCO": Reader(_file("a.json", json.dumps(_COCO)), _captions),
    "captions.jsonl": Reader(_file("a.jsonl", _CAPTIONS), _captions),
    "captions.tsv": Reader(_file("a.tsv", "0.png\ta dog\n1.png\ta cat\ttrain\n"), _captions),
    "tags.conllu": Reader(_file("a.conllu", _CONLLU * 5),
                          lambda p: list(read_sentences(p, "conllu"))),
    "labels.csv": Reader(_file("a.csv", _CSV), lambda p: read_labelled(p)),
    "vectors.npy": Reader(_vectors, read_vectors),
    "image.png": Reader(_picture("png", "P"), read_image),
    "image.jpg": Reader(_picture("jpg"), read_image),
    "image.gif": Reader(_picture("gif"), read_image),
    "image.tiff": Reader(_picture("tiff"), read_image),
    "image.webp": Reader(_picture("webp"), read_image),
    "image.bmp": Reader(_picture("bmp"), read_image),
    "image.ppm": Reader(_picture("ppm"), read_image),
    "store.json": Reader(_store("store.json"), _read_store),
    "store, tokens.npy": Reader(_store("text.tokens.npy"), _read_store),
    "store, offsets.npy": Reader(_store("text.offsets.npy"), _read_store),
    "features, index.json": Reader(_cache("index.json"), _read_cache),
    "features.npy": Reader(_cache("features.npy"), _read_cache),
    "features, journal": Reader(_cache("features.journal"), _read_cache),
    "SentencePiece, unigram": Reader(_spm("unigram"), _read_spm),
    "SentencePiece, bpe": Reader(_spm("bpe"), _read_spm),
    "weights.safetensors": Reader(_weights("safetensors"), _read_weights),
    "weights.pth": Reader(_weights("pth"), _read_weights),
    "model, config.json": Reader(_of_model("best/config.json", True),
                                 lambda p: read_bundle(p.parent)),
    "model, scores.json": Reader(_of_model("best/scores.json", False),
                                 lambda p: describe(p.parent)),
    "model, selftest.json": Reader(_of_model("best/selftest.json", False),
                                   lambda p: read_selftest(p.parent)),
    "model, unchecked weights": Reader(_of_model("best/weights.safetensors", False),
                                       lambda p: read_bundle(p.parent)),
    "model, unchecked tokenizer": Reader(_of_model("best/joint.spm", False),
                                         lambda p: read_bundle(p.parent)),
    "export, config.json": Reader(_of_export("config.json", True), _read_export),
    "export, step.onnx": Reader(_of_export("step.onnx", True), _read_export),
    "export, unchecked step": Reader(_of_export("step.onnx", False), _read_export),
    "export, unchecked start": Reader(_of_export("start.onnx", False), _read_export),
    "export, unchecked tensors": Reader(_of_export("weights.bin", False), _read_export),
    "training, beginning.json": Reader(_of_model("beginning.json", True), lambda p: check_beginning(
        p.parent, p.parent / "settings.json")),
}  # fmt: skip


def fuzz(name: str, begin: int, end: int, folder: Path, model: Path) -> None:
    """Give a reader the damaged files ``begin`` to ``end``; prints how many it could read."""
    reader, good = READERS[name], 0
    (folder / "original").mkdir()
    original = reader.make(folder / "original", model)
    data, relative = original.read_bytes(), original.relative_to(folder / "original")
    for image in range(9):
        (folder / "original" / f"{image}.png").touch()
    shutil.copytree(folder / "original", folder / "whole")
    reader.read(folder / "whole" / relative)  # undamaged, it is read
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + MEMORY, held + MEMORY))
    again = {"features", "store"} & {name.split(",")[0], name.split(".")[0]}
    for number in range(begin, end):
        print(number, file=sys.stderr)  # the last line names the one that a crash was in
        place = folder / (str(number) if again else "original")
        if again:  # readers that mend what they find
            shutil.copytree(folder / "original", place)
        chance = random.Random(f"{name} {number}")
        (place / relative).write_bytes(mutated(data, chance, original.suffix == ".json"))
        signal.alarm(SECONDS)
        try:
            reader.read(place / relative)
            good += 1
        except UserError as error:
            assert "\n" not in str(error)
        signal.alarm(0)
        if again:
            shutil.rmtree(place)
    print(good)
