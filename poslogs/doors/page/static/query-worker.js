/** Looks at entries with a query, whose expressions may take as long as they like: sieve.js ends a worker that does. */
import { parse } from "./query.js";

onmessage = ({ data: { query, entries } }) => {
  const found = parse(query);
  postMessage(entries.map((/** @type {import("../types.d.ts").Entry} */ entry) => found === null || found.holds(entry)));
};

postMessage("ready");
