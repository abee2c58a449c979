/** Markdown: entries as they go into an issue or a chat. */
/** @import { Entry } from "../types.d.ts" */
import { bodyOf, placeOf, told } from "./diagnosis.js";
import { isEmpty } from "./store.js";
import { visible } from "./text.js";

/** An entry: what and when, its place, its message as it was written, and its data. @param {Entry} entry */
export function markdown(entry) {
  const { type, error_type, timestamp, env, id, data } = entry;
  const kind = ["", type].includes(error_type.toLowerCase()) ? "" : ` ${code(error_type)}`;
  const place = placeOf(entry);
  const where = place.path === "" ? "" : `, in ${code(told(place))}`;
  const parts = [`**${type}**${kind}, ${timestamp}, ${code(env)}, entry ${id}${where}`, fenced(bodyOf(entry), "")];
  if (!isEmpty(data)) parts.push(fenced(visible(JSON.stringify(data, null, 2)), "json"));
  return `${parts.join("\n\n")}\n`;
}

/** Several entries under a title. @param {string} title @param {Entry[]} entries */
export function report(title, entries) {
  return [`## ${title}\n`, ...entries.map(markdown)].join("\n");
}

/** @param {string} text @param {string} language */
function fenced(text, language) {
  const fence = ticks(text, 3);
  return `${fence}${language}\n${text.trimEnd()}\n${fence}`;
}

/** @param {string} text */
function code(text) {
  const line = visible(text.replace(/\s+/g, " "));
  const fence = ticks(line, 1);
  return fence === "`" ? `\`${line}\`` : `${fence} ${line} ${fence}`;
}

/** Backticks that the text does not end: more than it has in a row, and `least` of them. @param {string} text @param {number} least */
function ticks(text, least) {
  const longest = (text.match(/`+/g) ?? []).reduce((most, run) => Math.max(most, run.length), least - 1);
  return "`".repeat(longest + 1);
}
