"""The encoder as another process knows it: loaded from its weights, and unpickled."""

from __future__ import annotations

import atexit
import functools
import json
import os
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path

from safetensors.torch import load_file, save_file

from seqgen.conformance.elsewhere import LOADED, UNPICKLED
from seqgen.conformance.rule import Failure, Rule
from seqgen.conformance.subject import Subject, memory_difference, raised
from seqgen.model.memory import Memory

_servers: list[subprocess.Popen[str]] = []  # one at most


def _check(way: str, subject: Subject) -> None:
    found = _elsewhere(_Same(subject))[way]
    if isinstance(found, str):
        raise Failure(found)
    here = subject.encode(subject.build(), subject.batch)
    difference = memory_difference(here, found)
    if difference:
        raise Failure(f"{way} in another process it gives another memory: {difference}")


class _Same:
    """A subject as a key: the same one is the same key."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.subject is other.subject

    def __hash__(self) -> int:
        return id(self.subject)


@functools.lru_cache(maxsize=1)  # both rules ask the same
def _elsewhere(key: _Same) -> dict[str, Memory | str]:
    """What the encoder gives in a fresh process in an empty folder, by either way, or its error."""
    subject, found = key.subject, {}
    encoder = subject.build()
    with tempfile.TemporaryDirectory(prefix="seqgen-check-") as place:
        folder = Path(place)
        (folder / "empty").mkdir()
        named = [*encoder.named_parameters(), *encoder.named_buffers()]
        tensors = {name: tensor.detach().clone().contiguous() for name, tensor in named}
        save_file(tensors, folder / "weights.safetensors")
        plan = {
            "spec": subject.spec,
            "options": subject.options,
            "vocab_size": subject.vocab_size,
            "path": [os.path.abspath(entry) for entry in sys.path],
        }
        (folder / "plan.json").write_text(json.dumps(plan), "utf-8")
        (folder / "batch.pickle").write_bytes(pickle.dumps(subject.batch))
        try:
            (folder / "encoder.pickle").write_bytes(pickle.dumps(encoder))
        except Exception as error:  # raised by parts of the encoder: any kind
            found[UNPICKLED] = f"cannot be pickled: {raised(error)}"
        _ask(folder)
        return {way: found.get(way) or _read(folder, way) for way in (LOADED, UNPICKLED)}


def _ask(folder: Path) -> None:
    """Let the other process answer."""
    if not _servers or _servers[0].poll() is not None:
        _end()
        _servers.append(
            subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", "seqgen.conformance.elsewhere"],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
    server = _servers[0]
    assert server.stdin is not None and server.stdout is not None
    server.stdin.write(f"{folder}\n")
    server.stdin.flush()
    server.stdout.readline()


@atexit.register
def _end() -> None:
    """End the other process; it waits for nothing else."""
    while _servers:
        server = _servers.pop()
        server.communicate("" if server.poll() is None else None)


def _read(folder: Path, way: str) -> Memory | str:
    """What the other process wrote of one way."""
    failed, path = folder / f"{way}.txt", folder / way
    if failed.exists():
        return f"is not {way} in another process: {failed.read_text('utf-8')}"
    if not path.exists():
        return f"the other process ended before it was {way}"
    tensors = load_file(path)
    return Memory(tensors["states"], tensors["mask"], tensors["summary"])


SAVED = Rule(
    "saved",
    "gives the same, loaded from its weights in a fresh process in another folder",
    "keep all that the output depends on in options, parameters and buffers: layers in"
    " nn.ModuleList, tensors by register_buffer, no file named relative to a folder",
    functools.partial(_check, LOADED),
    ("deterministic",),
)
PICKLED = Rule(
    "pickled",
    "can be sent to a spawned process",
    "keep no lambda, open file, lock or class of a function's inside; define __getstate__ else",
    functools.partial(_check, UNPICKLED),
    ("deterministic", "saved"),
)
