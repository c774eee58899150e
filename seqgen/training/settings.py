"""All settings of a training: four tables of one TOML file, for each task."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from seqgen.config import from_dict, read_toml, to_dict
from seqgen.errors import UserError
from seqgen.images import ImageConfig
from seqgen.model.build import ModelConfig
from seqgen.model.decoder import DecoderConfig
from seqgen.model.heads import ClassifierModelConfig, TaggerModelConfig
from seqgen.plugins import name_of
from seqgen.search.settings import SearchConfig
from seqgen.text import TextConfig
from seqgen.training.describing_settings import DescribingSettings
from seqgen.training.trainer import TrainingConfig


@dataclass(frozen=True)
class DataConfig:
    """The table ``[data]``: which files, and how their text becomes tokens."""

    train_source: str = ""  # plain text, or .tsv / .jsonl with both sides; each also .gz
    train_target: str = ""  # plain text; empty if train_source has both sides
    valid_source: str = ""
    valid_target: str = ""
    source: TextConfig = field(default_factory=TextConfig)
    target: TextConfig = field(default_factory=TextConfig)
    joint: bool = True  # one SentencePiece model for both sides, made as ``source`` says
    max_length: int = 256  # tokens of a side; a longer line is an error
    drop_long: bool = False  # leave longer pairs out instead
    drop_empty: bool = False  # leave pairs with an empty side out; else they are an error


@dataclass(frozen=True)
class Settings:
    """Everything a training is a function of, but for the contents of its files."""

    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    search: SearchConfig = field(default_factory=SearchConfig)


@dataclass(frozen=True)
class CaptionDataConfig:
    """The table ``[data]`` for captions."""

    captions: str = ""  # Karpathy or COCO .json, .jsonl, .tsv, or the folder of one; also .gz
    images: str = ""  # folder of the images; empty: beside the captions
    valid_captions: str = ""  # empty: the split "val" or "valid" of ``captions``
    valid_images: str = ""  # empty: as ``images``
    target: TextConfig = field(default_factory=TextConfig)
    image: ImageConfig | None = None  # how the network sees one; none: as its backbone was trained
    flip: bool = True  # train on mirror images too
    cache: str = ""  # folder of the frozen stages' features; empty: in the training's own
    max_length: int = 64  # tokens of a caption; a longer one is an error
    drop_long: bool = False  # leave longer captions out instead


@dataclass(frozen=True)
class CaptionSettings:
    """Everything a training of a captioner is a function of, but for the contents of its files."""

    data: CaptionDataConfig = field(default_factory=CaptionDataConfig)
    model: ModelConfig = field(
        default_factory=lambda: ModelConfig("seqgen.model.cnn:CNNEncoder", tied_embeddings=False)
    )
    training: TrainingConfig = field(default_factory=TrainingConfig)
    search: SearchConfig = field(default_factory=lambda: SearchConfig(max_ratio=0.0, max_extra=40))


@dataclass(frozen=True)
class WritingDataConfig:
    """The table ``[data]`` for language models."""

    train: str = ""  # a file of text, also .gz
    valid: str = ""  # another; empty: the end of ``train``
    valid_share: float = 0.1  # of ``train``'s characters, where there is no other file
    unit: Literal["char", "word", "subword"] = "char"  # what a token is
    vocab_size: int = 8000  # at most, and with 256 bytes that stand for what is not among them
    lowercase: bool = False
    window: int = 100  # tokens that gradients flow through; streams = batch_tokens / window
    carry: bool = True  # a window goes on in the state of the one before; else all are shuffled

    def __post_init__(self) -> None:
        if self.window < 1:
            raise UserError(f"window must be at least 1, not {self.window}")
        if not 0.0 < self.valid_share < 1.0:
            raise UserError(f"valid_share must be between 0 and 1, not {self.valid_share}")

    @property
    def text(self) -> TextConfig:
        """How the text becomes tokens, without loss."""
        return TextConfig(
            "unigram" if self.unit == "subword" else self.unit,
            self.vocab_size,
            byte_fallback=True,
            lowercase=self.lowercase,
            exact=True,
        )


@dataclass(frozen=True)
class WritingSettings:
    """Everything a training of a language model is a function of, but for its text."""

    data: WritingDataConfig = field(default_factory=WritingDataConfig)
    model: ModelConfig = field(
        default_factory=lambda: ModelConfig("", decoder=DecoderConfig(attention="none"))
    )
    training: TrainingConfig = field(default_factory=lambda: TrainingConfig(label_smoothing=0.0))
    search: SearchConfig = field(default_factory=lambda: SearchConfig(beam_size=1, max_ratio=0.0))


@dataclass(frozen=True)
class TellingDataConfig:
    """The table ``[data]`` for texts from single values."""

    train: str = ""  # .tsv of a value and a text, or .jsonl with "source" and "target"; also .gz
    valid: str = ""  # another, of values that ``train`` has
    target: TextConfig = field(default_factory=TextConfig)
    max_length: int = 256  # tokens of a text; a longer one is an error
    drop_long: bool = False  # leave longer texts out instead


@dataclass(frozen=True)
class TellingSettings:
    """Everything a training of a teller is a function of, but for the contents of its files."""

    data: TellingDataConfig = field(default_factory=TellingDataConfig)
    model: ModelConfig = field(
        default_factory=lambda: ModelConfig(
            "seqgen.model.value:EmbeddingEncoder", tied_embeddings=False
        )
    )
    training: TrainingConfig = field(default_factory=lambda: TrainingConfig(label_smoothing=0.0))
    search: SearchConfig = field(default_factory=lambda: SearchConfig(max_ratio=0.0, max_extra=60))


@dataclass(frozen=True)
class TaggingDataConfig:
    """The table ``[data]`` for taggers."""

    train: str = ""  # .conllu, or .tsv: a word, a tab, its tag; empty lines between sentences
    valid: str = ""  # another, to judge by and to stop by; both also .gz
    format: Literal["", "conllu", "tsv"] = ""  # of both; empty: as the names say
    column: Literal["upos", "xpos", "feats", "deprel"] = "upos"  # of CoNLL-U, to learn
    words: TextConfig = field(default_factory=lambda: TextConfig("word", 10000, lowercase=True))
    characters: TextConfig = field(  # the rarest are unknown ones, so that these are learned too
        default_factory=lambda: TextConfig("char", 1000, character_coverage=0.9998)
    )
    max_length: int = 256  # words of a sentence; a longer one is an error
    drop_long: bool = False  # leave longer sentences out instead

    def __post_init__(self) -> None:
        for name, kind in (("words", "word"), ("characters", "char")):
            if getattr(self, name).kind != kind:
                raise UserError(f"the kind of data.{name} is '{kind}'", fix="leave it as it is")


@dataclass(frozen=True)
class TaggingSettings:
    """Everything a training of a tagger is a function of, but for the contents of its files."""

    data: TaggingDataConfig = field(default_factory=TaggingDataConfig)
    model: TaggerModelConfig = field(default_factory=TaggerModelConfig)
    training: TrainingConfig = field(
        default_factory=lambda: TrainingConfig(
            batch_tokens=1000, learning_rate=4e-3, warmup=100, average=0.998, patience=5
        )
    )


@dataclass(frozen=True)
class ClassifierDataConfig:
    """The table ``[data]`` for classifiers."""

    train: str = ""  # .csv, .tsv or .jsonl with a text (or image) and a label; also .gz
    valid: str = ""  # another, of labels that ``train`` has; empty: a share of ``train``
    valid_share: float = 0.1  # of ``train``, by chance, where there is no other file
    images: str = ""  # folder of the images; empty where texts are classified
    valid_images: str = ""  # empty: as ``images``
    source: TextConfig = field(default_factory=TextConfig)  # how text becomes tokens
    vectors: str = ""  # word vectors (GloVe's text format, also .gz), kept as they are
    image: ImageConfig | None = None  # how the network sees one; none: as its backbone was trained
    flip: bool = True  # train on mirror images too
    cache: str = ""  # folder of the frozen stages' features; empty: in the training's own
    max_length: int = 512  # tokens of a text; a longer one is an error
    drop_long: bool = False  # leave longer texts out instead

    def __post_init__(self) -> None:
        if not 0.0 < self.valid_share < 1.0:
            raise UserError(f"valid_share must be between 0 and 1, not {self.valid_share}")
        if self.vectors and (self.images or self.source.kind != "word"):
            fix = 'set data.source.kind = "word"' + ", and leave images out" * bool(self.images)
            raise UserError("vectors are of words", fix=fix)


@dataclass(frozen=True)
class ClassifierSettings:
    """Everything a training of a classifier is a function of, but for the contents of its files."""

    data: ClassifierDataConfig = field(default_factory=ClassifierDataConfig)
    model: ClassifierModelConfig = field(default_factory=ClassifierModelConfig)
    training: TrainingConfig = field(
        default_factory=lambda: TrainingConfig(
            batch_tokens=1000, warmup=100, average=0.99, patience=6
        )
    )


S = TypeVar(
    "S", Settings, CaptionSettings, WritingSettings, TellingSettings, TaggingSettings,
    ClassifierSettings, DescribingSettings,
)  # fmt: skip


def _named(value: Any) -> Any:
    """``value`` with specs for its classes and functions."""
    if isinstance(value, (list, tuple)):
        return [_named(one) for one in value]
    return name_of(value) if callable(value) else value


def read_settings(path: Path | None, changes: dict[str, Any], kind: type[S] = Settings) -> S:  # type: ignore[assignment]
    """Settings from a TOML file, or the defaults, with ``changes`` on top.

    Args:
        path: TOML with the tables ``[data]``, ``[model]``, ``[training]``, ``[search]``.
        changes: values by dotted name, as ``training.seed``; these win. A class or a function
            stands for its spec.
        kind: settings of one task.

    Raises:
        UserError: the file or a value cannot be used.
    """
    values = read_toml(path) if path else {}
    for name, value in changes.items():
        table = values
        *parents, key = name.split(".")
        for parent in parents:
            table = table.setdefault(parent, {})
            if not isinstance(table, dict):
                raise UserError(f"'{parent}' is no table", f"setting {name}")
        table[key] = _named(value)
    for name, defaults in to_dict(kind()).items():  # a table half given keeps its task's defaults
        table = values.get(name, {})
        if isinstance(table, dict):
            values[name] = _over(defaults, table)
    return from_dict(kind, values, path or "settings")


def _over(defaults: dict[str, Any], table: dict[str, Any]) -> dict[str, Any]:
    """``table``, with ``defaults`` where it has nothing; in tables within it too."""
    both = {
        key: _over(defaults[key], value)
        for key, value in table.items()
        if isinstance(value, dict) and isinstance(defaults.get(key), dict)
    }
    return defaults | table | both


def located(settings: Any) -> Any:
    """``settings`` of any task with the files of the user's own parts named in full."""
    settings, search = with_encoder(settings), getattr(settings, "search", None)
    changes: dict[str, Any] = {
        "training": replace(settings.training, metric=name_of(settings.training.metric))
    }
    decoder = getattr(settings.model, "decoder", None)
    if decoder is not None:
        decoder = replace(decoder, attention=name_of(decoder.attention))
        changes["model"] = replace(settings.model, decoder=decoder)
    if search is not None:
        processors = tuple(name_of(spec) for spec in search.processors)
        strategy = name_of(search.strategy)
        changes["search"] = replace(search, strategy=strategy, processors=processors)
    return replace(settings, **changes)


def with_encoder(settings: Any, encoder: Any = None, options: dict[str, Any] | None = None) -> Any:
    """``settings`` of any task with another encoder; its file is named in full, if it is one.

    Args:
        settings: with a table ``model``.
        encoder: a class or a spec; that of ``settings`` if not given.
        options: its keyword arguments; those of ``settings`` if not given.
    """
    model = settings.model
    spec = name_of(model.encoder if encoder is None else encoder)
    chosen = model.encoder_options if options is None else options
    return replace(settings, model=replace(model, encoder=spec, encoder_options=chosen))
