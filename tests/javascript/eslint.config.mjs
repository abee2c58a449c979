// What JavaScript is linted by: ESLint's recommended rules, and those of the others that find faults, not form.
import { createRequire } from "node:module";

const require = createRequire(new URL("../../.cache/javascript/node/", import.meta.url)); // where check.py installs them
const js = require("@eslint/js");
const globals = require("globals");

export default [
  { ignores: [".cache/", ".venv/", "bench/build/", "**/node_modules/"] },
  js.configs.recommended,
  {
    linterOptions: { reportUnusedDisableDirectives: "error" },
    languageOptions: { globals: globals.node },
    rules: {
      "array-callback-return": "error",
      "eqeqeq": "error",
      "no-constructor-return": "error",
      "no-eval": "error",
      "no-implicit-globals": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "no-promise-executor-return": "error",
      "no-return-assign": ["error", "except-parens"],
      "no-self-compare": "error",
      "no-shadow": "error",
      "no-template-curly-in-string": "error",
      "no-throw-literal": "error",
      "no-unmodified-loop-condition": "error",
      "no-unreachable-loop": "error",
      "no-unused-expressions": ["error", { allowShortCircuit: true }],
      "no-unused-vars": ["error", { varsIgnorePattern: "^_" }],
      "no-var": "error",
      "prefer-const": "error",
      "prefer-promise-reject-errors": "error",
    },
  },
  { files: ["poslogs/**"], languageOptions: { globals: { ...off(globals.node), ...globals.browser } } },
  {
    // Scripts, as people run them on any Node. That their functions are global there is no matter: each is the whole.
    files: ["examples/*.js"],
    languageOptions: { sourceType: "commonjs", ecmaVersion: 2023 },
  },
];

function off(names) {
  return Object.fromEntries(Object.keys(names).map((name) => [name, "off"]));
}
