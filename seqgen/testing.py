"""For the tests of one's own encoder.

>>> from seqgen.testing import check_encoder             # doctest: +SKIP
>>> def test_my_encoder():                               # doctest: +SKIP
...     check_encoder(MyEncoder, width=32)
"""

from __future__ import annotations

from typing import Any

from torch import nn

from seqgen.conformance.check import Report, check
from seqgen.conformance.subject import make_subject
from seqgen.plugins import name_of


class BrokenEncoder(AssertionError):
    """An encoder breaks rules; the message says which and how to mend it.

    Args:
        report: what became of every rule.
    """

    def __init__(self, report: Report) -> None:
        self.report = report
        super().__init__(str(report))


def check_encoder(encoder: type[nn.Module], example_batch: Any = None, **options: Any) -> Report:
    """Ask every rule of an encoder; takes some seconds.

    Args:
        encoder: its class, which another process can import.
        example_batch: inputs as its ``forward`` takes them, best eight different ones of
            different lengths: a dataclass (also a dict, list or tuple) of tensors whose first
            dimension is B; those beside a ``mask`` [B, S] bool are sequences. Left out, made-up
            text, images, values or vectors, as the annotation of ``forward`` says, or else text.
        options: its keyword arguments; without ``vocab_size``, if it asks for that.

    Returns:
        What became of every rule.

    Raises:
        BrokenEncoder: an ``AssertionError`` with all that is wrong.
    """
    subject = make_subject(name_of(encoder), options, example_batch)
    report = check(subject, encoder.__qualname__)
    if report.failures:
        raise BrokenEncoder(report)
    return report
