"""The gateway: our way to one environment's log, with one question: what came after this id?"""

from __future__ import annotations

import time
from collections.abc import Callable, Container
from email.utils import parsedate_to_datetime
from typing import Any, Final, Protocol

import requests
from urllib3.exceptions import HTTPError

from poslogs import __version__
from poslogs.deadlines import DEADLINES
from poslogs.platformos import answers, entries
from poslogs.platformos.bounded_adapter import BoundedAdapter, Late, TooLarge
from poslogs.platformos.entries import Page
from poslogs.platformos.environments import Environment

CONNECT_SECONDS: Final = 3.05
MAX_RETRY_AFTER: Final = 300.0  # seconds; platformOS may ask for no longer pause


class GatewayError(Exception):
    """A poll that brought nothing; the message is a sentence for readers, without any token.

    `refused`: the environment's token is not accepted, and trying again is of no use.
    `retry_after`: seconds that platformOS asked us to wait, if it did.
    """

    def __init__(self, sentence: str, *, refused: bool = False, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.refused = refused
        self.retry_after = retry_after


class Unclear(GatewayError):
    """An answer that tells nothing of the log: no list of rows, or rows of which none has a usable id.

    It is no end of the log: ask again. `page` says why its rows are none.
    """

    def __init__(self, env: str, page: Page) -> None:
        super().__init__(f"platformOS answered without usable log rows for environment {env}.")
        self.page = page


def whole(page: Page, env: str) -> Page:
    """The page, where it tells what is there: only then does no row past a position mean the end. Raises Unclear."""
    if not page.whole:
        raise Unclear(env, page)
    return page


class Gateway(Protocol):
    """Anything that can be asked what one environment's log holds."""

    def after(self, last_id: int, known: Container[int] = ()) -> Page:
        """What platformOS lists past `last_id`, without the rows `known`; at most one request. Raises GatewayError."""

    def close(self) -> None:
        """Give the connection back."""


class HttpGateway:
    """A gateway over HTTP, for one caller at a time; its connection is kept alive.

    A poll is bounded by `seconds` in all and by `max_bytes` (inflated), whatever the other side does; of a longer
    answer the first `max_rows` rows are taken.
    """

    def __init__(
        self, environment: Environment, *, seconds: float, max_bytes: int, max_rows: int = answers.MOST_ROWS
    ) -> None:
        self._environment = environment
        self._seconds = seconds
        self._max_bytes = max_bytes
        self._max_rows = max_rows
        self._session = requests.Session()
        self._session.trust_env = False  # a .netrc entry would replace our Authorization (hosting.md, section 10)
        self._prepared: requests.PreparedRequest | None = None
        self._address = ""  # all of its url but the id
        self._wire = BoundedAdapter()
        self._session.mount("http://", self._wire)
        self._session.mount("https://", self._wire)

    def after(self, last_id: int, known: Container[int] = ()) -> Page:
        """What platformOS lists past `last_id`, without the rows `known`; exactly one request.

        Raises GatewayError when it did not answer in full, in time and within bounds.
        """
        status, headers, body = self._get(last_id)
        name = self._environment.name
        if status in (401, 403):
            raise GatewayError(
                f"platformOS refused the token of environment {name}; run `pos-cli env refresh-token {name}`.",
                refused=True,
            )
        if 300 <= status < 400:
            raise GatewayError(f"platformOS redirects environment {name} elsewhere; check its url in .pos.")
        wait = _retry_after(headers.get("Retry-After"))
        if status in (404, 405, 410):  # no such path: something stands between the address and ours
            raise GatewayError(
                f"platformOS answered {status} for environment {name}; "
                "check its url in .pos: it should be the site's address alone, such as https://example.com.",
                retry_after=wait,
            )
        if status != 200:
            raise GatewayError(f"platformOS answered {status} for environment {name}.", retry_after=wait)
        try:
            rows = answers.rows(body, last_id, self._max_rows)
        except answers.NotALog as error:
            raise GatewayError(f"platformOS answered {error} for environment {name}.") from None
        del body  # not to be held while its rows are read
        return entries.read(rows, name, known)

    def close(self) -> None:
        """Close the connection; a later question opens a new one."""
        self._session.close()

    def _question(self, last_id: int) -> requests.PreparedRequest:
        # Prepared once, as questions differ in the id alone: that halves what requests takes of a poll.
        env = self._environment
        if self._prepared is None:
            headers = {
                "Authorization": f"Token {env.token}",
                "InstanceDomain": env.url,
                "From": env.email.encode(),  # bytes pass any charset
                "User-Agent": f"poslogs/{__version__}",
                "Accept": "application/json",
                "Accept-Encoding": "gzip",
            }
            self._prepared = requests.Request("GET", f"{env.url}/api/app_builder/logs?last_id=", headers).prepare()
            self._address = self._prepared.url or ""
        self._prepared.url = f"{self._address}{last_id}"
        return self._prepared

    def _get(self, last_id: int) -> tuple[int, Any, bytes | bytearray]:
        name = self._environment.name
        late = False

        def cut() -> None:
            nonlocal late
            late = True
            self._wire.cut()

        self._wire.allow(self._seconds, self._max_bytes)
        try:
            with (
                DEADLINES.within(self._seconds, cut),
                self._session.send(
                    self._question(last_id),
                    stream=True,
                    timeout=(min(CONNECT_SECONDS, self._seconds), self._seconds),
                    allow_redirects=False,
                ) as response,
            ):
                body = self._wire.body(response) if response.status_code == 200 else b""
                answer = response.status_code, response.headers, body
        except TooLarge:
            raise GatewayError(
                f"platformOS answered more than {self._max_bytes >> 20} MiB for environment {name}."
            ) from None
        except Late:
            late = True
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            if not late:
                raise GatewayError(f"Connection failed: environment {name} {_reason(error)}.") from error
        if late:  # whatever came after the cut is not to be trusted
            raise GatewayError(f"platformOS did not answer for environment {name} within {self._seconds:g} s.")
        return answer


def _retry_after(text: str | None, now: Callable[[], float] = time.time) -> float | None:
    """Seconds of a Retry-After header in either form (RFC 9110, section 10.2.3), 0 to MAX_RETRY_AFTER."""
    if not text:
        return None
    try:
        seconds = float(text) if text.strip().isdigit() else parsedate_to_datetime(text).timestamp() - now()
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER)


def _reason(error: Exception) -> str:
    text = repr(error)
    for sign, reason in _REASONS:
        if sign in text:
            return reason
    return "could not be reached"


_REASONS: Final = (
    ("NameResolution", "has an address that no name server knows"),
    ("CERTIFICATE", "has a certificate that is not valid"),
    ("SSL", "could not agree on TLS"),
    ("refused", "refused the connection"),
    ("imed out", "did not answer in time"),
    ("reset", "reset the connection"),
    ("RemoteDisconnected", "closed the connection"),
    ("IncompleteRead", "broke off its answer"),
    ("decod", "sent an answer that cannot be decompressed"),
)
