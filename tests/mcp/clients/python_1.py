"""As python_2.py, on the SDK 1.x for Python, which knows one era only."""

import asyncio
import json
import os

import httpx
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client


def tell(step, **more):
    print(json.dumps({"step": step, **more}), flush=True)


async def main():
    http = httpx.AsyncClient(headers={"Authorization": f"Bearer {os.environ['TOKEN']}"}, timeout=60)
    async with (
        http,
        streamable_http_client(os.environ["URL"], http_client=http) as (read, write, _),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        wrong = await session.call_tool("platformos_logs_live", {"env": "stagin"})
        tell("wrong", error=wrong.isError, text=wrong.content[0].text)
        call = asyncio.create_task(session.call_tool("platformos_logs_live", {"env": "staging", "maxDuration": 55000}))
        await asyncio.sleep(1)
        tell("abort", done=call.done())
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        tell("aborted", cancelled=call.cancelled())
        for calls in range(1, 40):
            answer = await session.call_tool("platformos_env_list", {})
            if answer.isError:
                tell("limit", calls=calls, text=answer.content[0].text)
                break
        tell("after", tools=len((await session.list_tools()).tools))
        await asyncio.Event().wait()


asyncio.run(main())
