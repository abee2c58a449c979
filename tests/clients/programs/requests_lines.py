"""Follows a log with requests and its iter_lines: python requests_lines.py URL ENVIRONMENT [LAST_ID]"""

import json
import os
import sys

import requests

url, env, *last_id = sys.argv[1:]
given = {"lastId": int(last_id[0])} if last_id else {}
response = requests.post(
    f"{url}/call-stream",
    headers={"Authorization": f"Bearer {os.environ['CLIENT_SECRET']}"},
    json={"tool": "platformos.logs.stream", "input": {"env": env, "interval": 250, **given}},
    stream=True,
)
response.raise_for_status()
event = ""
for line in response.iter_lines(decode_unicode=True):
    field, _, value = line.partition(": ")
    if field == "event":
        event = value
    elif field == "data" and event == "data":
        entry = json.loads(json.loads(value)["text"])
        print(entry["id"], entry["message"], flush=True)
