/**
 * The SDK in an app that Vite builds, without any configuration for the SDK.
 */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { build, createServer } from "vite";

import { browser, titleOf } from "../support/browser.mjs";
import { ANSWER, here, SILENT_BADGE, webAssembly } from "../support/expected.mjs";
import { serve } from "../support/serve.mjs";

const root = here("vite");

test("Vite's build holds one WebAssembly file, and it answers", async (t) => {
  await build({ root, logLevel: "error" });
  const files = readdirSync(here("vite/dist"), { recursive: true });
  assert.equal(files.filter((file) => file.endsWith(".wasm")).length, 1, files.join("\n"));

  const host = await serve([["/", here("vite/dist")]]);
  t.after(host.close);
  const chromium = await browser(t);
  assert.equal(await titleOf(chromium, host.url), ANSWER);
  assert.equal(webAssembly(host.asked).length, 1, "the copy inside a script is not loaded as well");

  host.asked.length = 0;
  assert.equal(await titleOf(chromium, `${host.url}/badge.html`), SILENT_BADGE);
  assert.deepEqual(webAssembly(host.asked), [], "the badge loads no WebAssembly");
});

test("Vite's development server serves it too", async (t) => {
  const server = await createServer({ root, logLevel: "error", server: { port: 0 } });
  t.after(() => server.close());
  await server.listen();
  assert.equal(await titleOf(await browser(t), server.resolvedUrls.local[0]), ANSWER);
});
