"""Nothing speaks to the network but ``fetch`` and the download of published weights."""

import pytest
from pairs import settings
from test_faults import one_line

# Whatever Python opens a connection or asks for an address with goes through these.
CLOSED = """
import sys
def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        raise RuntimeError(f"network: {event} {arguments}")
sys.addaudithook(refuse)
"""


def flat(changes):
    for name, value in changes.items():
        if isinstance(value, dict):
            yield from flat({f"{name}.{key}": item for key, item in value.items()})
        else:
            yield f"--set={name}={value!r}"


def test_training_and_writing_need_no_network(warm, tmp_path):
    options = flat(settings(tmp_path / "data", max_epochs=1))
    out = tmp_path / "out"
    for arguments in (
        ["train", "translate", "--out", out, *options],
        ["translate", "--model", out, "a dog"],
        ["score", "bleu", tmp_path / "data/valid.de", tmp_path / "data/valid.de"],
        ["info", out, "--verify"],
    ):
        child = warm.start(*arguments, code=CLOSED)
        assert child.wait() == 0, child.errors


def test_fetch_is_what_asks_the_network(warm, tmp_path):
    child = warm.start("fetch", "multi30k", tmp_path / "data", code=CLOSED)
    child.wait()
    assert child.code != 0 and "network: socket." in child.errors


@pytest.mark.parametrize("name", ["everything"])
def test_an_unknown_data_set_is_told_without_asking(warm, tmp_path, name):
    assert name in one_line(warm.start("fetch", name, tmp_path / "data", code=CLOSED))
