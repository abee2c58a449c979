/** The session: the tab's token, and what it may read. */

const KEY = "poslogs.token";
const ENVIRONMENTS = "poslogs.environments";
const TIMEOUT_MS = 15_000;

/** The server that this page came from. */
export const base = new URL(".", document.baseURI).href;

/** The token of a demo that this server serves; "" when it serves none. */
export const demoToken = document.querySelector("meta[name=poslogs-demo]")?.content ?? "";

/** The token that this tab has connected with; "" when there is none. */
export function token() {
  return sessionStorage.getItem(KEY) ?? "";
}

export function keep(text) {
  sessionStorage.setItem(KEY, text);
}

export function forget() {
  sessionStorage.removeItem(KEY);
  sessionStorage.removeItem(ENVIRONMENTS);
}

/** What `environments` answered last in this tab; null when it was not asked. */
export function known() {
  return JSON.parse(sessionStorage.getItem(ENVIRONMENTS) ?? "null");
}

/**
 * The environments that a token may read, as /health tells them: name, url, demo, and `failing` while platformOS does
 * not answer. Throws an Error whose message says what to do, with `final` when asking again does not help.
 */
export async function environments(token) {
  let answer;
  try {
    answer = await fetch(new URL("health", base), {
      headers: { Authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(TIMEOUT_MS),
      cache: "no-store",
    });
  } catch (error) {
    if (error instanceof TypeError && !isHeader(token)) throw refusal("A token has no such characters.", true);
    throw refusal("The server does not answer. Is it running, and reachable from here?", false);
  }
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const again = answer.status === 429 || answer.status >= 500;
    throw refusal(body.error ?? `The server answered ${answer.status}.`, !again, answer.headers.get("Retry-After"));
  }
  sessionStorage.setItem(ENVIRONMENTS, JSON.stringify(body.environments));
  return body.environments;
}

function refusal(sentence, final, retryAfter = null) {
  return Object.assign(new Error(sentence), { final, wait: (Number(retryAfter) || 3) * 1000 });
}

function isHeader(text) {
  return /^[\x21-\x7e]+$/.test(text);
}
