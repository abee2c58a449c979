/** What the link promises the address. */
import assert from "node:assert/strict";
import { test } from "node:test";

const ORIGIN = "https://logs.example.com/";

/** An address with its history, as a browser has them. */
const browser = {
  href: ORIGIN,
  get hash() {
    return new URL(this.href).hash;
  },
  /** @param {unknown} _state @param {string} _title @param {string} address */
  replaceState(_state, _title, address) {
    browser.href = new URL(address, browser.href).href;
  },
  state: null,
};
Object.assign(globalThis, { location: browser, history: { ...browser, pushState: browser.replaceState } });
const link = await import("../../../poslogs/doors/page/static/link.js");

test("what is looked at is written into the address", () => {
  link.write({ env: "staging", at: "7" });
  assert.equal(browser.href, `${ORIGIN}#env=staging&at=7`);
});

test("a link that somebody has just put there is not written over before it was read", () => {
  browser.href = `${ORIGIN}#env=staging&at=4`;
  link.write({ env: "staging", at: "7" });
  link.write({ env: "staging", at: "7" }, { step: true });
  assert.equal(link.read().at, "4");
  link.write({ env: "staging", at: "5" });
  assert.equal(browser.href, `${ORIGIN}#env=staging&at=5`);
});

test("a token is taken out of such a link, and the address is the page's again", () => {
  browser.href = `${ORIGIN}#env=staging&token=secret`;
  assert.equal(link.takeToken(), "secret");
  assert.equal(browser.href, `${ORIGIN}#env=staging`);
  link.write({ env: "staging", at: "6" });
  assert.equal(browser.href, `${ORIGIN}#env=staging&at=6`);
});
