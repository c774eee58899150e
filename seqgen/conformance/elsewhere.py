"""The other process: it encodes a batch with an encoder that was loaded, and one unpickled.

A server that has imported torch and nothing of the user's. For each folder that it reads a line
of, it forks; so every encoder comes to a process that knows nothing of it, without waiting for
torch once more.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from seqgen.conformance.subject import Subject, raised, with_gradients
from seqgen.model.weights import read_weights

LOADED, UNPICKLED = "loaded", "unpickled"  # two ways to come here, and the names of their files

_SEED = 1  # of the first weights here, which are to be replaced


def answer(folder: Path) -> None:
    """Write what the encoder of ``folder`` makes of its batch, for each way, or what it raises."""
    plan = json.loads((folder / "plan.json").read_text("utf-8"))
    sys.path[:] = plan["path"]
    os.chdir(folder / "empty")
    sys.stdout = sys.stderr  # the server's own is for its answers
    for way, bring in ((LOADED, _load), (UNPICKLED, _unpickle)):
        try:
            encoder = bring(folder)
            # A pickle that our parent made a moment ago; no model file is ever one.
            batch = pickle.loads((folder / "batch.pickle").read_bytes())
            with torch.no_grad():
                memory = with_gradients(encoder, batch)
            parts = {"states": memory.states, "mask": memory.mask, "summary": memory.summary}
            save_file({n: t.contiguous().clone() for n, t in parts.items()}, folder / way)
        except Exception as error:  # raised by the encoder: any kind
            (folder / f"{way}.txt").write_text(raised(error), "utf-8")


def _load(folder: Path) -> Any:
    plan = json.loads((folder / "plan.json").read_text("utf-8"))
    encoder = Subject(plan["spec"], plan["options"], None, plan["vocab_size"]).build(_SEED)
    read_weights(folder / "weights.safetensors", encoder)
    return encoder


def _unpickle(folder: Path) -> Any:
    return pickle.loads((folder / "encoder.pickle").read_bytes())


def _serve() -> None:
    """Answer each folder in a process of its own; where there is no fork, one, and end."""
    for line in sys.stdin:
        folder = Path(line.removesuffix("\n"))
        child = 0 if sys.platform == "win32" else os.fork()
        if child:
            os.waitpid(child, 0)
            print(line, end="", flush=True)
            continue
        out = sys.stdout
        answer(folder)
        if sys.platform != "win32":
            os._exit(0)  # what was to be written is; the server's buffers are not ours
        print(line, end="", file=out, flush=True)
        return


if __name__ == "__main__":
    _serve()
