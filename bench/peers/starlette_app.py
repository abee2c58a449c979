"""A usual peer: Starlette with sse-starlette, where each stream polls by itself."""

import asyncio
import json
from pathlib import Path

import httpx
from sse_starlette.sse import EventSourceResponse
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

pos = json.loads(Path(".pos").read_text())
tokens = {client["token"] for client in json.loads(Path("clients.json").read_text()).values()}
client = httpx.AsyncClient(limits=httpx.Limits(max_connections=None, max_keepalive_connections=200), timeout=30)


async def call_stream(request):
    """The rows of an environment, from the first on."""
    if request.headers.get("authorization", "")[7:] not in tokens:
        return JSONResponse({"error": "unauthorized"}, 401)
    given = (await request.json())["input"]
    env, wanted = given["env"], given.get("filter")
    interval = given.get("interval", 3000) / 1000
    url = f"{pos[env]['url']}/api/app_builder/logs"
    headers = {"Authorization": f"Token {pos[env]['token']}"}

    async def generate():
        last = 0
        while True:
            answer = await client.get(url, params={"last_id": last}, headers=headers)
            for row in answer.json()["logs"]:
                last = max(last, row["id"])
                if wanted and wanted not in row["error_type"]:
                    continue
                entry = {
                    "id": str(row["id"]),
                    "timestamp": row["created_at"],
                    "type": row["error_type"],
                    "message": row["message"],
                    "data": row["data"],
                    "env": env,
                }
                yield {"event": "data", "data": json.dumps({"type": "text", "text": json.dumps(entry)})}
            await asyncio.sleep(interval)

    return EventSourceResponse(generate(), ping=15)


app = Starlette(routes=[Route("/call-stream", call_stream, methods=["POST"])])
