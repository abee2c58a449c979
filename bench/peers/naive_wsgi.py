"""A naive peer: plain Flask, where each stream polls by itself and yields frame by frame."""

import json
import time
from pathlib import Path

import requests
from flask import Flask, Response, jsonify, request, stream_with_context

app = Flask(__name__)
pos = json.loads(Path(".pos").read_text())
tokens = {client["token"] for client in json.loads(Path("clients.json").read_text()).values()}


@app.post("/call-stream")
def call_stream():
    """The rows of an environment, from the first on."""
    if request.headers.get("Authorization", "")[7:] not in tokens:
        return jsonify(error="unauthorized"), 401
    given = request.get_json()["input"]
    env, wanted = given["env"], given.get("filter")
    interval = given.get("interval", 3000) / 1000
    url = f"{pos[env]['url']}/api/app_builder/logs"
    headers = {"Authorization": f"Token {pos[env]['token']}"}

    def generate():
        session = requests.Session()
        last, beat = 0, time.time()
        yield ": connected\n\n"
        while True:
            answer = session.get(url, params={"last_id": last}, headers=headers, timeout=30)
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
                yield f"event: data\ndata: {json.dumps({'type': 'text', 'text': json.dumps(entry)})}\n\n"
            if time.time() - beat > 15:
                beat = time.time()
                yield ": heartbeat\n\n"
            time.sleep(interval)

    no_cache = {"Cache-Control": "no-cache"}
    return Response(stream_with_context(generate()), mimetype="text/event-stream", headers=no_cache)
