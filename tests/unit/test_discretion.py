"""What log lines leave out: tokens by form and by value, quotations of strangers, and the hundredth of a kind."""

from __future__ import annotations

import io
import logging

import pytest
from gunicorn.glogging import SafeAtoms

from poslogs.servers import discretion
from poslogs.servers.discretion import MOST_LINES, DiscreetAtoms, Discretion, Restraint

TOKEN = "s3cret/token+of=mine"  # of the signs that words are parted at
UNKNOWN = "Zm9yZWlnbi10b2tlbg"


@pytest.fixture
def hiding() -> Discretion:
    """A filter that knows TOKEN."""
    it = Discretion()
    it.is_token = lambda word: word == TOKEN
    return it


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization Bearer {UNKNOWN}",
        f"Error handling request GET /?token={UNKNOWN}&x=1",
        f"GET /?access_token%3D{UNKNOWN}",
        f'{{"token": "{UNKNOWN}"}} was refused',
        f"authorization: Basic {UNKNOWN}",
        f"BEARER\t{UNKNOWN}, and more",
        f"/call?auth=Bearer%20{UNKNOWN}",
        f"password={UNKNOWN}",
        f"x-api-key: {UNKNOWN}",
        f"GET /{TOKEN} HTTP/1.1",
        f"GET /a/b/{TOKEN}?x=y",
        f"GET /?x={TOKEN}&y=1",
        "GET /?x=s3cret%2Ftoken%2Bof%3Dmine",
        f"of ({TOKEN}), it seems",
        f"mine is {TOKEN}.",
    ],
)
def test_a_token_is_hidden_whatever_its_form(hiding: Discretion, text: str) -> None:
    """It is known by what comes before it, or by its value."""
    told = hiding.hide(text)
    for secret in (UNKNOWN, TOKEN, "s3cret"):
        assert secret not in told
    assert "[hidden]" in told


@pytest.mark.parametrize(
    "text",
    [
        "The token of environment staging was refused; run `pos-cli env refresh-token staging`.",
        'clients.json: it must be an object such as {"default": {"token": "…", "name": "…"}}.',
        "A request to /call failed.",
    ],
)
def test_our_own_sentences_stay_as_they_are(hiding: Discretion, text: str) -> None:
    """They speak of tokens, and hold none."""
    assert hiding.hide(text) == text


@pytest.mark.parametrize("quoted", ["'a strange header x'", "b'GET / HTTP'", '"it\'s"'])
def test_what_a_stranger_wrote_is_not_quoted(hiding: Discretion, quoted: str) -> None:
    """gunicorn's line of a bad head ends before its quotation."""
    line = f"Invalid request from ip=127.0.0.1: Invalid HTTP Header: {quoted}"
    assert hiding.hide(line) == "Invalid request from ip=127.0.0.1: Invalid HTTP Header"


def test_a_long_message_is_cut_and_a_word_of_signs_costs_little(hiding: Discretion) -> None:
    """Four thousand characters stay, and the number of the others."""
    told = hiding.hide("a" * 10_000 + "/" * 10_000)
    assert len(told) < 4100
    assert told.endswith("(16000 characters more)")
    seen = []
    hiding.is_token = lambda word: bool(seen.append(word))  # type: ignore[func-returns-value]
    hiding.hide("/abcdefg" * 450)
    assert len(seen) < 2000


def test_tracebacks_are_hidden_from_too(hiding: Discretion) -> None:
    """An error's message is part of its traceback. Arguments that do not fit are left to logging."""
    out = io.StringIO()
    logger = logging.Logger("test")
    handler = logging.StreamHandler(out)
    logger.addHandler(handler)
    logger.addFilter(hiding)
    try:
        raise ValueError(f"no: {TOKEN}, Bearer {UNKNOWN}")
    except ValueError:
        logger.exception("it failed with %s", TOKEN)
    told = out.getvalue()
    assert "Traceback" in told
    assert "ValueError: no: [hidden]" in told
    assert TOKEN not in told
    assert UNKNOWN not in told


def test_lines_of_one_kind_are_few_a_minute_and_the_rest_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other kinds, and CRITICAL, come through meanwhile. A minute later the next line says how many were left out."""
    now = [0.0]
    monkeypatch.setattr(discretion.time, "monotonic", lambda: now[0])
    out = io.StringIO()
    logger = logging.Logger("test")
    logger.addHandler(logging.StreamHandler(out))
    logger.addFilter(Restraint())
    for number in range(1000):
        logger.warning(f"Invalid request from ip={number}")
    logger.warning("Another kind")
    for _ in range(MOST_LINES + 5):
        logger.critical("All is lost")
    lines = out.getvalue().splitlines()
    assert len([line for line in lines if line.startswith("Invalid")]) == MOST_LINES
    assert lines[MOST_LINES - 1].endswith("(more like it are left out for a minute)")
    assert "Another kind" in lines
    assert lines.count("All is lost") == MOST_LINES + 5
    now[0] = 61.0
    logger.warning("Invalid request from ip=x")
    assert out.getvalue().splitlines()[-1] == (
        f"Invalid request from ip=x ({1000 - MOST_LINES} more like it were left out)"
    )
    for number in range(1000):
        logger.warning(f"{number} is a kind of its own, as all of these are")
    assert len(out.getvalue().splitlines()) < 200


def test_an_access_line_names_no_user_and_no_credentials() -> None:
    """Nor do other atoms that hold the same secret."""

    class Both(DiscreetAtoms, SafeAtoms):
        pass

    atoms = Both(
        {"u": UNKNOWN, "r": f"GET /{UNKNOWN} HTTP/1.1", "{authorization}i": f"Bearer {UNKNOWN}", "{cookie}i": "a=b",
         "{http_authorization}e": f"Bearer {UNKNOWN}", "s": 200, "q": "x=1"}
    )  # fmt: skip
    access_log_format = "%(u)s %(r)s %({Authorization}i)s %({cookie}i)s %({HTTP_AUTHORIZATION}e)s %(s)s %(q)s %(x)s"
    line = access_log_format % atoms
    assert line == "- GET /[hidden] HTTP/1.1 [hidden] [hidden] [hidden] 200 x=1 -"
    basic = Both({"r": "GET /?a=someone-s-token", "{authorization}i": "Basic c29tZW9uZS1zLXRva2VuOng="})
    assert basic["r"] == "GET /?a=[hidden]"
