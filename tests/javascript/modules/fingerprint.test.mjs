/** fingerprint.js: errors of one kind are known by the same fingerprint here as in the server's reports. */
import assert from "node:assert/strict";
import test from "node:test";

import { fingerprint } from "../../../poslogs/doors/page/static/fingerprint.js";
import { python } from "./python.mjs";

const FINGERPRINTS = `
import json, sys
from poslogs.streaming.report import fingerprint
json.dump([fingerprint(message) for message in json.load(sys.stdin)], sys.stdout)`;

const MESSAGES = [
  "",
  "  spaces\tand\n lines ",
  "Liquid error: can't find partial 'it's/mine' at line 12",
  "undefined method `price' for nil:NilClass",
  'Order "1234" of "a \\"b\\" c" failed after 30.5 s at 12:30:11',
  "GET /orders?page=2&q=a%20b took 120ms (10.0.0.1:443, v1.2.3)",
  "mail to o'neil+x@example.co.uk, b@c.d bounced: 1, 2, 3",
  "id 550e8400-e29b-41d4-a716-446655440000 and #42, user_17, abc123def",
  "“typographic” and `code` and \\\"escaped\\\" and 'don't'",
  "٣ arabic, ² square, ① circled, Ⅷ roman, 中文, Ünïcödé5, e\u0301",
  "\ufeffmark\u2028separators\x85next\x1cfile\xa0hard",
  "😀".repeat(600),
  `${"x".repeat(499)}'quoted'`,
  'unclosed "quote\nand next',
];
const SIGNS = [..."ab1'\"`“” ?=&@.-_#,:/+\\\n\t()<>é²٣中 \x1c\x85\ufeff\u2028\r😀"];

test("fingerprints are those of reports, of messages as they are and of thousands that nobody would write", () => {
  const dice = from(6);
  const odd = Array.from({ length: 5000 }, () => {
    return Array.from({ length: dice(60) }, () => SIGNS[dice(SIGNS.length)]).join("");
  });
  const messages = [...MESSAGES, ...odd];
  assert.deepEqual(messages.map(fingerprint), python(["-c", FINGERPRINTS], messages));
});

/** Numbers below the one that is asked for, always the same from a seed. @param {number} seed */
function from(seed) {
  let state = seed;
  return (/** @type {number} */ below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
