"""Follows a log with aiohttp: python aiohttp_lines.py URL ENVIRONMENT [LAST_ID]"""

import asyncio
import json
import os
import sys

import aiohttp


async def follow(url, env, last_id=None):
    headers = {"Authorization": f"Bearer {os.environ['CLIENT_SECRET']}"}
    if last_id:
        headers["Last-Event-ID"] = last_id
    asked = {"tool": "platformos.logs.stream", "input": {"env": env, "interval": 250}}
    patience = aiohttp.ClientTimeout(total=None, sock_read=60)  # in all, then of silence; the default total is 300 s
    async with (
        aiohttp.ClientSession(timeout=patience, raise_for_status=True) as session,
        session.post(f"{url}/call-stream", headers=headers, json=asked) as response,
    ):
        event = ""
        async for line in response.content:
            field, _, value = line.decode().rstrip("\n").partition(": ")
            if field == "event":
                event = value
            elif field == "data" and event == "data":
                entry = json.loads(json.loads(value)["text"])
                print(entry["id"], entry["message"], flush=True)


asyncio.run(follow(*sys.argv[1:]))
