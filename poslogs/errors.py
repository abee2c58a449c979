"""Refusals: every way in which a request is turned down, in one shape on the wire."""

from __future__ import annotations

from collections.abc import Mapping


class ConfigError(Exception):
    """What keeps the server from starting, as one sentence that says what to change."""


class Refusal(Exception):
    """A request that is turned down; the message is one sentence for the caller.

    It never holds a token, a path of the server or a traceback: the cause goes to our log.
    """

    status = 400

    def __init__(self, sentence: str, *, retry_after: int | None = None, more: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.retry_after = retry_after  # seconds
        self._more = dict(more or {})

    @property
    def headers(self) -> dict[str, str]:
        """Headers that belong to this refusal (RFC 9110, sections 10.2.3 and 11.6.1)."""
        return self._more | ({} if self.retry_after is None else {"Retry-After": str(self.retry_after)})


class BadInput(Refusal):
    """The body or a header is not what the tool takes."""


class UnknownEnvironment(Refusal):
    """The named environment is not configured."""


class UnusableEnvironment(Refusal):
    """The named environment is configured, but not so that it could be read."""


class Unauthorized(Refusal):
    """No token, or one that is not in clients.json."""

    status = 401

    def __init__(self, sentence: str, *, sent: bool) -> None:
        super().__init__(sentence)
        self.sent = sent

    @property
    def headers(self) -> dict[str, str]:
        """The challenge of RFC 6750, section 3."""
        return {"WWW-Authenticate": 'Bearer realm="poslogs"' + (', error="invalid_token"' if self.sent else "")}


class Forbidden(Refusal):
    """The token is right, but not for this."""

    status = 403


class NotFound(Refusal):
    """No such tool, no such path."""

    status = 404


class NotAcceptable(Refusal):
    """The client accepts no form that an answer could have."""

    status = 406


class BodyLate(Refusal):
    """The request's body did not come in time."""

    status = 408


class BodyTooLarge(Refusal):
    """The request's body is larger than any tool's input."""

    status = 413


class NotJson(Refusal):
    """The Content-Type is not JSON."""

    status = 415


class Misdirected(Refusal):
    """The request names a host that this server is not."""

    status = 421


class TooMany(Refusal):
    """More requests or streams than the client may have."""

    status = 429


class TokenRefused(Refusal):
    """platformOS does not accept the environment's token: trying again does not help before it is renewed."""

    status = 502


class Unavailable(Refusal):
    """The server, or platformOS, cannot answer now."""

    status = 503
