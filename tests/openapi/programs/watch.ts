// What people write on openapi-typescript's types with openapi-fetch: each operation once, and each field typed.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

declare const process: { env: Record<"URL" | "TOKEN", string> };

type Shapes = components["schemas"];

const { URL: url, TOKEN: token } = process.env;
const client = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${token}` } });

function tell(step: string, more: Record<string, string | number | boolean | string[]>): void {
  console.log(JSON.stringify({ step, ...more }));
}

function some<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error("nothing came");
  return value;
}

function text(content: Shapes["Content"] | undefined): string {
  return some(some(content).content[0]).text;
}

function told(entry: Shapes["Entry"]): Record<string, string | number | boolean> {
  const grave: "error" | "warn" | "info" | "debug" = entry.type;
  const { id, message, env, error_type, timestamp, cut = false } = entry;
  return { id, message, env, error_type, grave, at: Date.parse(timestamp), cut, data: JSON.stringify(entry.data) };
}

// Answers

const tools = some((await client.GET("/tools")).data);
tell("tools", { names: tools.tools.map((tool) => tool.name), streaming: tools.tools.filter((t) => t.streaming).length });

const health = some((await client.GET("/health")).data);
const status: "ok" | "degraded" = health.status;
tell("health", { status, streams: health.streams, environments: health.environments.map(({ name }) => name) });

const fetched = await client.POST("/call", { body: { tool: "platformos.logs.fetch", input: { env: "staging" } } });
const logs: Shapes["Logs"] = JSON.parse(text(fetched.data));
tell("fetched", { count: logs.logs.length, lastId: logs.lastId, truncated: logs.truncated, ...told(some(logs.logs[0])) });

const listed = await client.POST("/call", { body: { tool: "platformos.env.list" } });
const envs: Shapes["Envs"] = JSON.parse(text(listed.data));
tell("envs", { names: envs.envs.map(({ name }) => name) });

const reported = await client.POST("/call", {
  body: { tool: "platformos.logs.report", input: { env: "staging", lastId: "0" } },
});
const report: Shapes["Report"] = JSON.parse(text(reported.data));
const errors: number = report.byType["error"] ?? 0;
tell("report", { total: report.total, errors, newest: report.newestErrors.map(({ message }) => message) });

// Refusals

const wrong = await client.POST("/call", { body: { tool: "platformos.logs.fetch", input: { env: "stagin" } } });
tell("wrong", { status: wrong.response.status, sentence: some(wrong.error).error });

const stranger = await client.GET("/health", { headers: { Authorization: "Bearer nobody" } });
tell("stranger", { status: stranger.response.status, sentence: some(stranger.error).error });

// What the types refuse, the server refuses too

const refused = [
  // @ts-expect-error: an input of the wrong type
  await client.POST("/call", { body: { tool: "platformos.logs.fetch", input: { env: "staging", limit: "many" } } }),
  // @ts-expect-error: an input that the tool does not have
  await client.POST("/call", { body: { tool: "platformos.logs.fetch", input: { env: "staging", limits: 2 } } }),
  // @ts-expect-error: a tool of the other path
  await client.POST("/call", { body: { tool: "platformos.logs.stream", input: { env: "staging" } } }),
  // @ts-expect-error: no environment
  await client.POST("/call", { body: { tool: "platformos.logs.report", input: {} } }),
];
tell("refused", { statuses: refused.map(({ response }) => String(response.status)) });

// The rest

tell("probes", {
  livez: some((await client.GET("/livez")).data).status,
  readyz: some((await client.GET("/readyz")).data).status,
});
tell("texts", {
  metrics: some((await client.GET("/metrics", { parseAs: "text" })).data).includes("poslogs_streams_open"),
  page: some((await client.GET("/", { parseAs: "text" })).data).includes("</html>"),
  file: some((await client.GET("/page/{file}", { params: { path: { file: "main.js" } }, parseAs: "text" })).data).length,
  itself: Object.keys(some((await client.GET("/openapi.json")).data)),
});
async function ask(body: Shapes["RpcMessage"]): Promise<Shapes["RpcAnswer"]> {
  const answer = some((await client.POST("/mcp", { body })).data);
  if (typeof answer === "string") throw new Error("events came");
  return answer;
}
const { id, result } = await ask({ jsonrpc: "2.0", id: 1, method: "tools/list", params: {} });
const lost = await ask({ jsonrpc: "2.0", id: 2, method: "nothing" });
tell("mcp", { id: String(id), result: Object.keys(some(result)), lost: some(lost.error).message });

// A stream, each entry as it comes

const stream = await client.POST("/call-stream", {
  params: { header: { "Last-Event-ID": logs.lastId } },
  body: { tool: "platformos.logs.stream", input: { env: "staging", interval: 250 } },
  parseAs: "stream",
});
let held = "";
let came = 0;
tell("open", { status: stream.response.status });
// Of a literal type in a body openapi-fetch loses sight of parseAs: the response itself has the stream as one.
for await (const piece of some(stream.response.body).pipeThrough(new TextDecoderStream())) {
  const frames = (held + piece).split("\n\n");
  held = frames.pop() ?? "";
  for (const lines of frames.map((frame) => frame.split("\n"))) {
    if (!lines.includes("event: data")) continue;
    const event: Shapes["DataEvent"] = JSON.parse(some(lines.find((line) => line.startsWith("data: "))).slice(6));
    tell("entry", told(JSON.parse(event.text)));
    came += 1;
  }
  if (came === 3) break;
}
tell("end", { came });
