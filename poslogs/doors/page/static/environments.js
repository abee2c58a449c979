/** The environments: which of those offered a text means, and which of them is production. Imports nothing. */
/** @import { Environment } from "../types.d.ts" */

/** As the name of an environment: all that the token may read. */
export const EVERY = "*";

// In `preprod` or `products` it is another word, and so is live in `delivery`.
const PRODUCTION = /(?<!(?:pre|non|not)[^\p{L}]?)prod(?!uct(?!ion))|(?<!\p{L})live(?!\p{L})/iu;

/** Whether an environment is production, as far as its name tells. @param {string} name */
export function isProduction(name) {
  return PRODUCTION.test(name);
}

/**
 * The environments that `text` means (one, several with commas, `*` for all), as the server takes it: `env` is "" where
 * none of them is offered, and `missing` has those that are not.
 * @param {string} text @param {Environment[]} offered
 */
export function meant(text, offered) {
  const isOffered = (/** @type {string} */ name) => offered.some((each) => each.name === name);
  const none = /** @type {string[]} */ ([]);
  if (text === "" || isOffered(text)) return { env: text, missing: none };
  const names = [...new Set(text.split(",").map((name) => name.trim()).filter((name) => name !== ""))];
  const found = names.filter((name) => name !== EVERY && isOffered(name));
  return { env: found.join(","), missing: names.filter((name) => !found.includes(name)) };
}

/**
 * What `env` stands for, whether it is offered (any more) or not.
 * @param {string} env @param {Environment[]} offered @returns {Environment}
 */
export function described(env, offered) {
  const same = offered.find(({ name }) => name === env);
  if (same !== undefined) return same;
  const names = env.split(",");
  if (names.length < 2) return { name: env };
  const demo = names.some((name) => offered.some((each) => each.name === name && each.demo));
  return { name: env, demo, of: names };
}

/**
 * The environment that a sentence of the server is about, "" if it names none of these.
 * @param {string} sentence @param {string[]} names
 */
export function concerned(sentence, names) {
  const found = names.filter((name) => sentence.includes(`environment ${name}`));
  return found.reduce((longest, name) => (name.length > longest.length ? name : longest), "");
}
