"""A client on the SDK 2.x for Python that meets what is not plain sailing. It prints one JSON object a line.

URL, TOKEN and MODE ("auto" or "legacy") come from the environment; it stays connected until it is killed.
"""

import asyncio
import json
import os

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client


def tell(step, **more):
    print(json.dumps({"step": step, **more}), flush=True)


async def main():
    http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {os.environ['TOKEN']}"}, timeout=60)
    transport = streamable_http_client(os.environ["URL"], http_client=http)
    async with http, Client(transport, mode=os.environ["MODE"]) as client:
        wrong = await client.call_tool("platformos_logs_live", {"env": "stagin"})
        tell("wrong", error=wrong.is_error, text=wrong.content[0].text)
        call = asyncio.create_task(client.call_tool("platformos_logs_live", {"env": "staging", "maxDuration": 55000}))
        await asyncio.sleep(1)
        tell("abort", done=call.done())
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        tell("aborted", cancelled=call.cancelled())
        for calls in range(1, 40):
            answer = await client.call_tool("platformos_env_list", {})
            if answer.is_error:
                tell("limit", calls=calls, text=answer.content[0].text)
                break
        tell("after", tools=len((await client.list_tools(cache_mode="bypass")).tools))
        await asyncio.Event().wait()


asyncio.run(main())
