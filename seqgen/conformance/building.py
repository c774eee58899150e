"""The encoder can be made: of options that JSON keeps, and twice the same."""

from __future__ import annotations

from typing import Any

from seqgen.conformance.rule import Failure, Rule
from seqgen.conformance.subject import Subject, difference, raised
from seqgen.errors import UserError


def _check(subject: Subject) -> None:
    one, two = (_built(subject).state_dict() for _ in range(2))
    for name, tensor in one.items():
        if name not in two or tensor.shape != two[name].shape or difference(tensor, two[name]):
            raise Failure(
                f"'{name}' is another when built again with the same seed",
                fix="draw weights by torch's own generator alone (torch.nn.init)",
            )


def _built(subject: Subject) -> Any:
    """The encoder, made of its options after they have been through JSON."""
    options = f"options {subject.options}"
    try:
        return subject.build()
    except UserError as error:
        raise Failure(error.what, options, error.fix or "") from error
    except Exception as error:  # raised by the encoder: any kind
        raise Failure(f"{raised(error)}, from options as JSON keeps them", options) from error


BUILDS = Rule(
    "builds",
    "is made from its options, which JSON keeps, and the same seed gives the same weights",
    "take numbers, texts, lists and dictionaries with text keys, and make the rest of them",
    _check,
)
