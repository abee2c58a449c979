"""Event streams without HTTP's chunked coding, for clients that would hold back what comes in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def send_unchunked(app: Callable[..., Any]) -> Callable[..., Any]:
    """The WSGI app under gunicorn, with event streams sent as plain bytes where a request says `Connection: close`.

    The end of the connection then ends the stream, as with HTTP/1.0 (RFC 9112, section 6.3). PHP's own streams send
    that header, and with them Guzzle's option `stream`: of a chunked body they hand out nothing before 8 KiB came.
    """

    def answer(environ: dict[str, Any], start_response: Any) -> Any:
        body = app(environ, start_response)
        if environ.get("HTTP_CONNECTION", "").strip().lower() == "close":
            response: Any = getattr(start_response, "__self__", None)  # gunicorn calls with a method of its response
            if getattr(response, "chunked", False) and is_event_stream(response):
                response.chunked = False
        return body

    return answer


def is_event_stream(response: Any) -> bool:
    """Whether the headers of a response of gunicorn's say that it is an event stream."""
    return any(
        name.lower() == "content-type" and value.startswith("text/event-stream")
        for name, value in list(response.headers)  # another thread may add to them
    )
