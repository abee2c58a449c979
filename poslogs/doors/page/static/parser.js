/** The parser of server-sent events. Imports nothing. */
/** @import { Frame } from "../types.d.ts" */

/** Events out of text that may be cut anywhere, by the rules of the HTML standard. */
export class Parser {
  #started = false;
  #afterCR = false;
  #rest = "";
  /** @type {Frame} */
  #event = {};

  /**
   * The events that this text ends, in order: `{event, data, id, retry, comment}`, each with the fields that it has.
   * Without `data` it is not an event to act on, but its `id` and `retry` (ms) count.
   * @param {string} text
   */
  push(text) {
    if (text === "") return [];
    if (!this.#started && text.startsWith("\ufeff")) text = text.slice(1);
    this.#started = true;
    if (this.#afterCR && text.startsWith("\n")) text = text.slice(1); // the second half of a line's end
    if (text !== "") this.#afterCR = text.endsWith("\r");
    const lines = text.split(/\r\n|\n|\r/);
    lines[0] = this.#rest + lines[0];
    this.#rest = lines.pop() ?? "";
    const events = [];
    for (const line of lines) {
      if (line !== "") {
        this.#take(line);
      } else if (Object.keys(this.#event).length) {
        events.push(this.#event);
        this.#event = {};
      }
    }
    return events;
  }

  /** @param {string} line */
  #take(line) {
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    const event = this.#event;
    if (field === "") event.comment = value;
    else if (field === "event") event.event = value;
    else if (field === "data") event.data = event.data === undefined ? value : `${event.data}\n${value}`;
    else if (field === "id" && !value.includes("\0")) event.id = value;
    else if (field === "retry" && /^\d+$/.test(value)) event.retry = Number(value);
  }
}
