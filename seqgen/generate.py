"""From a folder on disk to what the model in it does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from seqgen.captioner import Captioner
from seqgen.classifier import Classifier
from seqgen.errors import UserError
from seqgen.folders import Found, find_model
from seqgen.loaded import Loaded
from seqgen.sources import RECORDED, Code
from seqgen.tagger import Tagger
from seqgen.teller import Teller
from seqgen.translator import Translator
from seqgen.writer import Writer

Model = str | Path | Found  # a folder, or what was found in it


def load(
    *folders: str | Path,
    encoder: Any = None,
    attention: Any = None,
    accept_source: bool = False,
    int8: bool = False,
    shortlist: str | Path | None = None,
) -> Any:
    """Load a trained model, or several as an ensemble.

    It is a ``Translator``, a ``Captioner``, a ``Writer``, a ``Teller``, a ``Classifier`` or a
    ``Tagger``, as its ``config.json`` says.

    Args:
        folders: each a bundle, the folder of a training (its best model is taken), or what
            ``seqgen export`` wrote (which needs no torch).
        encoder: the class of an encoder that is not of seqgen, or a spec of it (see
            ``seqgen.plugins``), where it is not to be found as it was.
        attention: likewise, of the decoder.
        accept_source: take it as it is now, also if its source has changed since training.
        int8: write with products of 8-bit integers; see ``seqgen.model.int8``.
        shortlist: translate with the tokens of this file alone, see ``seqgen shortlist``.

    Raises:
        UserError: a folder is missing, damaged or no model; or its encoder is not to be found,
            or has changed; or ``int8`` is asked of a model that does not write, or a
            ``shortlist`` of one that does not translate.
    """
    loaders: dict[str, Any] = {
        "translate": load_translator, "caption": load_captioner, "write": load_writer,
        "tell": load_teller, "classify": load_classifier, "tag": load_tagger,
    }  # fmt: skip
    models = _find(folders)
    folder, task = models[0].folder, models[0].task
    if task == "describe":
        read = "seqgen.runtime.read_export" if models[0].exported else "seqgen.bundle.read_bundle"
        fix = f"load it as seqgen.describer.Describer({read}(FOLDER), make_batch)"
        raise UserError("reads inputs that a program makes", folder, fix)
    if task not in loaders:
        raise UserError(f"has the task '{task}'", folder, f"known are {', '.join(loaders)}")
    code = Code(encoder, attention, accept_source)
    if shortlist is not None:
        return load_translator(*models, code=code, int8=int8, shortlist=Path(shortlist))
    if task in ("classify", "tag"):
        if int8:
            raise UserError("int8 is for models that write", folder, "leave it out")
        return loaders[task](*models, code=code)
    return loaders[task](*models, code=code, int8=int8)


def load_translator(
    *folders: Model, code: Code = RECORDED, int8: bool = False, shortlist: Path | None = None
) -> Translator:
    """``load``, where only a translator will do."""
    return Translator(*_bundles(folders, "translate", code, int8, shortlist))


def load_captioner(*folders: Model, code: Code = RECORDED, int8: bool = False) -> Captioner:
    """``load``, where only a captioner will do."""
    return Captioner(*_bundles(folders, "caption", code, int8))


def load_writer(*folders: Model, code: Code = RECORDED, int8: bool = False) -> Writer:
    """``load``, where only a language model will do."""
    return Writer(*_bundles(folders, "write", code, int8))


def load_teller(*folders: Model, code: Code = RECORDED, int8: bool = False) -> Teller:
    """``load``, where only a model that writes from single values will do."""
    return Teller(*_bundles(folders, "tell", code, int8))


def load_classifier(*folders: Model, code: Code = RECORDED) -> Classifier:
    """``load``, where only a classifier will do."""
    checked = _checked(folders, "classify")
    if _exported(checked, code != RECORDED):
        from seqgen.label_runtime import read_exported_classifier

        return Classifier(*(read_exported_classifier(one.folder) for one in checked))
    with _torch(checked[0].folder):
        from seqgen.labelled import read_classifier
    return Classifier(*(read_classifier(one.folder, code) for one in checked))


def load_tagger(*folders: Model, code: Code = RECORDED) -> Tagger:
    """``load``, where only a tagger will do."""
    checked = _checked(folders, "tag")
    if _exported(checked, code != RECORDED):
        from seqgen.label_runtime import read_exported_tagger

        return Tagger(*(read_exported_tagger(one.folder) for one in checked))
    with _torch(checked[0].folder):
        from seqgen.labelled import read_tagger
    return Tagger(*(read_tagger(one.folder, code) for one in checked))


def _bundles(
    folders: Sequence[Model], task: str, code: Code, int8: bool, shortlist: Path | None = None
) -> Sequence[Loaded]:
    checked = _checked(folders, task)
    if _exported(checked, int8 or code != RECORDED):
        if shortlist is not None:
            fix = "translate with the model that it was made of"
            raise UserError("an export takes no shortlist", checked[0].folder, fix)
        from seqgen.runtime import read_export

        return [read_export(model.folder) for model in checked]
    with _torch(checked[0].folder):
        from seqgen.bundle import read_bundle
        from seqgen.model.int8 import quantize
    bundles = [read_bundle(model.folder, code) for model in checked]
    if int8:
        for bundle in bundles:
            quantize(bundle.model)
    if shortlist is not None:
        bundles = [bundle.shortened(shortlist) for bundle in bundles]
    return bundles


def _exported(models: Sequence[Found], changed: bool) -> bool:
    """Whether ``models`` are exports: all or none, and none is to be ``changed``."""
    exports = [model.folder for model in models if model.exported]
    if exports and len(exports) < len(models):
        raise UserError("an ensemble is of exports or of trained models, not of both")
    if exports and changed:
        raise UserError("an export is as it is", exports[0], "choose when exporting")
    return bool(exports)


@contextmanager
def _torch(folder: Path) -> Iterator[None]:
    """Imports that need torch; where it is not installed, the model in ``folder`` cannot be had."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in ("torch", "torchvision"):
            raise
        fix = f"pip install {error.name}, or use what seqgen export makes of it"
        raise UserError(f"needs {error.name}, which is not installed", folder, fix) from error


def _find(folders: Sequence[Model]) -> list[Found]:
    """The models in ``folders``."""
    if not folders:
        raise UserError("no model given")
    return [one if isinstance(one, Found) else find_model(Path(one)) for one in folders]


def _checked(folders: Sequence[Model], task: str) -> list[Found]:
    """The models in ``folders``, each for ``task``."""
    models = _find(folders)
    for model in models:
        if model.task != task:
            raise UserError(f"this model can {model.task}, not {task}", model.folder)
    return models
