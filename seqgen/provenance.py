"""The parts of a bundle that are not of seqgen: found when it is written, checked when it is read.

They go by the names ``encoder``, ``attention``, ``strategy``, ``processor 1``, ``processor 2`` …
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from torch import nn

from seqgen.model.attention import KINDS
from seqgen.model.build import ModelConfig, Seq2Seq
from seqgen.plugins import Kind, resolve
from seqgen.sources import Code, Source, approved, trace


def find_sources(config: Any, model: nn.Module) -> dict[str, Source]:
    """Where the code of those parts came from.

    Args:
        config: what ``config.json`` is to hold.
        model: has an ``encoder``.
    """
    parts: dict[str, tuple[str, Any]] = {"encoder": (config.model.encoder, type(model.encoder))}
    if isinstance(model, Seq2Seq) and model.decoder.attention is not None:
        parts["attention"] = (config.model.decoder.attention, type(model.decoder.attention))
    for name, kind, spec in _searching(config):
        parts[name] = (spec, resolve(spec, kind))
    found = {name: trace(spec, part) for name, (spec, part) in parts.items()}
    return {name: source for name, source in found.items() if source}


def _searching(config: Any) -> Iterator[tuple[str, Kind, str]]:
    """The parts of the search, if ``config`` has one: a name, the kind and the spec of each."""
    search = getattr(config, "search", None)
    if search is not None:
        if search.strategy:
            yield "strategy", "strategy", search.strategy
        for number, spec in enumerate(search.processors, start=1):
            yield f"processor {number}", "processor", spec


def with_code(config: Any, code: Code, folder: Any) -> Any:
    """``config`` with the specs by which its parts are to be made now.

    Args:
        config: what ``config.json`` holds.
        code: where parts come from, if not from where they were.
        folder: of the bundle.

    Raises:
        UserError: a part is not to be found, or its source has changed.
    """
    sources, model = config.sources, config.model
    encoder = approved("encoder", model.encoder, sources.get("encoder"), code, folder)
    model = replace(model, encoder=encoder)
    if isinstance(model, ModelConfig):
        spec, recorded = model.decoder.attention, sources.get("attention")
        if spec not in (*KINDS, "none") or code.attention is not None:
            attention = approved("attention", spec, recorded, code, folder)
            model = replace(model, decoder=replace(model.decoder, attention=attention))
    for name, kind, spec in _searching(config):
        approved(kind, spec, sources.get(name), code, folder)
    return replace(config, model=model)


def check_sources(sources: dict[str, Source], code: Code, folder: Any) -> None:
    """Compare all parts but the encoder with what they were.

    Raises:
        UserError: as ``with_code``.
    """
    kept = Code(accept_source=code.accept_source)
    for name, source in sources.items():
        if name != "encoder":
            kind: Any = name.split()[0]
            approved(kind, source.spec, source, kept, folder)
