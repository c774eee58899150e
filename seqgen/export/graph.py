"""ONNX graphs written node by node, their large tensors in one file that they share."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import onnx
import onnx.compose
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from seqgen.errors import UserError

OPSET, OWN, IR = 17, "com.microsoft", 9

_BLOCK = 32  # numbers of a row that share a scale
_ALIGN = 4096  # bytes; so the file can be mapped into memory


class Weights:
    """The file of large tensors; one that several graphs or nodes use is in it once.

    Args:
        name: of the file, beside the graphs.
        file: open to be written.
    """

    def __init__(self, name: str, file: BinaryIO) -> None:
        self.name, self._file = name, file
        self._places: dict[tuple[int, str], tuple[int, int]] = {}
        self._kept: list[Any] = []  # as long as an id stands for it

    def proto(self, key: Any, kind: str, array: npt.NDArray[Any], name: str) -> TensorProto:
        """A tensor that says where in the file ``array`` is; ``kind`` of ``key`` is known by it."""
        place = self._places.get((id(key), kind))
        if place is None:
            self._file.write(b"\0" * (-self._file.tell() % _ALIGN))
            place = (self._file.tell(), array.nbytes)
            self._file.write(np.ascontiguousarray(array).tobytes())
            self._places[id(key), kind] = place
            self._kept.append(key)
        proto = TensorProto(name=name, dims=array.shape)
        proto.data_type = helper.np_dtype_to_tensor_dtype(array.dtype)
        proto.data_location = TensorProto.EXTERNAL
        for field, value in (("location", self.name), ("offset", place[0]), ("length", place[1])):
            proto.external_data.add(key=field, value=str(value))
        return proto


class Graph:
    """One graph in the making; every method adds nodes and returns the names of what comes out.

    Args:
        weights: where large tensors go.
        int8: whether ``linear`` multiplies 8-bit integers.
        half: whether large tensors are kept as float16; they are computed with in float32.
    """

    def __init__(self, weights: Weights, int8: bool = False, half: bool = False) -> None:
        self.weights, self.int8, self.half = weights, int8, half
        self._nodes: list[Any] = []
        self._tensors: dict[str, TensorProto] = {}
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []

    def input(self, name: str, kind: int, shape: list[int | str]) -> str:
        """Declare an input; names in its shape are free."""
        self._inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def output(self, name: str, value: str, kind: int, shape: list[int | str]) -> None:
        """Declare that ``value`` comes out as ``name``."""
        self._nodes.append(helper.make_node("Identity", [value], [name]))
        self._outputs.append(helper.make_tensor_value_info(name, kind, shape))

    def add(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """A node of one output."""
        return self.split(kind, *inputs, count=1, domain=domain, **attributes)[0]

    def split(
        self, kind: str, *inputs: str, count: int, domain: str = "", **attributes: Any
    ) -> list[str]:
        """A node of ``count`` outputs."""
        outputs = [f"{kind}.{len(self._nodes)}.{place}" for place in range(count)]
        self._nodes.append(
            helper.make_node(kind, list(inputs), outputs, domain=domain, **attributes)
        )
        return outputs

    def include(self, model: Any, inputs: dict[str, str]) -> list[str]:
        """All nodes of another graph, given what it reads of ``inputs``; what comes out of it."""
        inner = onnx.compose.add_prefix(model, f"{len(self._nodes)}/").graph
        for old, new in zip(model.graph.input, inner.input, strict=True):
            self._nodes.append(helper.make_node("Identity", [inputs[old.name]], [new.name]))
        self._nodes += inner.node
        self._tensors |= {tensor.name: tensor for tensor in inner.initializer}
        return [one.name for one in inner.output]

    def constant(self, values: Any, dtype: Any) -> str:
        """A small tensor."""
        array = np.asarray(values, dtype)
        name = f"constant.{array.dtype}.{array.shape}.{array.tobytes().hex()}"
        if name not in self._tensors:
            self._tensors[name] = numpy_helper.from_array(array, name)
        return name

    def weight(self, tensor: Tensor, array: npt.NDArray[Any], kind: str = "") -> str:
        """A large tensor, made of ``tensor``.

        Raises:
            UserError: it is to be kept as float16, which has no number so large.
        """
        name = f"weight.{id(tensor)}.{kind}"
        whole = f"{name}.whole" if self.half else name
        if name not in self._tensors:
            if self.half:
                array = _halved(array)
                self._nodes.append(helper.make_node("Cast", [name], [whole], to=TensorProto.FLOAT))
            self._tensors[name] = self.weights.proto(tensor, kind, array, name)
        return whole

    def linear(self, rows: str, weight: Tensor, bias: Tensor | None, key: Tensor) -> str:
        """``rows`` [N, K] times ``weight`` [M, K] transposed, and ``bias`` [M]: [N, M].

        ``key`` is what the weight is known by, for those that are put together here.
        """
        matrix = weight.detach().numpy()
        if self.int8:
            return self._int8_linear(rows, matrix, bias, key)
        inputs = [rows, self.weight(key, matrix)]
        if bias is not None:
            inputs.append(self.weight(bias, bias.detach().numpy()))
        return self.add("Gemm", *inputs, transB=1)

    def _int8_linear(
        self, rows: str, matrix: npt.NDArray[Any], bias: Tensor | None, key: Tensor
    ) -> str:
        """The same in integers: ``_BLOCK`` numbers of a row share a scale, on both sides."""
        count, width = matrix.shape
        blocks = -(-width // _BLOCK)
        padded = np.zeros((count, blocks * _BLOCK), np.float32)
        padded[:, :width] = matrix
        cut = padded.reshape(count, blocks, _BLOCK)
        scales = np.maximum(np.abs(cut).max(-1) / 127, np.finfo(np.float32).tiny)
        whole = (np.rint(cut / scales[..., None]) + 128).astype(np.uint8)
        product = self.add(
            "MatMulNBits", rows, self.weight(key, whole, "int8"),
            self.weight(key, scales.astype(np.float32).reshape(-1), "scales"), domain=OWN,
            K=width, N=count, bits=8, block_size=_BLOCK, accuracy_level=4,
        )  # fmt: skip
        if bias is None:
            return product
        return self.add("Add", product, self.weight(bias, bias.detach().numpy()))

    def write(self, path: Path) -> None:
        """Write the graph to a file, after its weights."""
        graph = helper.make_graph(
            self._nodes, path.stem, self._inputs, self._outputs, list(self._tensors.values())
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(OWN, 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR)
        path.write_bytes(model.SerializeToString())
        onnx.checker.check_model(str(path), full_check=not self.int8)


def _halved(array: npt.NDArray[Any]) -> npt.NDArray[np.float16]:
    most = np.abs(array).max(initial=0.0)
    if most > np.finfo(np.float16).max:
        raise UserError(f"a weight is {most:.0f}, beyond float16", fix="export it in float32")
    return array.astype(np.float16)
