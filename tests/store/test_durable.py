import errno
import os
from pathlib import Path

import pytest

from phasescope.errors import DiskFull, PhasescopeError
from phasescope.store import durable
from phasescope.store.durable import (
    make_folder,
    move_durably,
    require_folder,
    sweep_temporaries,
    temporaries_in,
    temporary_beside,
    write_durably,
)

CODES = (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EINTR)


class Recorder:
    """The ``os`` that durable.py sees: notes every call, and may fail one of them."""

    def __init__(self, fail: str = "", error: int = 0, most_bytes: int = 1 << 30) -> None:
        self.calls: list[str] = []
        self.fail, self.error, self.most_bytes = fail, error, most_bytes

    def __getattr__(self, name: str):
        real = getattr(os, name)
        if name not in {"open", "write", "fsync", "close", "replace", "unlink"}:
            return real

        def call(*arguments):
            self.calls.append(name)
            if name == "write":
                arguments = (arguments[0], arguments[1][: self.most_bytes])
            if name == self.fail and name != "close":
                raise OSError(self.error, os.strerror(self.error))
            result = real(*arguments)
            if name == self.fail:
                raise OSError(self.error, os.strerror(self.error))
            return result

        return call


def test_the_order_is_write_flush_rename_flush_the_folder(tmp_path, monkeypatch):
    recorder = Recorder()
    monkeypatch.setattr(durable, "os", recorder)
    write_durably(tmp_path / "a.json", b"new")
    assert recorder.calls == [
        "open",
        "write",
        "fsync",
        "close",
        "replace",
        "open",
        "fsync",
        "close",
        "unlink",
    ]


def test_a_short_write_is_continued(tmp_path, monkeypatch):
    recorder = Recorder(most_bytes=10)
    monkeypatch.setattr(durable, "os", recorder)
    write_durably(tmp_path / "a.json", bytes(range(95)))
    assert (tmp_path / "a.json").read_bytes() == bytes(range(95))
    assert recorder.calls.count("write") == 10


def test_an_empty_file_is_a_file(tmp_path):
    write_durably(tmp_path / "a.json", b"")
    assert (tmp_path / "a.json").read_bytes() == b""


@pytest.mark.parametrize("operation", ["open", "write", "fsync", "close", "replace"])
@pytest.mark.parametrize(
    "code", [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EINTR]
)
def test_a_failed_write_keeps_the_old_file_and_leaves_nothing(tmp_path, monkeypatch, operation, code):
    path = tmp_path / "a.json"
    path.write_bytes(b"old")
    monkeypatch.setattr(durable, "os", Recorder(operation, code))
    with pytest.raises(PhasescopeError) as caught:
        write_durably(path, b"new")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]
    message = str(caught.value)
    assert str(path) in message
    assert os.strerror(code) in message
    assert "MB free" in message
    assert "\n" not in message


def test_a_full_disk_says_to_free_space(tmp_path, monkeypatch):
    monkeypatch.setattr(durable, "os", Recorder("write", errno.ENOSPC))
    with pytest.raises(DiskFull, match="free some space, then run the same command again") as caught:
        write_durably(tmp_path / "a.json", b"new")
    assert caught.value.exit_status == 5


def test_an_interrupt_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(durable, "_flush", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_durably(tmp_path / "a.json", b"new")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_flushed_is_no_error(tmp_path, monkeypatch):
    real = durable._flush

    def no_folders(descriptor: int) -> None:
        if os.fstat(descriptor).st_nlink > 1:  # a folder
            raise OSError(errno.EINVAL, "Invalid argument")
        real(descriptor)

    monkeypatch.setattr(durable, "_flush", no_folders)
    write_durably(tmp_path / "a.json", b"new")
    assert (tmp_path / "a.json").read_bytes() == b"new"


def test_a_missing_folder_is_one_clear_line(tmp_path):
    with pytest.raises(PhasescopeError, match="No such file or directory"):
        write_durably(tmp_path / "nowhere" / "a.json", b"new")
    (tmp_path / "file").touch()
    with pytest.raises(PhasescopeError, match="cannot make the folder"):
        make_folder(tmp_path / "file" / "folder")


def test_a_full_folder_is_not_replaced(tmp_path):
    for name in ("new", "old"):
        make_folder(tmp_path / name / "inside")
    with pytest.raises(PhasescopeError, match="cannot make"):
        move_durably(tmp_path / "new", tmp_path / "old")


def test_temporaries_never_match_a_reader_and_are_swept(tmp_path):
    names = {temporary_beside(tmp_path / "000000100.safetensors") for _ in range(100)}
    assert len(names) == 100
    for path in names:
        path.touch()
    (tmp_path / "half-made.tmp").mkdir()
    (tmp_path / "half-made.tmp" / "recipe.json").touch()
    (tmp_path / "000000200.safetensors").touch()
    assert list(tmp_path.glob("*.safetensors")) == [tmp_path / "000000200.safetensors"]
    sweep_temporaries(tmp_path, "half")
    assert set(temporaries_in(tmp_path)) == names
    sweep_temporaries(tmp_path)
    assert list(tmp_path.iterdir()) == [tmp_path / "000000200.safetensors"]
    assert temporaries_in(Path("no-such-folder")) == ()


def test_a_place_that_takes_no_files_is_refused_before_anything_slow(tmp_path, monkeypatch):
    require_folder(tmp_path / "new" / "deeper")
    (tmp_path / "file").touch()
    with pytest.raises(PhasescopeError, match="is a file"):
        require_folder(tmp_path / "file" / "deeper")
    monkeypatch.setattr(os, "access", lambda place, mode: Path(place) != tmp_path)
    with pytest.raises(PhasescopeError, match="may not be written to"):
        require_folder(tmp_path / "new" / "deeper")
