"""An exported model, computed by ONNX Runtime and NumPy: nothing here needs torch."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from seqgen.data.batches import pad, pad_sources
from seqgen.errors import UserError
from seqgen.folders import EXPORT, open_folder
from seqgen.images import ImageConfig
from seqgen.loaded import read_tokenizers
from seqgen.running_text import line_feed
from seqgen.scoring.steppers import stepper_log_probs
from seqgen.search.history import IntArray
from seqgen.search.settings import SearchConfig
from seqgen.search.step import Stepper
from seqgen.search.top import top
from seqgen.text import BOS, EOS, TextConfig, Tokenizer

START, STEP, TENSORS = "start.onnx", "step.onnx", "weights.bin"
Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class ExportConfig:
    """What ``config.json`` of an export holds."""

    task: Literal["translate", "caption", "write", "tell", "describe"]
    search: SearchConfig
    target: TextConfig
    source: TextConfig | None = None  # of text that is read
    images: ImageConfig | None = None  # of images that are read
    values: tuple[str, ...] = ()  # the values that are read, in the order of their numbers
    joint: bool = False  # one SentencePiece model for both sides of text
    grid: tuple[int, int] | None = None  # of the places of an image, where it has them
    # Of the decoder's products, but for float16: of the weights as they are kept
    precision: Literal["float32", "float16", "int8"] = "float32"
    format: str = EXPORT
    versions: dict[str, str] = field(default_factory=dict)
    checksums: dict[str, str] = field(default_factory=dict)  # SHA-256 of the other files


@dataclass(frozen=True)
class Rows:
    """Where a model stands in N sequences over B inputs, N a multiple of B.

    Attributes:
        states: ``state.i`` of the step, each [N, ·].
        memory: what is kept of an input, each [B, ...]; empty without attention.
        first: [N, V], the log-probabilities after the beginnings of texts, until asked for.
    """

    states: tuple[npt.NDArray[Any], ...]
    memory: Arrays
    first: npt.NDArray[Any] | None = None

    def select(self, rows: IntArray) -> Rows:
        """The rows [M] in that order; the memory moves only if inputs come or go."""
        count, memory = len(self.states[0]), self.memory
        if memory:
            inputs = len(next(iter(memory.values())))
            owners = rows // (count // inputs)
            new = np.flatnonzero(np.diff(owners, prepend=-1))
            sizes = np.diff(new, append=len(owners))
            groups = owners[new] if (sizes == sizes[0]).all() else owners
            if not np.array_equal(groups, np.arange(inputs)):
                memory = {name: array[groups] for name, array in memory.items()}
        first = None if self.first is None else self.first[rows]
        return Rows(tuple(state[rows] for state in self.states), memory, first)


class Session:
    """One graph, ready to run.

    Args:
        path: of the graph.

    Raises:
        UserError: ONNX Runtime is not installed, or does not take the graph.
    """

    def __init__(self, path: Path) -> None:
        try:
            import onnxruntime
        except ModuleNotFoundError as error:
            fix = "pip install onnxruntime"
            raise UserError("needs ONNX Runtime, which is not installed", path, fix) from error
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = _threads()
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(
                str(path),
                options,
                providers=["CPUExecutionProvider"],
                enable_fallback=0,  # there is nothing to fall back to; it would print and try again
            )
        except Exception as error:  # its exceptions have no common class
            reason = str(error).splitlines()[0]
            raise UserError(f"is not run by ONNX Runtime: {reason}", path) from error
        self.inputs = {one.name: one.shape for one in self._session.get_inputs()}
        self.outputs = [one.name for one in self._session.get_outputs()]

    def __call__(self, inputs: Arrays) -> Arrays:
        """What comes out, by name; ``inputs`` that the graph does not read are left out."""
        read = {name: array for name, array in inputs.items() if name in self.inputs}
        return dict(zip(self.outputs, self._session.run(self.outputs, read), strict=True))


def _threads() -> int:
    """As many as OMP_NUM_THREADS says, else one for each processor this process may use."""
    told = os.environ.get("OMP_NUM_THREADS", "")
    if told.isdigit() and int(told) > 0:
        return int(told)
    if os.name == "posix" and "sched_getaffinity" in dir(os):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def text_arrays(rows: Sequence[Sequence[int]]) -> Arrays:
    """Source rows of token ids as a graph takes them."""
    tokens, lengths = pad_sources(rows)
    return {"tokens": tokens, "lengths": lengths.astype(np.int32)}


class OnnxStepper:
    """An exported model as a ``Stepper``.

    Args:
        step: one step of the decoder.
        start: what inputs become; None for a language model, whose inputs are beginnings.
        vocab_size: V.
        bos: the token every sequence starts from.
    """

    eos = EOS

    def __init__(self, step: Session, start: Session | None, vocab_size: int, bos: int) -> None:
        self._step, self._start = step, start
        self.vocab_size, self.bos = vocab_size, bos
        self._states = [name for name in step.inputs if name.startswith("state.")]
        self._memory = [name for name in step.inputs if name not in ("tokens", *self._states)]

    def start(self, inputs: Any) -> Rows:
        """The state before the first token of B inputs, or after the beginnings [B] of texts."""
        if self._start is None:
            return self._begun(inputs)
        found = self._start(inputs)
        count = len(next(iter(inputs.values())))
        states = tuple(
            found[name] if name in found else self._zeros(name, count) for name in self._states
        )
        return Rows(states, {name: found[name] for name in self._memory})

    def _zeros(self, name: str, count: int) -> npt.NDArray[np.float32]:
        return np.zeros((count, self._step.inputs[name][1]), np.float32)

    def _begun(self, texts: Sequence[Sequence[int]]) -> Rows:
        """Each beginning is read by itself, a token at a time."""
        parts, firsts = [], []
        for tokens in texts:
            state = Rows(tuple(self._zeros(name, 1) for name in self._states), {})
            for token in (self.bos, *tokens):
                log_probs, state, _ = self.step(np.array([token]), state)
            parts.append(state.states)
            firsts.append(log_probs)
        states = tuple(np.concatenate(each) for each in zip(*parts, strict=True))
        return Rows(states, {}, np.concatenate(firsts))

    def step(
        self, tokens: IntArray, state: Rows
    ) -> tuple[npt.NDArray[Any], Rows, npt.NDArray[Any] | None]:
        """Log-probabilities [N, V], the new state, attention [N, S]."""
        if state.first is not None:
            return state.first, Rows(state.states, state.memory), None
        states = dict(zip(self._states, state.states, strict=True))
        found = self._step({"tokens": tokens.astype(np.int64), **states, **state.memory})
        new = tuple(found[f"next.{i}"] for i in range(len(self._states)))
        weights = found.get("attention")
        attention = None if weights is None else weights.reshape(len(tokens), -1)
        return found["log_probs"], Rows(new, state.memory), attention

    def select(self, state: Rows, rows: IntArray) -> Rows:
        """The rows [M] of ``state``, in that order."""
        return state.select(rows)

    def top(self, log_probs: Any, k: int) -> tuple[npt.NDArray[Any], IntArray]:
        """The k largest of each row [N, V], largest first: values and ids, each [N, k]."""
        return top(np.asarray(log_probs), k)


@dataclass(frozen=True)
class Exported:
    """An exported model in memory; a ``Loaded``.

    Attributes:
        config: what ``config.json`` holds.
        target: cuts what is written.
        source: cuts text that is read; None where the input is no text.
        step: one step of the decoder.
        start: what inputs become; None for a language model.
    """

    config: ExportConfig
    target: Tokenizer
    source: Tokenizer | None
    step: Session
    start: Session | None

    def stepper(self) -> Stepper[Any]:
        """The model as a search sees it."""
        bos = line_feed(self.target) if self.config.task == "write" else BOS
        return OnnxStepper(self.step, self.start, self.target.size, bos)

    def batch(self, inputs: Sequence[Any]) -> Any:
        """See ``Loaded.batch``."""
        if self.config.task == "translate":
            return text_arrays(inputs)
        if self.config.task == "caption":
            return {"pixels": np.stack(inputs)}
        if self.config.task == "tell":
            return {"numbers": np.array(inputs, np.int64)}
        return list(inputs)

    def log_probs(self, batch: Any, targets: Sequence[Sequence[int]]) -> list[tuple[float, ...]]:
        """See ``Loaded.log_probs``; a step for each token."""
        stepper = self.stepper()
        state, rows = stepper.start(batch), np.arange(len(targets))
        inputs = pad([[BOS, *target] for target in targets])
        outputs = pad([[*target, EOS] for target in targets])
        found = np.empty(outputs.shape)
        for place in range(outputs.shape[1]):
            log_probs, state, _ = stepper.step(inputs[:, place], state)
            found[:, place] = np.asarray(log_probs)[rows, outputs[:, place]]
        each = zip(found, targets, strict=True)
        return [tuple(row[: len(target) + 1].tolist()) for row, target in each]

    def grid(self) -> tuple[int, int] | None:
        """See ``Loaded.grid``."""
        return self.config.grid

    def stream(
        self, tokens: npt.NDArray[Any], most_rows: int
    ) -> Iterator[npt.NDArray[np.floating]]:
        """See ``Loaded.stream``."""
        if len(tokens):
            yield stepper_log_probs(self.stepper(), tokens, most_rows)[None]


def read_export(folder: Path) -> Exported:
    """Load what ``seqgen export`` wrote.

    Raises:
        UserError: a file is missing, truncated or edited, or ONNX Runtime is not installed.
    """
    folder, config = open_folder(folder, ExportConfig, EXPORT)
    target, source = read_tokenizers(folder, config.target, config.source, config.joint)
    start = None if config.task == "write" else Session(folder / START)
    return Exported(config, target, source, Session(folder / STEP), start)
