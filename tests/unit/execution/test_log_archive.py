"""Output of runs in an object store: the same bytes at the same offsets as in the folder it came from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from partita.api.logs import cut_chunk, read_chunk
from partita.errors import OperationError, SettingsError
from partita.execution.archive import DONE, LogArchive
from partita.execution.printed import trim
from support.objects import a_bucket

KIB = 1024


@pytest.fixture(params=["memory", "file", pytest.param("s3", marks=pytest.mark.faults)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "s3":
        with a_bucket() as bucket:
            yield f"{bucket}/logs"
        return
    yield f"memory://{tmp_path.name}" if request.param == "memory" else f"file://{tmp_path}/archive"
    fsspec.filesystem("memory").store.clear()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What a run has printed: something short, nothing, and something of which the middle is left out."""
    folder = tmp_path / "run_1"
    folder.mkdir()
    (folder / "orders.1.out").write_text("hällo\n" * 3)
    (folder / "orders.1.err").touch()
    long = folder / "long.1.out"
    long.write_bytes(b"".join(b"%07d\n" % number for number in range(128 * KIB)))
    if not trim(long, limit=256 * KIB):
        pytest.skip("this file system keeps no holes")
    return folder


def test_every_piece_is_what_it_was(url: str, folder: Path) -> None:
    LogArchive(url).put("run_1", folder)
    archive = LogArchive(url)

    assert (folder / DONE).exists()
    for name in ("orders.1.out", "orders.1.err", "long.1.out"):
        file, start, is_complete = archive.find("run_1", name), 0, False
        assert file is not None
        while not is_complete:
            expected = read_chunk(folder / name, start=start, size=100 * KIB, has_ended=True)
            assert cut_chunk(file, start=start, size=100 * KIB, has_ended=True) == expected
            start, is_complete = expected.next_byte, expected.is_complete


def test_a_reader_never_sees_half_of_what_is_being_stored(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system, unlike an object store, shows a file while it is written."""
    archive = LogArchive(f"file://{tmp_path}/archive")
    files = fsspec.filesystem("file", use_listings_cache=False)
    pipe_file = files.pipe_file

    def interrupted(path: str, value: bytes) -> None:
        pipe_file(path, value[: len(value) // 2])
        raise OSError("the power went away")

    with monkeypatch.context() as patched:
        patched.setattr(files, "pipe_file", interrupted)
        with pytest.raises(OperationError, match="the power went away"):
            archive.put("run_1", folder)

    assert not LogArchive(archive.url).has("run_1")
    archive.put("run_1", folder)
    assert LogArchive(archive.url).has("run_1")


def test_what_is_not_stored_is_not_found(url: str, folder: Path) -> None:
    archive = LogArchive(url)
    assert not archive.has("run_1")
    assert archive.find("run_1", "orders.1.out") is None

    archive.put("run_1", folder)

    assert archive.has("run_1")
    assert archive.find("run_1", "sales.1.out") is None


def test_what_is_removed_is_gone(url: str, folder: Path) -> None:
    archive = LogArchive(url)
    archive.put("run_1", folder)

    archive.remove(["run_1", "run_2"])

    files, place = fsspec.core.url_to_fs(url)
    assert files.find(place) == []
    assert not LogArchive(url).has("run_1")


def test_a_store_that_refuses_is_named(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "archive").write_text("no folder")

    with pytest.raises(OperationError, match=r"run_1 cannot be kept at file://.*/archive: \w+Error"):
        LogArchive(f"file://{tmp_path}/archive").put("run_1", folder)
    assert not (folder / DONE).exists()


@pytest.mark.parametrize(
    ("url", "said"), [("logs", "give a URL"), ("s3://", "give a URL"), ("gs://x", r"pip install 'partita\[gcs\]'|gcsfs"), ("odd://x", "odd")]
)
def test_a_url_that_cannot_be_used_is_refused(url: str, said: str) -> None:
    with pytest.raises((SettingsError, OperationError), match=said):
        LogArchive(url)
