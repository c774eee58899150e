import io
import json
import sys

import pytest

from seqgen.errors import UserError
from seqgen.training.report import Report
from seqgen.training.task import Validation


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_plain_lines_where_there_is_no_terminal_and_a_log_beside(tmp_path):
    out = io.StringIO()
    report = Report(out)
    report.begin(tmp_path / "log.jsonl", 0, tensorboard=False, peak=1e-9)
    report.update(step=1, total=2, epoch=0, nats=30.0, count=10, flops=0.0, rate=0.1, norm=0.5)
    report.update(step=2, total=2, epoch=0, nats=10.0, count=10, flops=0.0, rate=0.2, norm=0.6)
    report.validation(2, 1, 0.25, Validation("bleu", 12.5, "a [b] -> c"), better=True)
    report.close()
    assert "% of peak)" in out.getvalue()
    assert "\x1b" not in out.getvalue()
    assert "update 2/2  loss 2.000" in out.getvalue()
    assert "validation bleu 12.50  best so far\n  a [b] -> c\n" in out.getvalue()
    logged = lines(tmp_path / "log.jsonl")
    assert [line["step"] for line in logged] == [2, 2]
    assert logged[0]["loss"] == 2.0 and logged[1]["bleu"] == 12.5


def test_a_log_is_cut_back_to_the_checkpoint_and_a_torn_line_goes(tmp_path):
    log = tmp_path / "log.jsonl"
    log.write_text('{"step": 3, "loss": 1}\n{"step": 9, "loss": 1}\n{"step": 4, "lo')
    report = Report(io.StringIO())
    report.begin(log, 5, tensorboard=False, peak=1.0)
    report.close()
    assert [line["step"] for line in lines(log)] == [3]


def test_tensorboard_is_an_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(UserError, match=r"seqgen\[tensorboard\]"):
        Report(io.StringIO()).begin(tmp_path / "log.jsonl", 0, tensorboard=True, peak=1.0)
