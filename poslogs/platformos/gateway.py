"""The gateway: one environment's log over HTTP, with one question: what came after this id?"""

from __future__ import annotations

from collections.abc import Container
from typing import Any, Final, Protocol

import requests
from urllib3.exceptions import HTTPError

from poslogs import __version__
from poslogs.deadlines import DEADLINES
from poslogs.platformos import answers, entries
from poslogs.platformos.bounded_adapter import BoundedAdapter, Late, TooLarge
from poslogs.platformos.entries import Page
from poslogs.platformos.environments import Environment
from poslogs.platformos.failures import reason_of, retry_after, untangle
from poslogs.platformos.work import Turn, nobody

CONNECT_SECONDS: Final = 3.05


class GatewayError(Exception):
    """A poll that brought no rows; the message is a sentence for readers, without any token.

    `refused`: platformOS does not accept the environment's token, so trying again does not help.
    `retry_after`: seconds that platformOS asked us to wait; None when it did not ask.
    `environment`: the credentials that were asked with, where that is known.
    """

    def __init__(self, sentence: str, *, refused: bool = False, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.refused = refused
        self.retry_after = retry_after
        self.environment: Environment | None = None


class Unclear(GatewayError):
    """An answer that says nothing about the log: without a list of rows, or with no row that has a usable id.

    It does not mean the end of the log: ask again. `page` says why its rows are not entries.
    """

    def __init__(self, env: str, page: Page) -> None:
        super().__init__(f"platformOS answered without usable log rows for environment {env}.")
        self.page = page


def whole(page: Page, env: str) -> Page:
    """The page, if it says what is in the log: only then does an empty page mean the end. Raises Unclear otherwise."""
    if not page.whole:
        raise Unclear(env, page)
    return page


class Gateway(Protocol):
    """Anything that can be asked what one environment's log holds."""

    def after(self, last_id: int, known: Container[int] = (), turn: Turn = nobody) -> Page:
        """What platformOS lists past `last_id`, without the rows `known`; at most one request. Raises GatewayError.

        `turn` is called once the answer is here, and whenever others have had a turn while it is read.
        """

    def close(self) -> None:
        """Close the connection; a later question opens a new one."""


class HttpGateway:
    """A gateway over HTTP, for one caller at a time; its connection is kept alive.

    Whatever platformOS does, a poll takes `seconds` at most and an answer `max_bytes` (inflated). Of more than
    `max_rows` rows, those with the lowest ids are taken.
    """

    def __init__(
        self, environment: Environment, *, seconds: float, max_bytes: int, max_rows: int = answers.MOST_ROWS
    ) -> None:
        self._environment = environment
        self._seconds = seconds
        self._max_bytes = max_bytes
        self._max_rows = max_rows
        self._session = requests.Session()
        self._session.trust_env = False  # else .netrc replaces our token (docs/decisions/0002-libraries.md)
        self._prepared: requests.PreparedRequest | None = None
        self._address = ""  # its url without the id
        self._wire = BoundedAdapter()
        self._session.mount("http://", self._wire)
        self._session.mount("https://", self._wire)

    def after(self, last_id: int, known: Container[int] = (), turn: Turn = nobody) -> Page:
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
        wait = retry_after(headers.get("Retry-After"))
        if status in (404, 405, 410):  # no such path, so this is not the address of a platformOS site
            raise GatewayError(
                f"platformOS answered {status} for environment {name}; "
                "check its url in .pos: it should be the site's address alone, such as https://example.com.",
                retry_after=wait,
            )
        if status != 200:
            raise GatewayError(f"platformOS answered {status} for environment {name}.", retry_after=wait)
        turn()
        try:
            rows = answers.rows(body, last_id, self._max_rows, turn)
        except answers.NotALog as error:
            raise GatewayError(f"platformOS answered {error} for environment {name}.") from None
        del body  # not to be held while its rows are read
        return entries.read(rows, name, known, turn)

    def close(self) -> None:
        """Close the connection; a later question opens a new one."""
        self._session.close()

    def _question(self, last_id: int) -> requests.PreparedRequest:
        # Prepared once, as questions differ only in the id: this halves the time that requests adds to a poll.
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
        except TooLarge as error:
            untangle(error)
            raise GatewayError(
                f"platformOS answered more than {self._max_bytes >> 20} MiB for environment {name}."
            ) from None
        except Late as error:
            untangle(error)
            late = True
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            reason = reason_of(error)
            untangle(error)
            if not late:
                raise GatewayError(f"Connection failed: environment {name} {reason}.") from None
        if late:  # an answer that came in spite of the cut may be incomplete
            raise GatewayError(f"platformOS did not answer for environment {name} within {self._seconds:g} s.")
        return answer
