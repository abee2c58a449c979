"""Follows a log with httpx and httpx-sse: python httpx_events.py URL ENVIRONMENT [LAST_ID]"""

import json
import os
import sys

import httpx
from httpx_sse import connect_sse

url, env, *last_id = sys.argv[1:]
given = {"lastId": last_id[0]} if last_id else {}
asked = {"tool": "platformos.logs.stream", "input": {"env": env, "interval": 250, **given}}
headers = {"Authorization": f"Bearer {os.environ['CLIENT_SECRET']}"}
patience = httpx.Timeout(5, read=60)  # the default of 5 s of silence is less than a heartbeat

with (
    httpx.Client(timeout=patience) as client,
    connect_sse(client, "POST", f"{url}/call-stream", headers=headers, json=asked) as source,
):
    source.response.raise_for_status()
    for event in source.iter_sse():
        if event.event == "data":
            entry = json.loads(event.json()["text"])
            print(entry["id"], entry["message"], flush=True)
