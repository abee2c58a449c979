/** The session: the tab's token, and what it may read. */
/** @import { Environment } from "../types.d.ts" */
import { EVERY } from "./environments.js";
import * as clock from "./clock.js";
import * as storage from "./storage.js";
import { explained } from "./waiting.js";

const KEY = "poslogs.token";
const ENVIRONMENTS = "poslogs.environments";
const HEARTBEAT = "poslogs.heartbeat"; // in ms
const TIMEOUT_MS = 10_000;

/** The server that this page came from. */
export const base = new URL(".", document.baseURI).href;

/** The token of a demo that this server serves; "" when it serves none. */
export const demoToken = document.querySelector("meta[name=poslogs-demo]")?.getAttribute("content") ?? "";

/** The version that this page is of; "" where it does not say. */
export const version = document.querySelector("meta[name=poslogs-version]")?.getAttribute("content") ?? "";

let served = version;
let onAnswer = () => {};

/** The version of the server, by its last answer. */
export function serverVersion() {
  return served;
}

/** Call this after each answer of `environments`. @param {() => void} act */
export function watch(act) {
  onAnswer = act;
}

/** The token that this tab has connected with; "" when there is none. */
export function token() {
  return storage.get(KEY) ?? "";
}

/** @param {string} text */
export function keep(text) {
  storage.set(KEY, text);
}

export function forget() {
  storage.remove(KEY);
  storage.remove(ENVIRONMENTS);
}

/** How long the server's streams are silent at most, in ms; undefined where it has not said so. */
export function heartbeat() {
  return Number(storage.get(HEARTBEAT)) || undefined;
}

/** What `environments` answered last in this tab; null when it was not asked. @returns {Environment[] | null} */
export function known() {
  try {
    const found = JSON.parse(storage.get(ENVIRONMENTS) ?? "null");
    return Array.isArray(found) ? found : null;
  } catch {
    return null; // what an extension or another page of this origin has put there
  }
}

/** A refusal, whose message says what to do. `final`: asking again does not help; else it is worth a try in `wait` ms. */
export class Refusal extends Error {
  /** @param {string} sentence @param {boolean} final @param {string | null} [retryAfter] */
  constructor(sentence, final, retryAfter = null) {
    super(sentence);
    this.final = final;
    this.wait = (Number(retryAfter) || 3) * 1000;
  }
}

/**
 * The environments that a token may read, as /health lists them: name, url, demo, and `failing` while platformOS does
 * not answer. Where /tools says that all may be read together, the last is `*`, with their names. Throws a Refusal.
 * @param {string} bearer @returns {Promise<Environment[]>}
 */
export async function environments(bearer) {
  let answer;
  try {
    answer = await asked("health", bearer);
  } catch (error) {
    if (error instanceof TypeError && !isHeader(bearer)) throw new Refusal("A token cannot contain these characters.", true);
    throw new Refusal(explained("The server does not answer. Is it running, and reachable from here?"), false);
  }
  clock.heard(answer);
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const again = answer.status === 429 || answer.status >= 500;
    throw new Refusal(body.error ?? `The server answered ${answer.status}.`, !again, answer.headers.get("Retry-After"));
  }
  if (!Array.isArray(body.environments)) {
    throw new Refusal("The answer is not from poslogs. Does a proxy want you to sign in?", false);
  }
  /** @type {Environment[]} */
  const found = body.environments;
  const tools = found.length < 2 ? null : await asked("tools", bearer).then((said) => said.json()).catch(() => null);
  if (tools?.together === EVERY) {
    found.push({ name: EVERY, demo: found.some(({ demo }) => demo), of: found.map(({ name }) => name) });
  }
  if (typeof body.version === "string") served = body.version;
  onAnswer();
  storage.set(HEARTBEAT, String(body.heartbeat * 1000));
  storage.set(ENVIRONMENTS, JSON.stringify(found));
  return found;
}

/** @param {string} path @param {string} bearer */
function asked(path, bearer) {
  return fetch(new URL(path, base), {
    headers: { Authorization: `Bearer ${bearer}` },
    signal: AbortSignal.timeout(TIMEOUT_MS),
    cache: "no-store",
  });
}

/** @param {string} text */
function isHeader(text) {
  return /^[\x21-\x7e]+$/.test(text);
}
