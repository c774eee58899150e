"""The command line in a process where torch cannot be imported."""

import os
import subprocess
import sys
from pathlib import Path

_PROGRAM = """
import sys; from seqgen.cli import main
try: main()
finally: assert 'torch' not in sys.modules
"""


def said(folder: Path, *words: str) -> list[str]:
    """The lines that ``seqgen`` prints; ``folder`` gets a module that stands in torch's way."""
    (folder / "torch.py").write_text("raise ModuleNotFoundError('no torch', name='torch')")
    path = os.pathsep.join([str(folder), *sys.path])
    return subprocess.run(
        [sys.executable, "-c", _PROGRAM, *words], env={**os.environ, "PYTHONPATH": path},
        capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
