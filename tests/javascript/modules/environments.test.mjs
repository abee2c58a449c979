/** environments.js: which environments a text means, which is production, and which one a sentence is about. */
import assert from "node:assert/strict";
import test from "node:test";

import { concerned, described, isProduction, meant } from "../../../poslogs/doors/page/static/environments.js";

const OFFERED = [
  { name: "staging", demo: true },
  { name: "production" },
  { name: "eu,west" },
  { name: "*", of: ["staging", "production", "eu,west"] },
];

test("production is told by its name, in whatever it stands, but not in other words", () => {
  const yes = ["production", "prod", "Live", "shop-prod", "prod_eu", "eu.live", "LIVE2", "shopprod", "product-production"];
  const no = ["staging", "preprod", "pre-production", "non-prod", "nonprod", "delivery", "olive", "products-staging", ""];
  assert.deepEqual(yes.filter((name) => !isProduction(name)), []);
  assert.deepEqual(no.filter(isProduction), []);
});

test("a text means one environment, several, or all; what is not offered is told", () => {
  const cases = /** @type {const} */ ([
    ["staging", "staging", []],
    ["*", "*", []],
    ["staging,production", "staging,production", []],
    [" production, staging ,production", "production,staging", []],
    ["eu,west", "eu,west", []], // the name of one
    ["staging,gone", "staging", ["gone"]],
    ["gone", "", ["gone"]],
    ["staging,*", "staging", ["*"]],
    [",", "", []],
    ["", "", []],
  ]);
  for (const [text, env, missing] of cases) assert.deepEqual(meant(text, OFFERED), { env, missing: [...missing] }, text);
  assert.deepEqual(meant("*", OFFERED.slice(0, 1)), { env: "", missing: ["*"] });
});

test("several environments are described by their names, and are a demo where one of them is", () => {
  assert.deepEqual(described("*", OFFERED), OFFERED[3]);
  assert.deepEqual(described("production,staging", OFFERED), { name: "production,staging", demo: true, of: ["production", "staging"] });
  assert.deepEqual(described("eu,west", OFFERED), { name: "eu,west" });
  assert.deepEqual(described("gone", OFFERED), { name: "gone" });
});

test("a sentence is about the environment that it names, also where another name begins alike", () => {
  const names = ["stag", "staging", "production"];
  assert.equal(concerned("platformOS did not answer for environment staging within 10 s.", names), "staging");
  assert.equal(concerned("platformOS did not answer for environment stag within 10 s.", names), "stag");
  assert.equal(concerned("platformOS does not answer.", names), "");
});
