"""``seqgen export``: a trained model for machines without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from seqgen.errors import UserError


def export_model(
    model: Annotated[Path, typer.Argument(help="Folder of a trained model.")],
    out: Annotated[Path, typer.Argument(help="Folder to write.")],
    format_: Annotated[Literal["onnx"], typer.Option("--format", help="Of the graphs.")] = "onnx",
    int8: Annotated[
        bool, typer.Option("--int8", help="Decode with products of 8-bit integers.")
    ] = False,
    float16: Annotated[
        bool, typer.Option("--float16", help="Keep weights in half the bytes; compute as ever.")
    ] = False,
) -> None:
    """Write a model as graphs that ONNX Runtime runs without torch."""
    if int8 and float16:
        raise UserError("do not go together", "--int8 and --float16", "choose one")
    try:
        from seqgen.export.folder import export
    except ModuleNotFoundError as error:
        if error.name not in ("onnx", "onnxruntime"):
            raise
        fix = "pip install onnx onnxruntime"
        raise UserError(f"needs {error.name}, which is not installed", format_, fix) from error

    print(export(model, out, "int8" if int8 else "float16" if float16 else "float32"))
