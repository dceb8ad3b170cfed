/**
 * The SDK on a page without a bundler, under a strict content security policy.
 */
import assert from "node:assert/strict";
import { test } from "node:test";

import { browser, titleOf } from "../support/browser.mjs";
import { ANSWER, here, SILENT_BADGE, webAssembly } from "../support/expected.mjs";
import { serve } from "../support/serve.mjs";

const headers = {
  "content-security-policy":
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'",
};
const folders = [
  ["/sdk/", here("node_modules/message-service-client/dist")],
  ["/", here("plain")],
];

test("a plain page runs it under a strict policy", async (t) => {
  const host = await serve(folders, { headers });
  t.after(host.close);
  const chromium = await browser(t);
  assert.equal(await titleOf(chromium, host.url), ANSWER);
  assert.deepEqual(webAssembly(host.asked), ["/sdk/wasm/message_client_bg.wasm"]);

  host.asked.length = 0;
  assert.equal(await titleOf(chromium, `${host.url}/badge.html`), SILENT_BADGE);
  assert.deepEqual(webAssembly(host.asked), [], "the badge loads no WebAssembly");
});

test("where the host knows no WebAssembly, the copy inside a script takes over", async (t) => {
  const host = await serve(folders, { headers, types: { ".wasm": "text/html" } });
  t.after(host.close);
  assert.equal(await titleOf(await browser(t), host.url), ANSWER);
  assert.ok(host.asked.includes("/sdk/wasm/message_client_base64.js"));
});
