"""What settings promise: right values, or a sentence that names the variable."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poslogs.errors import ConfigError
from poslogs.settings import ROOT, SETTINGS, Settings, misspelt
from poslogs.variables import count
from tests.support.tries import tries

NUMBERS = [
    ("PORT", "port", 0, 65535),
    ("POSLOGS_HEARTBEAT_SECONDS", "heartbeat", 0.1, 60),
    ("POSLOGS_MAX_STREAMS", "max_streams", 0, 1_000_000),
    ("POSLOGS_PROXY_HOPS", "proxy_hops", 0, 5),
    ("POSLOGS_ADDRESS_CONNECTIONS", "address_connections", 4, 100_000),
    ("POSLOGS_ANSWER_SECONDS", "answer_seconds", 1, 3600),
    ("POSLOGS_OVERLAP_SECONDS", "lookback", 0, 600),
    ("POSLOGS_POLL_SECONDS", "poll_seconds", 1, 300),
]


def test_nothing_set_is_the_contract_s_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are 127.0.0.1:3030, a heartbeat of 15 s, pages of localhost, and clients.json of this checkout."""
    monkeypatch.chdir(tmp_path)
    read = Settings.read({})
    assert (read.host, read.port, read.heartbeat) == ("127.0.0.1", 3030, 15.0)
    assert read.cors_origins == ["http://localhost:*", "http://127.0.0.1:*"]
    assert read.clients_file == read.first_clients_file == ROOT / "clients.json"
    assert (ROOT / "wsgi.py").exists()
    assert (read.config_file, read.mpkit_url, read.mpkit_email, read.mpkit_token) == ("", "", "", "")
    assert read.mpkit_env == "default"
    assert (read.max_streams, read.proxy_hops, read.lookback, read.poll_seconds) == (None, 0, 30.0, 30.0)
    assert (read.window_bytes, read.poll_bytes) == (16 << 20, 32 << 20)
    assert read.log_level == "INFO"


def test_clients_json_in_the_working_directory_is_found_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then comes the one shipped with poslogs. A named one wins over both."""
    (tmp_path / "clients.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    assert Settings.read({}).clients_file.resolve() == (tmp_path / "clients.json").resolve()
    assert Settings.read({"POSLOGS_CLIENTS_FILE": "/etc/poslogs/clients.json"}).clients_file == Path(
        "/etc/poslogs/clients.json"
    )


def test_an_empty_variable_counts_as_not_set() -> None:
    """Compose files and unit files leave variables empty."""
    empty = {setting.variable: " " for setting in SETTINGS}
    assert Settings.read(empty) == Settings.read({})


def test_values_are_what_was_set() -> None:
    """Each variable reaches its field, with blanks around it dropped."""
    read = Settings.read(
        {
            "HOST": " 0.0.0.0 ",
            "PORT": "8080",
            "CONFIG_FILE_PATH": "/srv/.pos",
            "MPKIT_URL": "https://a.example.com",
            "MPKIT_EMAIL": "a@example.com",
            "MPKIT_TOKEN": "t",
            "MPKIT_ENV": "ci",
            "POSLOGS_HEARTBEAT_SECONDS": "0.5",
            "POSLOGS_CORS_ORIGINS": "https://a.example.com , ,*",
            "POSLOGS_MAX_STREAMS": "100",
            "POSLOGS_PROXY_HOPS": "1",
            "POSLOGS_WINDOW_MB": "2",
            "POSLOGS_OVERLAP_SECONDS": "60",
            "POSLOGS_POLL_SECONDS": "2.5",
            "POSLOGS_POLL_MB": "3",
            "POSLOGS_POLL_ROWS": "500",
            "POSLOGS_LOG_LEVEL": "Warning",
        }
    )
    assert (read.host, read.port, read.config_file) == ("0.0.0.0", 8080, "/srv/.pos")
    assert (read.mpkit_url, read.mpkit_email, read.mpkit_token, read.mpkit_env) == (
        "https://a.example.com",
        "a@example.com",
        "t",
        "ci",
    )
    assert (read.heartbeat, read.lookback, read.poll_seconds) == (0.5, 60.0, 2.5)
    assert read.cors_origins == ["https://a.example.com", "*"]
    assert (read.max_streams, read.proxy_hops) == (100, 1)
    assert (read.window_bytes, read.poll_bytes, read.log_level) == (2 << 20, 3 << 20, "WARNING")
    assert read.poll_rows == 500


def test_the_process_s_own_variables_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are read when no others are handed in."""
    monkeypatch.setenv("PORT", "4040")
    assert Settings.read().port == 4040


@pytest.mark.parametrize(("variable", "name", "low", "high"), NUMBERS)
def test_bounds_are_inside_and_what_lies_beyond_is_named(variable: str, name: str, low: float, high: float) -> None:
    """The least and the most are taken. Anything else gives a sentence that starts with the variable."""
    for good in (low, high):
        assert getattr(Settings.read({variable: str(good)}), name) == (
            None if (name, good) == ("max_streams", 0) else good
        )
    for bad in (str(low - 1), str(high + 1), "many", "1e999", "nan", "0x10", "1;2"):
        with pytest.raises(ConfigError, match=f"^{variable} must be ") as error:
            Settings.read({variable: bad})
        assert str(error.value).endswith(".")
        assert str(error.value).count("\n") == 0


@pytest.mark.parametrize("variable", ["POSLOGS_WINDOW_MB", "POSLOGS_POLL_MB"])
@pytest.mark.parametrize("bad", ["0", "-1", "5000", "1.5", "big"])
def test_sizes_are_whole_mebibytes(variable: str, bad: str) -> None:
    """They must be within their bounds."""
    with pytest.raises(ConfigError, match=f"^{variable} must be "):
        Settings.read({variable: bad})


def test_a_level_is_one_of_four() -> None:
    """Other levels that logging would take are refused."""
    with pytest.raises(ConfigError, match=r"^POSLOGS_LOG_LEVEL must be debug, info, warning or error, not 'loud'\.$"):
        Settings.read({"POSLOGS_LOG_LEVEL": "loud"})


def test_no_token_shows_when_settings_are_printed() -> None:
    """A traceback or a log line may hold settings."""
    read = Settings.read({"MPKIT_TOKEN": "hidden-token"})
    assert "hidden-token" not in repr(read)
    assert "hidden-token" not in f"{read}"


def test_a_setting_is_one_field_with_its_variable_default_bounds_and_meaning() -> None:
    """A field that a class adds is read by `read` like all others, and refused in the same words."""

    @dataclass(frozen=True)
    class More(Settings):
        colours: int = count("POSLOGS_COLOURS", 3, (1, 7), "how many colours, {bounds}")

    assert More.read({}) == More()
    assert (More.read({}).colours, More.read({"POSLOGS_COLOURS": "7"}).colours) == (3, 7)
    with pytest.raises(ConfigError, match=r"^POSLOGS_COLOURS must be from 1 to 7, not 8\.$"):
        More.read({"POSLOGS_COLOURS": "8"})


def test_every_setting_has_a_name_a_default_and_a_meaning() -> None:
    """Variables are unique, defaults pass their own check, and each fills a field."""
    names = [setting.variable for setting in SETTINGS]
    assert len(set(names)) == len(names) == len(fields(Settings))
    for setting in SETTINGS:
        assert len(setting.meaning) > 10
        setting.parse(setting.default)
        if setting.unit:
            assert setting.meaning.count(setting.unit) == 1, setting.variable


@tries(200)
@given(st.sampled_from([setting.variable for setting in SETTINGS]), st.text(max_size=40))
def test_any_text_is_a_value_or_a_sentence(variable: str, text: str) -> None:
    """This holds whatever an operator's file has; numbers are numbers."""
    read, sentence = Settings.read({}), f"{variable} must be "
    try:
        read = Settings.read({variable: text})
    except ConfigError as error:
        sentence = str(error)
    assert sentence.startswith(f"{variable} must be ")
    assert math.isfinite(read.heartbeat + read.lookback + read.poll_seconds)
    assert read.window_bytes >= 1 << 20


@pytest.mark.parametrize(
    "origin",
    [
        "https://logs.example.com",
        "http://localhost:*",
        "https://*.example.com:8443",
        "http://[::1]:5173",
        "app://-",
        "*",
    ],
)
def test_origins_are_taken_as_browsers_send_them(origin: str) -> None:
    """An origin is a scheme, a host and perhaps a port, with a star for anything."""
    assert Settings.read({"POSLOGS_CORS_ORIGINS": f" {origin} , *"}).cors_origins == [origin, "*"]


@pytest.mark.parametrize(
    "origin", ["localhost:3000", "https//example.com", "https://example.com/", "https://a b", "null", "https://", "**"]
)
def test_what_no_browser_sends_is_no_origin(origin: str) -> None:
    """Such an origin would never match, so the start is refused."""
    with pytest.raises(ConfigError) as error:
        Settings.read({"POSLOGS_CORS_ORIGINS": f"*, {origin}"})
    assert str(error.value) == (
        f"POSLOGS_CORS_ORIGINS must be origins such as https://example.com, separated by commas, not {origin!r}."
    )


def test_a_variable_that_is_misspelt_is_told_with_the_nearest() -> None:
    """Only variables that look like ours are checked, and only wrong ones are reported."""
    given = {"POSLOGS_HEARTBEAT_SECOND": "5", "POSLOGS_POLL_MB": "3", "POSLOGS_XYZZY": "1", "HOSTS": "a"}
    assert misspelt(given) == [
        "POSLOGS_HEARTBEAT_SECOND is not a setting of poslogs and has no effect; is POSLOGS_HEARTBEAT_SECONDS meant?",
        "POSLOGS_XYZZY is not a setting of poslogs and has no effect; `python -m poslogs settings` lists all.",
    ]


def test_proxies_are_addresses_and_networks() -> None:
    """Loopback is the default. IPv4 inside IPv6 counts too; text that is not an address is in no network."""
    assert "127.0.0.1" in Settings.read({}).proxies
    assert "203.0.113.9" not in Settings.read({}).proxies
    read = Settings.read({"POSLOGS_PROXIES": "10.0.0.0/8, 192.0.2.7 ,2001:db8::/32"})
    for address in ("10.1.2.3", "192.0.2.7", "::ffff:10.0.0.1", "2001:db8::1%eth0"):
        assert address in read.proxies, address
        assert read.site(address) is None, address
    for address in ("127.0.0.1", "192.0.2.8", "", "proxy"):
        assert address not in read.proxies, address
    assert read.site("2001:db9::1:2:3:4") == read.site("2001:db9::9") == "2001:db9::/64"
    with pytest.raises(ConfigError, match=r"^POSLOGS_PROXIES must be addresses or networks"):
        Settings.read({"POSLOGS_PROXIES": "my-proxy"})
