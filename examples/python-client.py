#!/usr/bin/env python3
"""Lists tools and environments, fetches logs, and follows them for a while: the REST side of poslogs.

Needs `pip install requests`, and to stream `pip install sseclient-py` too.
"""

import argparse
import json
import os
import re
import sys

try:
    import requests
except ImportError:
    sys.exit("requests is missing: pip install requests sseclient-py")
try:
    import sseclient  # the package is called sseclient-py
except ImportError:
    sseclient = None  # only `stream` needs it

TIMEOUT_S = (3.05, 60)  # connect, then silence: a heartbeat comes every 15 s
HOSTILE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


class Server:
    def __init__(self, url, token):
        self.url, self.token = url.rstrip("/"), token
        self.session = requests.Session()
        self.session.auth = self.sign  # requests would replace a plain header by an entry of ~/.netrc

    def sign(self, request):
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request

    def ask(self, method, path, **options):
        """The server's answer; a refusal ends the program with the server's own sentence."""
        response = self.session.request(method, self.url + path, timeout=TIMEOUT_S, **options)
        if not response.ok:
            try:
                sys.exit(response.json()["error"])
            except (ValueError, KeyError, TypeError):  # a proxy's page in place of our JSON
                sys.exit(f"the server answered with status {response.status_code}")
        return response

    def tools(self):
        return self.ask("GET", "/tools").json()["tools"]

    def call(self, tool, **arguments):
        """The answer of a tool that does not stream: JSON, as text in the envelope that MCP uses."""
        answer = self.ask("POST", "/call", json={"tool": tool, "input": arguments}).json()
        return json.loads(answer["content"][0]["text"])

    def stream(self, tool, **arguments):
        """Yields (event, content) until the stream is complete. `content` is an entry, or an error with a message."""
        if sseclient is None:
            sys.exit("sseclient is missing, which streams need: pip install sseclient-py")
        response = self.ask("POST", "/call-stream", json={"tool": tool, "input": arguments}, stream=True)
        for event in sseclient.SSEClient(response).events():  # it skips comments, which heartbeats are
            if event.event == "done":
                return
            yield event.event, json.loads(json.loads(event.data)["text"])
        sys.exit("the stream was cut; run again with --last-id to continue (mcp-sse-client.js does that by itself)")


def visible(text):
    """Text that cannot drive a terminal: control characters and marks that reorder a line become escapes."""
    return HOSTILE.sub(lambda found: json.dumps(found[0])[1:-1], text)


def show(entry):
    print(visible(f"{entry['id']} [{entry['timestamp']}] [{entry['type'].upper()}] {entry['message'].rstrip()}"))


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["tools", "envs", "fetch", "stream"], nargs="?", default="fetch")
    parser.add_argument("--url", default="http://localhost:3030", help="the server (%(default)s)")
    demo = "your-client-secret-here"  # published, so the server takes it on this machine only
    parser.add_argument("--token", default=os.environ.get("CLIENT_SECRET", demo), help="default: $CLIENT_SECRET")
    parser.add_argument("--env", default="staging", help="environment (%(default)s)")
    parser.add_argument("--filter", help="only entries of this type or error_type")
    parser.add_argument("--last-id", dest="lastId", help="only entries after this one")
    parser.add_argument("--tail", type=int, help="the N newest entries")
    parser.add_argument("--limit", type=int, help="fetch: at most N entries, the newest without --last-id (100)")
    parser.add_argument("--seconds", type=float, default=10, help="stream: how long (%(default)s)")
    return parser.parse_args()


def main():
    sys.stdout.reconfigure(errors="backslashreplace")  # some terminals cannot show every character
    given = options()
    server = Server(given.url, given.token)
    wanted = {"env": given.env, "filter": given.filter, "lastId": given.lastId, "tail": given.tail}
    wanted = {name: value for name, value in wanted.items() if value is not None}
    if given.what == "tools":
        for tool in server.tools():
            print(f"{tool['name']}: {tool['description']}")
    elif given.what == "envs":
        for env in server.call("platformos.env.list")["envs"]:
            print(f"{env['name']}: {env['url']}")
    elif given.what == "fetch":
        answer = server.call("platformos.logs.fetch", **wanted, **({"limit": given.limit} if given.limit else {}))
        for entry in answer["logs"]:
            show(entry)
        more = "more with" if answer["truncated"] and given.lastId is not None else "later entries with"
        print(f"{len(answer['logs'])} entries; {more} --last-id {answer['lastId']}", file=sys.stderr)
    else:
        for event, content in server.stream("platformos.logs.live", **wanted, maxDuration=int(given.seconds * 1000)):
            show(content) if event == "data" else print(visible(content["message"]), file=sys.stderr)


if __name__ == "__main__":
    try:
        main()
    except requests.ConnectionError as error:
        refused = "refused" in str(error)
        sys.exit("no server answers there: start it with `make run`" if refused else f"the connection failed: {error}")
    except requests.RequestException as error:
        sys.exit(f"the request failed: {error}")
    except BrokenPipeError:  # the reader of our pipe has left, as `| head` does
        os._exit(0)
    except KeyboardInterrupt:
        sys.exit(130)
