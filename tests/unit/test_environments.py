"""What environments promise: pos-cli's files, one more from variables, else the demo."""

from __future__ import annotations

import json
import logging
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from poslogs.cli import main
from poslogs.errors import ConfigError
from poslogs.platformos.environments import MAX_NAME_CHARS, MAX_REPORTED, Environment, Environments
from poslogs.settings import Settings
from tests.support.tries import tries

STAGING = {"url": "https://staging.example.com", "email": "me@example.com", "token": "t1"}
VARIABLES = {"MPKIT_URL": "https://ci.example.com/", "MPKIT_EMAIL": "ci@example.com", "MPKIT_TOKEN": "t2"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, empty."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def environments(**variables: str) -> Environments:
    return Environments(Settings.read(variables))


def write(folder: Path, value: object, name: str = ".pos") -> Path:
    path = folder / name
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def test_pos_cli_s_file_is_read_as_it_is(folder: Path) -> None:
    """The file has several environments, keys that we do not use, and a url with a slash at its end."""
    write(
        folder, {"staging": {**STAGING, "url": "https://staging.example.com/"}, "production": {**STAGING, "other": [1]}}
    )
    found = environments()
    assert list(found.all()) == ["staging", "production"]
    assert found.get("staging") == Environment("staging", "https://staging.example.com", "me@example.com", "t1")
    assert found.get("nowhere") is None
    assert found.source == ".pos"


def test_the_files_are_looked_for_as_pos_cli_does(folder: Path) -> None:
    """The order is CONFIG_FILE_PATH, .pos, .marketplace-kit."""
    write(folder, {"old": STAGING}, ".marketplace-kit")
    assert list(environments().all()) == ["old"]
    write(folder, {"new": STAGING})
    assert list(environments().all()) == ["new"]
    named = write(folder, {"named": STAGING}, "elsewhere.json")
    assert list(environments(CONFIG_FILE_PATH=str(named)).all()) == ["named"]


def test_without_any_the_demo_is_served_and_says_so() -> None:
    """The demo is staging and production, simulated."""
    found = environments()
    assert list(found.all()) == ["staging", "production"]
    assert all(environment.demo for environment in found.all().values())
    assert found.source == "demo"


def test_one_more_comes_from_variables(folder: Path) -> None:
    """It comes alone or beside a file, is named by MPKIT_ENV, and ends the demo."""
    assert environments(**VARIABLES).all() == {
        "default": Environment("default", "https://ci.example.com", "ci@example.com", "t2")
    }
    write(folder, {"staging": STAGING})
    found = environments(**VARIABLES, MPKIT_ENV="ci")
    assert list(found.all()) == ["staging", "ci"]
    assert found.source == ".pos and MPKIT_URL"


@pytest.mark.parametrize("missing", list(VARIABLES))
def test_half_of_the_variables_is_a_mistake(missing: str) -> None:
    """The sentence names what is not set."""
    with pytest.raises(ConfigError, match=f"^{missing} must be set too, or none of the MPKIT_\\* variables.$"):
        environments(**{name: value for name, value in VARIABLES.items() if name != missing})


def test_a_named_file_that_is_missing_is_a_mistake(folder: Path) -> None:
    """The demo does not replace it."""
    with pytest.raises(ConfigError, match=r"nowhere\.json cannot be read"):
        environments(CONFIG_FILE_PATH=str(folder / "nowhere.json"))


def test_a_file_that_appears_ends_the_demo(folder: Path) -> None:
    """`pos-cli env add` may run beside the server. A half written file is left for the next look."""
    found = environments()
    assert found.refresh() is False
    write(folder, '{"staging": {"url"')
    assert found.refresh() is False
    assert found.source == "demo"
    write(folder, {"mine": STAGING})
    assert found.refresh() is True
    assert list(found.all()) == ["mine"]
    assert found.source == ".pos"


def test_a_renewed_token_is_read_without_a_restart(folder: Path) -> None:
    """`pos-cli env refresh-token` writes the file anew. With a broken file the last good environments stay."""
    write(folder, {"staging": STAGING})
    found = environments()
    write(folder, {"staging": {**STAGING, "token": "renewed-token"}})
    assert found.refresh() is True
    renewed = found.get("staging")
    assert renewed is not None
    assert renewed.token == "renewed-token"
    write(folder, "{")
    assert found.refresh() is False
    assert found.get("staging") is renewed


def test_an_environment_is_told_as_its_file_has_it_at_that_moment(folder: Path) -> None:
    """Whoever asks may have been refused with what was read before. What is served stays until it is read again."""
    write(folder, {"staging": STAGING})
    found = environments()
    served = found.get("staging")
    write(folder, {"staging": {**STAGING, "token": "renewed-token"}})
    fresh = found.fresh("staging")
    assert fresh is not None
    assert fresh.token == "renewed-token"
    assert found.get("staging") is served
    assert found.fresh("production") is None
    write(folder, "{")
    assert found.fresh("staging") is None


def test_nothing_is_fresher_than_the_demo_or_a_variable(folder: Path) -> None:
    """No file has them."""
    assert environments().fresh("staging") is None
    write(folder, {"staging": STAGING})
    assert environments(**VARIABLES, MPKIT_ENV="staging").fresh("staging") is None


def test_no_token_shows_when_an_environment_is_printed() -> None:
    """A log line may hold an environment."""
    assert "hidden" not in repr(Environment("staging", "https://a.example.com", "me@example.com", "hidden"))


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({"a": {}, "b": STAGING["url"]}, "environment a has no url; run `pos-cli env add a`."),
        ([], 'it must be an object such as {"staging": {"url": …, "email": …, "token": …}}.'),
        ({}, 'it must be an object such as {"staging": {"url": …, "email": …, "token": …}}.'),
        ({"": STAGING}, "an environment's name has 1 to 100 characters."),
        ({"x" * (MAX_NAME_CHARS + 1): STAGING}, "an environment's name has 1 to 100 characters."),
        ({"a": "https://x"}, "environment a must be an object with url, email and token."),
        ({"a": {**STAGING, "url": ""}}, "environment a has no url; run `pos-cli env add a`."),
        ({"a": {**STAGING, "url": 5}}, "environment a has no url; run `pos-cli env add a`."),
        ({"a": {**STAGING, "token": None}}, "environment a has no token; run `pos-cli env add a`."),
        ({"a": {**STAGING, "token": " "}}, "environment a has no token; run `pos-cli env add a`."),
        (
            {"a": {**STAGING, "url": "staging.example.com"}},
            "the url of environment a must be like https://example.com.",
        ),
        ({"a": {**STAGING, "url": "ftp://example.com"}}, "the url of environment a must be like https://example.com."),
        ({"a": {**STAGING, "url": "https://"}}, "the url of environment a must be like https://example.com."),
        ({"a": {**STAGING, "url": "https://u:p@e.com"}}, "the url of environment a must be like https://example.com."),
        ({"a": {**STAGING, "url": "https://e.com:x"}}, "the url of environment a must be like https://example.com."),
        (
            {"a": {**STAGING, "url": "https://e.com:99999"}},
            "the url of environment a must be like https://example.com.",
        ),
        ({"a": {**STAGING, "url": "https://[::1"}}, "the url of environment a must be like https://example.com."),
        (
            {"a": {**STAGING, "token": "x\r\nHost: evil"}},
            "environment a has characters in its url, email or token that no header can carry.",
        ),
        (
            {"a": {**STAGING, "token": "tökén"}},
            "environment a has characters in its url, email or token that no header can carry.",
        ),
        (
            {"a": {**STAGING, "email": "me@example.com\nX: y"}},
            "environment a has characters in its url, email or token that no header can carry.",
        ),
    ],
)
def test_what_is_wrong_is_named_with_the_file(folder: Path, value: object, sentence: str) -> None:
    """One sentence says which environment and what to change."""
    write(folder, value)
    with pytest.raises(ConfigError) as error:
        environments()
    assert str(error.value) == f".pos: {sentence}"


UNFINISHED: dict[str, tuple[object, str]] = {
    "no token yet": ({"url": "https://a.example.com", "email": "me@example.com"}, "has no token; run `pos-cli env add"),
    "$schema": ("https://example.com/pos.json", "environment $schema must be an object"),
    "no scheme": ({**STAGING, "url": "a.example.com"}, "the url of environment no scheme must be like"),
    "list": ([STAGING], "environment list must be an object"),
    "null": (None, "environment null must be an object"),
    "a line break": ({**STAGING, "token": "t1\r\nX: y"}, "that no header can carry"),
    "": (STAGING, "an environment's name has 1 to 100 characters"),
    "x" * 5000: (STAGING, "an environment's name has 1 to 100 characters"),
}


@pytest.mark.parametrize("name", list(UNFINISHED), ids=lambda name: name[:20])
def test_one_that_cannot_be_used_is_named_and_the_others_are_served(folder: Path, name: str) -> None:
    """This holds at the start, and when the same edit renews another's token."""
    fields, sign = UNFINISHED[name]
    write(folder, {"production": STAGING, name: fields})
    found = environments()
    assert list(found.all()) == ["production"]
    ((told, sentence),) = found.unusable.items()
    assert (told[:100], sign in sentence) == (name[:100], True)
    assert len(told) <= MAX_NAME_CHARS + 1
    assert "t1" not in sentence
    write(folder, {name: fields, "production": {**STAGING, "token": "renewed"}})
    assert found.refresh() is True
    renewed = found.get("production")
    assert renewed is not None
    assert renewed.token == "renewed"
    write(folder, {"production": STAGING})
    assert found.refresh() is True
    assert found.unusable == {}


def test_what_cannot_be_used_is_logged_once_and_again_when_it_changes(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Each has a line with its file; of thousands only the first have one."""

    def told() -> list[str]:
        """What this thread has logged; the loop of an app that another test made may read the same file."""
        return [record.getMessage() for record in caplog.records if record.thread == threading.get_ident()]

    write(folder, {"good": STAGING, "half": {"url": "https://a.example.com"}})
    with caplog.at_level(logging.ERROR, "poslogs.files"):
        found = environments()
        found.report()
        write(folder, {"good": {**STAGING, "token": "renewed"}, "half": {"url": "https://a.example.com"}})
        assert found.refresh() is True
        assert told() == [".pos: environment half has no token; run `pos-cli env add half`. The others are served."]
        write(folder, {"good": STAGING, "half": {"token": "t1"}})
        assert found.refresh() is True
        assert "environment half has no url" in told()[-1]
        write(folder, {"good": STAGING, **{f"stray {number}": number for number in range(1000)}})
        assert found.refresh() is True
    assert len(told()) == 2 + MAX_REPORTED + 1
    assert told()[-1] == f".pos: {1000 - MAX_REPORTED} more environments cannot be used."


def test_a_check_names_what_would_not_be_served_and_succeeds(folder: Path) -> None:
    """`poslogs check` succeeds: a start would work, without that environment."""
    write(folder, {"good": STAGING, "half": {"url": "https://a.example.com"}})
    (folder / "clients.json").write_text('{"a": {"token": "a-token-of-some-length"}}')
    (folder / "clients.json").chmod(0o600)
    checked = CliRunner().invoke(main, ["check"], env={"PORT": "0"})
    assert checked.exit_code == 0, checked.output
    assert checked.stderr == "environment half has no token; run `pos-cli env add half`.\n"
    assert checked.stdout.endswith("it would serve good.\n")


def test_one_from_variables_takes_the_place_of_one_that_cannot_be_used(folder: Path) -> None:
    """Nothing is wrong with that name then."""
    write(folder, {"good": STAGING, "ci": {}})
    found = environments(**VARIABLES, MPKIT_ENV="ci")
    assert list(found.all()) == ["good", "ci"]
    assert found.unusable == {}


@pytest.mark.parametrize("url", ["https://exa mple.com", "https://example.com?x=1", "https://example.com#part"])
def test_a_url_that_cannot_be_asked_is_named(folder: Path, url: str) -> None:
    """An address is refused if `/api/app_builder/logs` cannot be added to it."""
    write(folder, {"a": {**STAGING, "url": url}})
    with pytest.raises(ConfigError, match="the url of environment a must be like"):
        environments()


def test_a_link_that_leads_nowhere_is_a_mistake_and_no_demo(folder: Path) -> None:
    """The link shows that a `.pos` was meant to be here."""
    (folder / ".pos").symlink_to(folder / "gone")
    with pytest.raises(ConfigError, match=r"\.pos cannot be read"):
        environments()


def test_an_email_may_be_missing_or_international(folder: Path) -> None:
    """The email only says who asks."""
    write(folder, {"a": {**STAGING, "email": None}, "b": {"url": "http://b.example.com:8080/base/", "token": "t"}})
    found = environments()
    a, b = found.get("a"), found.get("b")
    assert a is not None
    assert b is not None
    assert (a.email, b.email, b.url) == ("", "", "http://b.example.com:8080/base")
    write(folder, {"a": {**STAGING, "email": "josé@example.com"}})
    assert environments().get("a") is not None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "url": st.sampled_from(["https://a.example.com", "http://[::1]:80", "https://a:b"])
        | st.text(max_size=20).map("https://".__add__)
        | JSON,
        "email": st.text(max_size=10) | JSON,
        "token": st.text(max_size=10) | JSON,
    },
)


@tries(200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.dictionaries(st.text(max_size=8), FIELDS | JSON, max_size=3) | JSON)
def test_any_json_is_environments_or_a_sentence(folder: Path, value: object) -> None:
    """Values that are taken can be in headers."""
    write(folder, value)
    served, sentence = {}, ".pos"
    try:
        served = dict(environments().all())
    except ConfigError as error:
        sentence = str(error)
    assert sentence.startswith(".pos")
    for environment in served.values():
        for text in (environment.url, environment.token):
            assert text.isascii()
            assert text.isprintable()
        assert not environment.url.endswith("/")
