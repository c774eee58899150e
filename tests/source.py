"""What the source of a module says about itself, read with `ast`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple


class Import(NamedTuple):
    """One imported module by its dotted name."""

    target: str
    line: int
    typing: bool  # for type checkers only, never when run


class Module:
    """A source file by its path in the package without the suffix: ``search/beam``."""

    def __init__(self, name: str, source: str) -> None:
        self.name, self.source = name, source
        self.tree = ast.parse(source)
        self.imports = list(imports(self.tree))
        self.nested_init = name.endswith("/__init__")


def imports(node: ast.AST, typing: bool = False) -> Iterator[Import]:
    """All imports below ``node``; ``from a import b`` counts as ``a.b``, which may be a name."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(alias.name, child.lineno, typing) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            base = "." * child.level + (child.module or "")
            yield from (Import(f"{base}.{a.name}", child.lineno, typing) for a in child.names)
        elif isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            yield from imports(ast.Module(child.body, []), typing=True)
            yield from imports(ast.Module(child.orelse, []), typing)
        else:
            yield from imports(child, typing)


def functions(
    tree: ast.AST, owner: str = "", protocol: bool = False
) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef, bool]]:
    """Every function by its full name, and whether it belongs to a protocol."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            abstract = any("Protocol" in ast.unparse(base) for base in node.bases)
            yield from functions(node, f"{owner}{node.name}.", abstract)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield f"{owner}{node.name}", node, protocol
            yield from functions(node, f"{owner}{node.name}.<locals>.")
        else:
            yield from functions(node, owner, protocol)


def is_stub(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """A body of ``pass``, ``...``, a docstring alone, or ``raise NotImplementedError``."""
    for statement in function.body:
        is_text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        is_refusal = isinstance(statement, ast.Raise) and "NotImplemented" in ast.unparse(statement)
        if not (is_text or is_refusal or isinstance(statement, ast.Pass)):
            return False
    return True


def undocumented(tree: ast.Module) -> list[str]:
    """Public modules, classes, functions and methods without a docstring."""
    missing = [] if ast.get_docstring(tree) else ["the module"]
    classes = [n for n in ast.walk(tree) if isinstance(n, ast.ClassDef)]
    missing += [c.name for c in classes if c.name[0] != "_" and not ast.get_docstring(c)]
    for name, function, _ in functions(tree):
        public = not any(part.startswith(("_", "<")) for part in name.split("."))
        if public and not ast.get_docstring(function):
            missing.append(name)
    return missing
