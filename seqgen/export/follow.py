"""Modules as graphs, by ``torch.onnx``."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor, nn
from torch.onnx import symbolic_helper
from torch.onnx.utils import register_custom_op_symbolic

from seqgen.errors import UserError
from seqgen.export.graph import OPSET

Free = dict[str, dict[int, str]]  # names of a tensor's dimensions that are not fixed, by place


def follow(module: nn.Module, given: dict[str, Tensor], free: Free, file: Any, where: str) -> None:
    """Write the graph of what ``module`` does.

    Args:
        module: of ``given``.
        given: what goes in, by name, in order.
        free: of all that goes in or comes out and has such sizes; what ``given`` does not name
            comes out, in order.
        file: a path, or open to be written.
        where: named in errors.

    Raises:
        UserError: torch does not follow it.
    """
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # of constants: sizes are fixed but for those free
            torch.onnx.export(
                module.eval(), tuple(given.values()), file, input_names=list(given),
                output_names=[name for name in free if name not in given],
                dynamic_axes=free, opset_version=OPSET, dynamo=False,
            )  # fmt: skip
    except (RuntimeError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"cannot be exported: {reason}", where) from error


def _transposed(graph: Any, matrices: Any) -> Any:
    """``Tensor.mT``, which torch leaves out."""
    *order, last = range(symbolic_helper._get_tensor_rank(matrices) or 2)
    order.insert(-1, last)
    return graph.op("Transpose", matrices, perm_i=order)


register_custom_op_symbolic("aten::mT", _transposed, OPSET)
