"""Python files of the user's as modules: ``seqgen.plugged.NAME_HEX``, where HEX is the path.

Every file has a name of its own, whatever it is called, and ``sys.path`` stays as it is. The
name is enough to find the file again, so another process that is given an object of such a
module (a worker begun by ``spawn``) loads it by itself.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from seqgen.files import read_bytes

__path__: list[str] = []  # modules stand below this one, and only the finder knows them


class _Loader(importlib.abc.Loader):
    """Runs the file as it is now; no compiled copy is read or written."""

    def __init__(self, path: Path) -> None:
        self.path, self.sha256 = path, ""

    def exec_module(self, module: ModuleType) -> None:
        """Run the file in ``module``."""
        data = read_bytes(self.path)
        self.sha256 = hashlib.sha256(data).hexdigest()
        exec(compile(data, str(self.path), "exec"), module.__dict__)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the file in the name of a module below this one."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """How to load the module ``fullname``, or None if it is not below this one."""
        if not fullname.startswith(f"{__name__}."):
            return None
        try:
            file = Path(os.fsdecode(bytes.fromhex(fullname.rpartition("_")[2])))
        except ValueError:
            return None
        return importlib.util.spec_from_file_location(fullname, file, loader=_Loader(file))


def module_name(path: Path) -> str:
    """The name of the module that the file ``path`` is."""
    absolute = Path(os.path.abspath(path))
    stem = "".join(c if c.isalnum() else "_" for c in absolute.stem)
    return f"{__name__}.{stem}_{os.fsencode(absolute).hex()}"


def load_file(path: Path) -> ModuleType:
    """The module that the file ``path`` is, run again if it has changed since it was run.

    Raises:
        UserError: the file cannot be read.
        Exception: whatever running it raises.
    """
    name = module_name(path)
    now = hashlib.sha256(read_bytes(path)).hexdigest()
    if name in sys.modules and source_sha256(sys.modules[name]) != now:
        del sys.modules[name]
    return importlib.import_module(name)


def source_sha256(module: ModuleType) -> str:
    """The SHA-256 of the file that ``module`` is, as it was run; "" for any other module."""
    loader = module.__spec__.loader if module.__spec__ else None
    return loader.sha256 if isinstance(loader, _Loader) else ""


sys.meta_path.append(_Finder())
