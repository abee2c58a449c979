/** What Python makes of something; these tests compare with it. */
import { execFileSync } from "node:child_process";

const PYTHON = process.env.PYTHON ?? "python3"; // in the root of the repository

/**
 * The JSON that a program prints, with `input` as JSON on its standard input.
 * @param {string[]} program @param {unknown} input
 */
export function python(program, input) {
  const options = { input: JSON.stringify(input), maxBuffer: 1 << 26 };
  return JSON.parse(execFileSync(PYTHON, program, options).toString());
}
