import contextlib
import gzip
import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from seqgen.data import fetch as module
from seqgen.data.fetch import DATASETS, DataSet, RemoteFile, fetch
from seqgen.errors import UserError
from seqgen.files import checksum

CONTENT = {"a.gz": gzip.compress(b"text\n" * 9), "b.gz": bytes(range(256)) * 1000}


class Server(http.server.ThreadingHTTPServer):
    """Serves a folder on loopback and notes what it was asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.asked = folder, []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *args: object) -> None:
        super().__init__(*args, directory=str(args[2].folder))

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if "cut" in self.path:  # promises more than it sends
            self.send_response(200)
            self.send_header("Content-Length", "9999")
            self.end_headers()
            self.wfile.write(b"half")
            return
        super().do_GET()

    def log_message(self, *args: object) -> None:
        pass


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Server]:
    with Server(folder) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "*")
    served = tmp_path / "served"
    served.mkdir()
    for name, content in CONTENT.items():
        (served / name).write_bytes(content)
    files = tuple(
        RemoteFile(name, len(content), hashlib.sha256(content).hexdigest())
        for name, content in CONTENT.items()
    )
    with serving(served) as running:
        monkeypatch.setitem(DATASETS, "toy", DataSet(running.url, files))
        yield running


def found(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_all_files_arrive_with_progress(server: Server, tmp_path: Path) -> None:
    calls: list[tuple[str, int, int]] = []
    root = tmp_path / "root"
    folder = fetch("toy", root, progress=lambda *call: calls.append(call))
    assert folder == root / "toy"
    assert found(folder) == CONTENT
    total = sum(map(len, CONTENT.values()))
    assert [call[1] for call in calls] == sorted(call[1] for call in calls)
    assert calls[-1] == ("b.gz", total, total)


def test_right_files_are_kept_and_wrong_ones_replaced(server: Server, tmp_path: Path) -> None:
    fetch("toy", tmp_path)
    (tmp_path / "toy" / "b.gz").write_bytes(b"spoilt")
    server.asked.clear()
    fetch("toy", tmp_path)
    assert server.asked == ["/b.gz"]
    assert found(tmp_path / "toy") == CONTENT


@pytest.mark.parametrize("wrong", [b"", b"other", CONTENT["b.gz"] + b"x"])
def test_another_content_is_refused_and_leaves_nothing(
    server: Server, tmp_path: Path, wrong: bytes
) -> None:
    (server.folder / "b.gz").write_bytes(wrong)
    with pytest.raises(UserError, match=r"b\.gz: is not the expected file"):
        fetch("toy", tmp_path / "root")
    assert found(tmp_path / "root") == {"toy/a.gz": CONTENT["a.gz"]}
    (server.folder / "a.gz").write_bytes(wrong)
    with pytest.raises(UserError, match=r"a\.gz: is not the expected file"):
        fetch("toy", tmp_path / "other")
    assert list((tmp_path / "other").iterdir()) == []


def test_a_server_that_refuses_or_breaks_off_is_one_line(server: Server, tmp_path: Path) -> None:
    root = tmp_path / "root"
    for address, message in (
        (f"{server.url}/nowhere/", r"nowhere/a\.gz: the server says 404"),
        (f"{server.url}/cut", r"cut/a\.gz: (cannot be downloaded|is not the expected file)"),
        ("no address", "cannot be downloaded"),
        ("http://127.0.0.1:1", "cannot be downloaded"),
    ):
        with pytest.raises(UserError, match=message) as caught:
            fetch("toy", root, base_url=address)
        assert "\n" not in str(caught.value)
        assert found(root) == {} if root.exists() else True


def test_silence_ends(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SECONDS", 0.2)
    stop = threading.Event()
    monkeypatch.setattr(Handler, "do_GET", lambda self: stop.wait(5))
    try:
        with pytest.raises(UserError, match=r"cannot be downloaded: .*timed out"):
            fetch("toy", tmp_path / "root")
    finally:
        stop.set()


def test_unknown_names_and_folders_that_cannot_be(server: Server, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"unknown data set 'mult'; known are .*multi30k"):
        fetch("mult", tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        fetch("toy", tmp_path / "file")


def test_multi30k_is_what_its_table_says(real_data, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    real: Path = real_data("multi30k")
    with serving(real) as server:
        folder = fetch("multi30k", tmp_path, base_url=server.url)
    assert {p.name: checksum(p) for p in folder.iterdir()} == {
        p.name: checksum(p) for p in real.iterdir()
    }
    for part, lines in (("train", 29_000), ("val", 1_014), ("test_2016_flickr", 1_000)):
        for side in ("en", "de", "fr", "cs"):
            assert (
                gzip.decompress((folder / f"{part}.{side}.gz").read_bytes()).count(b"\n") == lines
            )


def test_ud_ewt_is_what_its_table_says(real_data, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    served = tmp_path / "served"
    served.mkdir()
    for packed in real_data("ud_ewt").glob("*.conllu.gz"):  # the publisher's are not packed
        (served / packed.stem).write_bytes(gzip.decompress(packed.read_bytes()))
    with serving(served) as server:
        folder = fetch("ud_ewt", tmp_path, base_url=server.url)
    assert {p.name: checksum(p) for p in folder.iterdir()} == {
        p.name: checksum(p) for p in served.iterdir()
    }
    for part, sentences in (("train", 12_544), ("dev", 2_001), ("test", 2_077)):
        text = (folder / f"en_ewt-ud-{part}.conllu").read_bytes()
        assert text.count(b"# sent_id = ") == sentences
