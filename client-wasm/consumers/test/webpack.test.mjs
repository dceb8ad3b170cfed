/**
 * The SDK in an app that webpack builds, without any configuration for the SDK.
 */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import webpack from "webpack";

import { browser, titleOf } from "../support/browser.mjs";
import { ANSWER, here, SILENT_BADGE, webAssembly } from "../support/expected.mjs";
import { serve } from "../support/serve.mjs";
import configuration from "../webpack/webpack.config.js";

function build() {
  return new Promise((built, failed) => {
    webpack(configuration, (error, stats) => {
      if (error) failed(error);
      else if (stats.hasErrors() || stats.hasWarnings()) failed(new Error(stats.toString("minimal")));
      else built();
    });
  });
}

test("webpack's build holds one WebAssembly file, and it answers", async (t) => {
  await build();
  const files = readdirSync(here("webpack/dist"), { recursive: true });
  assert.equal(files.filter((file) => file.endsWith(".wasm")).length, 1, files.join("\n"));

  const host = await serve([["/", here("webpack/dist")], ["/", here("webpack")]]);
  t.after(host.close);
  const chromium = await browser(t);
  assert.equal(await titleOf(chromium, host.url), ANSWER);
  assert.equal(webAssembly(host.asked).length, 1, "the copy inside a script is not loaded as well");

  host.asked.length = 0;
  assert.equal(await titleOf(chromium, `${host.url}/badge.html`), SILENT_BADGE);
  assert.deepEqual(webAssembly(host.asked), [], "the badge loads no WebAssembly");
});
