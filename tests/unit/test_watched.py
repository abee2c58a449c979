"""What a watched file promises: followed while it changes, its last good value kept."""

from __future__ import annotations

import logging
import os
import resource
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from poslogs.errors import ConfigError
from poslogs.watched import MAX_FILE_BYTES, WatchedFile
from tests.support.tries import tries
from tests.unit.doubles import in_threads


def parse(value: object) -> int:
    """Parse these tests' files, which hold a number under `n`."""
    if not isinstance(value, dict) or not isinstance(value.get("n"), int):
        raise ConfigError("it must hold a number n.")
    return int(value["n"])


def write(path: Path, text: str | bytes) -> None:
    """Write the file, with a later time of change however coarse the clock is."""
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    if path.stat().st_mtime_ns <= before:
        os.utime(path, ns=(before + 1, before + 1))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "file.json"
    write(file, '{"n": 1}')
    return file


def test_a_change_is_read_at_the_next_look(path: Path) -> None:
    """The file is changed in place, or another is renamed over it."""
    file = WatchedFile(path, parse)
    assert file.value == 1
    assert file.refresh() is False
    write(path, '{"n": 2}')
    assert (file.refresh(), file.value) == (True, 2)
    other = path.with_suffix(".new")
    write(other, '{"n": 3}')
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.replace(path)
    assert (file.refresh(), file.value) == (True, 3)
    assert file.refresh() is False


def test_a_file_that_does_not_change_is_not_read(path: Path) -> None:
    """A look costs only a stat."""
    reads = []
    file = WatchedFile(path, lambda value: reads.append(value))
    for _ in range(100):
        file.refresh()
    assert len(reads) == 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "{path} is empty; it must hold a JSON object."),
        (" \n", "{path} is empty; it must hold a JSON object."),
        ('{"n":', "{path} is not valid JSON (line 1, column 6)."),
        ('{\n "n": 1,\n}', "{path} is not valid JSON (line 2, column 8)."),
        ('{"n": 1}'.encode("utf-16"), "{path} is not valid JSON: it is UTF-16; save it as UTF-8."),
        ('{"n": 1}'.encode("utf-16-be"), "{path} is not valid JSON: it is UTF-16; save it as UTF-8."),
        (
            '{"n": 1,\n "é": 2}'.encode("cp1252"),
            "{path} is not valid JSON: it is not UTF-8, but perhaps Windows-1252, at line 2, column 3 (byte 0xe9); "
            "save it as UTF-8.",
        ),
        (b"\xef\xbb\xbf", "{path} is empty; it must hold a JSON object."),
        ("[]", "{path}: it must hold a number n."),
        ('{"n": "1"}', "{path}: it must hold a number n."),
    ],
)
def test_a_bad_file_is_a_sentence_at_the_start_and_no_harm_later(
    path: Path, text: str | bytes, sentence: str, caplog: pytest.LogCaptureFixture
) -> None:
    """While running it is logged once, and the last good value stays until there is a better one."""
    file = WatchedFile(path, parse)
    write(path, text)
    with pytest.raises(ConfigError) as error:
        WatchedFile(path, parse)
    assert str(error.value) == sentence.format(path=path)
    with caplog.at_level(logging.ERROR, "poslogs.files"):
        assert [file.refresh() for _ in range(3)] == [False] * 3
    assert file.value == 1
    assert [record.getMessage() for record in caplog.records] == [
        f"{sentence.format(path=path)} The last good one stays in use."
    ]
    write(path, '{"n": 5}')
    assert (file.refresh(), file.value) == (True, 5)


def test_a_missing_file_is_a_sentence_at_the_start_and_no_harm_later(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The file may come back."""
    with pytest.raises(ConfigError, match=r"missing\.json cannot be read \(no such file or directory\)\.$"):
        WatchedFile(path.with_name("missing.json"), parse)
    file = WatchedFile(path, parse)
    path.unlink()
    with caplog.at_level(logging.ERROR, "poslogs.files"):
        assert [file.refresh() for _ in range(3)] == [False] * 3
    assert len(caplog.records) == 1
    assert file.value == 1
    write(path, '{"n": 2}')
    assert (file.refresh(), file.value) == (True, 2)


def test_a_change_that_there_is_no_room_to_read_is_read_when_there_is(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a free descriptor the change is reported once, and read at a later look."""
    file = WatchedFile(path, parse)
    write(path, '{"n": 2}')
    bounds = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, bounds[1]))
    try:
        with caplog.at_level(logging.ERROR, "poslogs.files"):
            assert [file.refresh() for _ in range(3)] == [False] * 3
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, bounds)
    assert [record.getMessage() for record in caplog.records] == [
        f"{path} cannot be read (too many open files). The last good one stays in use."
    ]
    assert (file.refresh(), file.value) == (True, 2)


def test_a_folder_in_its_place_is_a_sentence(tmp_path: Path) -> None:
    """Docker makes such a folder when the file to mount is missing."""
    with pytest.raises(ConfigError, match=r"cannot be read \(is a directory\)\.$"):
        WatchedFile(tmp_path, parse)


def pipe(path: Path) -> None:
    """Make a pipe that nobody writes to: opening it as a file waits forever."""
    os.mkfifo(path)


def unix_socket(path: Path) -> None:
    """Put a socket in the place of the file."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


def device(path: Path) -> None:
    """Put a link to a device in the place, which gives bytes without end."""
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize(
    ("put", "kind"),
    [(pipe, "a pipe"), (unix_socket, "a socket"), (device, "a device")],
    ids=["pipe", "socket", "device"],
)
def test_what_is_no_regular_file_is_a_sentence_and_never_waited_for(
    path: Path, put: Callable[[Path], None], kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """That holds at the start, and in the place of a good file, which stays in use."""
    file = WatchedFile(path, parse)
    path.unlink()
    put(path)
    sentence = f"{path} cannot be read (is {kind}; put a regular file there)."
    with pytest.raises(ConfigError) as error:
        WatchedFile(path, parse)
    assert str(error.value) == sentence
    with caplog.at_level(logging.ERROR, "poslogs.files"):
        assert [file.refresh() for _ in range(3)] == [False] * 3
    assert [record.getMessage() for record in caplog.records] == [f"{sentence} The last good one stays in use."]
    assert file.value == 1
    path.unlink()
    write(path, '{"n": 2}')
    assert (file.refresh(), file.value) == (True, 2)


def test_what_is_nested_too_deeply_to_be_looked_at_is_a_sentence(path: Path) -> None:
    """It does not become a fault of each request."""

    def look(value: object) -> object:
        return repr(value)

    path.write_text("[" * 1000 + "]" * 1000)
    with pytest.raises(ConfigError, match="nested too deeply"):
        WatchedFile(path, look)


def test_a_huge_file_is_not_read_whole(path: Path) -> None:
    """A file beyond 4 MiB is refused."""
    write(path, b'{"n": 1}' + b" " * MAX_FILE_BYTES)
    with pytest.raises(ConfigError, match=f"is larger than {MAX_FILE_BYTES} bytes.$"):
        WatchedFile(path, parse)


def test_a_byte_order_mark_is_overlooked(path: Path) -> None:
    """Some editors write one."""
    write(path, b'\xef\xbb\xbf{"n": 4}')
    assert WatchedFile(path, parse).value == 4


def test_many_looks_at_the_same_instant_read_once(path: Path) -> None:
    """Requests and the runtime may look at once. One of them sees the change."""
    file = WatchedFile(path, parse)
    write(path, '{"n": 2}')
    results = in_threads(*[file.refresh] * 20)
    assert sum(result is True for result in results) == 1
    assert file.value == 2


@tries(200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.binary(max_size=60) | st.sampled_from([b"[" * 5000, b'{"n":NaN}', b'{"n":1e999}', b"\xff{}", b'"\\ud800"'])
)
def test_any_bytes_are_a_value_or_a_sentence(path: Path, text: bytes) -> None:
    """There is never another error, at the start or later."""
    write(path, '{"n": 1}')
    file = WatchedFile(path, parse)
    write(path, text)
    assert file.refresh() is False
    assert file.value == 1
    with pytest.raises(ConfigError):
        WatchedFile(path, parse)
