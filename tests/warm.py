"""Real processes that start at once: forked from one that has imported torch but not used it.

A test has started threads and the machinery of gradients, so forking from it is not safe, and a
new Python takes seconds to import torch. Hence a process between them that only imports.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

_USED = (
    "rich.progress", "sacrebleu", "seqgen.cli", "seqgen.generate", "seqgen.model.backbones",
    "seqgen.training.run", "torchvision.transforms.v2", "typer",
)  # fmt: skip


class Child:
    """A process that runs a command of ``seqgen`` or a piece of Python."""

    def __init__(self, warm: Warm, pid: int, folder: Path) -> None:
        self.warm, self.pid, self.folder = warm, pid, folder
        self.code: int | None = None

    def poll(self) -> int | None:
        """The exit code once there is one; minus a signal's number if that ended it."""
        if self.code is None:
            self.code = self.warm.ask({"poll": self.pid})
        return self.code

    def wait(self, seconds: float = 120.0) -> int:
        """The exit code, waited for."""
        end = time.monotonic() + seconds
        while (code := self.poll()) is None:
            if time.monotonic() > end:
                self.send(signal.SIGKILL)
                raise TimeoutError(f"still running; it said {self.errors!r}")
            time.sleep(0.005)
        return code

    def send(self, number: int) -> None:
        """Send a signal."""
        if self.code is None:
            os.kill(self.pid, number)

    @property
    def errors(self) -> str:
        """What it wrote to standard error."""
        return (self.folder / "stderr").read_text("utf-8")

    @property
    def output(self) -> str:
        """What it wrote to standard output."""
        return (self.folder / "stdout").read_text("utf-8")


class Warm:
    """The process between; it ends with the test run."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.count = folder, 0
        self.process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )

    def ask(self, request: dict[str, Any]) -> Any:
        """Send a request and read the reply."""
        assert self.process.stdin and self.process.stdout
        print(json.dumps(request), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())

    def start(
        self, *arguments: object, code: str = "", stdin: object = "/dev/null", stdout: object = None
    ) -> Child:
        """Start ``seqgen`` with ``arguments``.

        Args:
            arguments: of the command line.
            code: Python to run first; without ``arguments``, alone.
            stdin: a file.
            stdout: a file; one of its own if not given.
        """
        self.count += 1
        folder = self.folder / str(self.count)
        folder.mkdir()
        for name in ("stdout", "stderr"):  # so that they can be read at once
            (folder / name).touch()
        request = {
            "arguments": list(map(str, arguments)), "code": code, "folder": str(folder),
            "stdin": str(stdin), "stdout": str(stdout or folder / "stdout"),
        }  # fmt: skip
        return Child(self, self.ask(request), folder)

    def close(self) -> None:
        """End it."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def _child(request: dict[str, Any]) -> int:
    folder = Path(request["folder"])
    for number, path, flags in (
        (2, folder / "stderr", os.O_WRONLY | os.O_CREAT),
        (0, request["stdin"], os.O_RDONLY),
        (1, request["stdout"], os.O_WRONLY | os.O_CREAT),
    ):
        os.dup2(os.open(path, flags, 0o666), number)
    sys.stdin, sys.stdout = os.fdopen(0, closefd=False), os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
    from seqgen.cli import main

    code: Any = 0
    try:
        exec(request["code"], {"__name__": "child"})
        if request["arguments"]:
            sys.argv = ["seqgen", *request["arguments"]]
            main()
    except SystemExit as error:
        code = error.code or 0
    except BaseException:
        traceback.print_exc()
        code = 1
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            code = 120  # as Python's own end does
    return code if isinstance(code, int) else 1


def _serve() -> None:
    for name in _USED:
        importlib.import_module(name)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C of the test run is not for it
    for line in sys.stdin:
        request = json.loads(line)
        reply = None
        if "poll" in request:
            pid, status = os.waitpid(request["poll"], os.WNOHANG)
            reply = os.waitstatus_to_exitcode(status) if pid else None
        else:
            reply = os.fork()
            if reply == 0:
                signal.signal(signal.SIGINT, signal.default_int_handler)
                os._exit(_child(request))
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    _serve()
