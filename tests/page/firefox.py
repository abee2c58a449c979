"""Firefox for playwright: starts it, and answers in its place what playwright asks of every browser and Firefox lacks.

playwright drives the Firefox that people have by WebDriver BiDi, over a WebSocket. It sends COMMANDS to each window
that it opens, and takes no for a failure. Firefox ESR does not know them, and these tests do not need them. As a
program: `python firefox.py FIREFOX ARGUMENT...`; it ends when Firefox does.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from contextlib import suppress
from typing import Final

COMMANDS: Final = ("emulation.setMediaFeaturesOverride",)
LONGEST: Final = 1000  # bytes of such a command; longer messages are passed on unread
LISTENING: Final = re.compile(rb"WebDriver BiDi listening on ws://127\.0\.0\.1:(\d+)")
TEXT: Final = 0x81  # the first byte of a frame that is a whole text


async def main(program: str, *arguments: str) -> int:
    """Run Firefox behind a port of our own, which it is said to listen on. Returns how it ended."""
    firefox = await asyncio.create_subprocess_exec(program, *arguments, stderr=asyncio.subprocess.PIPE)
    assert firefox.stderr is not None
    async for line in firefox.stderr:
        told = line
        if found := LISTENING.search(line):
            ours = await asyncio.start_server(Relay(int(found[1])).serve, "127.0.0.1", 0)
            told = line.replace(found[1], str(ours.sockets[0].getsockname()[1]).encode())
        sys.stderr.buffer.write(told)
        sys.stderr.flush()
    return await firefox.wait()


class Relay:
    """Passes WebSockets on to a port, but for COMMANDS."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on, until either side ends it."""
        to_reader, to_writer = await asyncio.open_connection("127.0.0.1", self._port)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        head = re.sub(r"(?im)^host:.*$", f"Host: 127.0.0.1:{self._port}\r", head)
        head = re.sub(r"(?im)^sec-websocket-extensions:.*\n", "", head)  # nothing is compressed, so it can be read
        to_writer.write(head.encode("latin-1"))
        writer.write(await to_reader.readuntil(b"\r\n\r\n"))
        ways = [
            asyncio.create_task(self._ask(reader, to_writer, writer)),
            asyncio.create_task(_pass(to_reader, writer)),
        ]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for each in (writer, to_writer):
            each.close()

    async def _ask(self, reader: asyncio.StreamReader, to: asyncio.StreamWriter, back: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head, mask, body = await _frame(reader)
                answer = (
                    _answer(bytes(byte ^ mask[n % 4] for n, byte in enumerate(body))) if len(body) < LONGEST else None
                )
                if answer is None:
                    to.write(head + mask + body)
                else:
                    back.write(bytes([TEXT, len(answer)]) + answer)


async def _pass(reader: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            to.write(b"".join(await _frame(reader)))  # whole, since an answer of ours may stand between two


async def _frame(reader: asyncio.StreamReader) -> tuple[bytes, bytes, bytes]:
    """One frame: its first bytes, its mask, empty where it has none, and its body as it came."""
    head = await reader.readexactly(2)
    length = head[1] & 0x7F
    if length >= 126:
        more = await reader.readexactly(2 if length == 126 else 8)
        head, length = head + more, int.from_bytes(more, "big")
    mask = await reader.readexactly(4) if head[1] & 0x80 else b""
    return head, mask, await reader.readexactly(length)


def _answer(body: bytes) -> bytes | None:
    """What one of COMMANDS is answered with, fewer than 126 bytes; None for what is none of them."""
    try:
        asked = json.loads(body)
    except ValueError:
        return None
    if not isinstance(asked, dict) or asked.get("method") not in COMMANDS:
        return None
    return json.dumps({"type": "success", "id": asked["id"], "result": {}}).encode()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))
