/** The shapes that the page's modules hand to each other. No browser loads this file; `make check` reads it. */

/** An entry as the server gives it. `data` is an object, empty where there is none. */
export interface Entry {
  id: string;
  timestamp: string;
  type: string;
  error_type: string;
  message: string;
  data: Record<string, unknown>;
  env: string;
}

/** What `follow` yields, and what a tab hears of the stream it shares: each event has some of these. */
export interface LogEvent {
  state?: "connecting" | "live" | "asking" | "reconnecting" | "ended";
  reason?: string;
  wait?: number; // ms until the next try
  status?: number;
  entries?: Entry[];
  position?: string;
  past?: boolean; // the entries are from before
  heard?: boolean;
  trouble?: string;
  notice?: string; // an environment has come or gone
  shared?: number; // tabs that have this stream
}

/** Which log, asked for by whom; `env` is one environment, several with commas, or `*`; times in ms. */
export interface Asked {
  base: string;
  token: string;
  env: string;
  tool?: string;
  interval?: number;
  tail?: number;
  tailEach?: number; // of each environment, where a stream has several
  heartbeat?: number; // of the server
}

/**
 * What one tab says to the others:
 *
 *     {hello: id, filter, need}            a tab is there; `need`: it lacks what came before
 *     {leads: true}                        another tab leads from now on: say hello again
 *     {served}                             the filter that the stream has from now on
 *     {event, served}                      what the stream has brought
 *     {shared}                             how many tabs there are
 *     {to: id, event, served, history}     answers a hello: the last state; `history`: what came before follows
 *     {to: id, past, filter, position, last}   some of that
 *     {ping: id}                           asks whether somebody leads, after a silence
 *     {to: id, lives: true}                somebody does
 *     {wake: true}                         somebody looks at a tab, or the network is back: is the stream well?
 */
export interface Message {
  hello?: string;
  filter?: string;
  need?: boolean;
  leads?: boolean;
  served?: string;
  event?: LogEvent;
  shared?: number;
  to?: string;
  history?: boolean;
  past?: Entry[];
  position?: string;
  last?: boolean;
  ping?: string;
  lives?: boolean;
  wake?: boolean;
}

/** What a view is narrowed to; `group` is a fingerprint, `time` in ms since 1970, `to` is not in it. */
export interface Narrowing {
  type?: string;
  path?: string;
  group?: string;
  time?: { from: number; to?: number };
}

/** Narrows a view by some parts more; null shows all. */
export type Narrow = (parts: Narrowing | null) => void;

/** Who looks on at a store. */
export interface Onlooker {
  added?(entries: Entry[]): void;
  left?(entries: Entry[]): void;
  replaced?(): void;
}

/** Who looks on at a view. */
export interface ViewOnlooker {
  grown?(): void;
  shrunk?(): void;
  changed?(): void;
}

/** Who looks on at lines. `refolded`: they are others, of the same entries or not. */
export interface LinesOnlooker {
  grown?(): void;
  shrunk?(): void;
  refolded?(): void;
}

/** Where a search has found something in a text, in UTF-16 units. */
export type Ranges = [from: number, to: number][];

/** Where something happened. */
export interface Place {
  path: string;
  line: number | undefined;
}

/** An environment that a token may read, or several as one, with the names of these; `failing` while platformOS does not answer. */
export interface Environment {
  name: string;
  url?: string;
  demo?: boolean;
  of?: string[];
  failing?: object;
}

export type Timer = ReturnType<typeof setTimeout>;

/** What `follow` takes; `maxDuration` in ms. */
export interface Follow extends Asked {
  filter?: string;
  query?: string;
  lastId?: string;
  maxDuration?: number;
  signal?: AbortSignal;
  fetch?: (url: URL, request: RequestInit) => Promise<Response>;
}

/** An event of a stream, with the fields that it has; `retry` in ms. */
export interface Frame {
  event?: string;
  data?: string;
  id?: string;
  retry?: number;
  comment?: string;
}

/** How far the answers of a log have come. */
export interface Reached {
  position: string | undefined;
  retry: number | undefined;
  live: boolean;
}

/** How an answer ended: for good (`done`, `final`), or to be tried again, after `asked` ms where the server said so. */
export interface End {
  reason: string;
  done?: boolean;
  lasted?: number;
  final?: boolean;
  status?: number;
  asked?: number;
  closed?: boolean;
  stable?: boolean;
  woken?: boolean; // given up since it is worth another try at once
}

declare global {
  /** Trusted types, as far as they are used; not every browser has them. */
  var trustedTypes:
    | { createPolicy(name: string, rules: object): { createScriptURL(text: string): string } }
    | undefined;
}
