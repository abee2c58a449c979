"""What people write on the client that openapi-python-client makes: each operation once, and each field typed."""

from __future__ import annotations

import json
import os
from datetime import datetime
from typing import Any

from poslogs_client import AuthenticatedClient, Client
from poslogs_client.api.default import (
    call,
    call_stream,
    get_description,
    get_health,
    get_livez,
    get_metrics,
    get_page,
    get_page_file,
    get_readyz,
    list_tools,
    mcp,
)
from poslogs_client.models import (
    CallPlatformosEnvList,
    CallPlatformosLogsFetch,
    CallPlatformosLogsFetchInput,
    CallPlatformosLogsReport,
    CallPlatformosLogsReportInput,
    CallStreamPlatformosLogsLive,
    CallStreamPlatformosLogsLiveInput,
    Content,
    DataEvent,
    Entry,
    EntryType,
    Envs,
    Error,
    GetDescriptionResponse200,
    Health,
    HealthStatus,
    Logs,
    Ready,
    Report,
    RpcAnswer,
    RpcAnswerError,
    RpcMessage,
    Tools,
)

URL, TOKEN = os.environ["URL"], os.environ["TOKEN"]
client = AuthenticatedClient(base_url=URL, token=TOKEN, timeout=None, raise_on_unexpected_status=True)
stranger = Client(base_url=URL)


def tell(step: str, **more: str | int | bool | list[str]) -> None:
    print(json.dumps({"step": step, **more}), flush=True)


def text(answer: Content | Error | None) -> Any:
    assert isinstance(answer, Content), answer
    return json.loads(answer.content[0].text)


def told(entry: Entry) -> dict[str, str | int | bool]:
    at: datetime = entry.timestamp
    return {
        "id": entry.id,
        "message": entry.message,
        "env": entry.env,
        "error_type": entry.error_type,
        "grave": str(entry.type_),
        "error": entry.type_ is EntryType.ERROR,
        "at": int(at.timestamp() * 1000),
        "cut": bool(entry.cut),
        "data": json.dumps(entry.data.additional_properties),
    }


tools = list_tools.sync(client=client)
assert isinstance(tools, Tools)
tell("tools", names=[tool.name for tool in tools.tools], streaming=sum(tool.streaming for tool in tools.tools))

health = get_health.sync(client=client)
assert isinstance(health, Health)
names = [env.name for env in health.environments]
tell(
    "health", status=str(health.status), ok=health.status is HealthStatus.OK, streams=health.streams, environments=names
)

asked = CallPlatformosLogsFetch(tool="platformos.logs.fetch", input_=CallPlatformosLogsFetchInput(env="staging"))
logs = Logs.from_dict(text(call.sync(client=client, body=asked)))
tell("fetched", count=len(logs.logs), lastId=logs.last_id, truncated=logs.truncated, **told(logs.logs[0]))

envs = Envs.from_dict(text(call.sync(client=client, body=CallPlatformosEnvList(tool="platformos.env.list"))))
tell("envs", names=[env.name for env in envs.envs])

counted = CallPlatformosLogsReportInput(env="staging", last_id="0")
asking = CallPlatformosLogsReport(tool="platformos.logs.report", input_=counted)
report = Report.from_dict(text(call.sync(client=client, body=asking)))
errors: int = report.by_type.additional_properties["error"]
tell("report", total=report.total, errors=errors, newest=[error.message for error in report.newest_errors])

asked.input_.env = "stagin"
wrong = call.sync_detailed(client=client, body=asked)
assert isinstance(wrong.parsed, Error)
tell("wrong", status=wrong.status_code, sentence=wrong.parsed.error)

unknown = get_health.sync_detailed(client=AuthenticatedClient(base_url=URL, token="nobody"))
assert isinstance(unknown.parsed, Error)
tell("stranger", status=unknown.status_code, sentence=unknown.parsed.error)

livez, readyz = get_livez.sync(client=stranger), get_readyz.sync(client=stranger)
assert isinstance(livez, Ready)
assert isinstance(readyz, Ready)
tell("probes", livez=str(livez.status), readyz=str(readyz.status))

metrics, page = get_metrics.sync(client=client), get_page.sync(client=stranger)
file, itself = get_page_file.sync("main.js", client=stranger), get_description.sync(client=stranger)
assert isinstance(metrics, str)
assert isinstance(page, str)
assert isinstance(file, str)
assert isinstance(itself, GetDescriptionResponse200)
tell(
    "texts",
    metrics="poslogs_streams_open" in metrics,
    page="</html>" in page,
    file=len(file),
    itself=itself.additional_keys,
)

listed = mcp.sync(client=client, body=RpcMessage(jsonrpc="2.0", id=1, method="tools/list"))
lost = mcp.sync(client=client, body=RpcMessage(jsonrpc="2.0", id=2, method="nothing"))
assert isinstance(listed, RpcAnswer)
assert isinstance(lost, RpcAnswer)
assert listed.result
assert isinstance(lost.error, RpcAnswerError)
tell("mcp", id=str(listed.id), result=listed.result.additional_keys, lost=lost.error.message)

# This client gives an answer when it is whole, so it follows for four seconds
live = CallStreamPlatformosLogsLiveInput(env="staging", interval=250, max_duration=4000)
following = CallStreamPlatformosLogsLive(tool="platformos.logs.live", input_=live)
frames = call_stream.sync(client=client, body=following, last_event_id=logs.logs[0].id)
assert isinstance(frames, str)
for frame in frames.split("\n\n"):
    if "event: data" in (lines := frame.split("\n")):
        (data,) = (line.removeprefix("data: ") for line in lines if line.startswith("data: "))
        tell("entry", **told(Entry.from_dict(json.loads(DataEvent.from_dict(json.loads(data)).text))))
tell("end", done="event: done" in frames)
