/**
 * The SDK in Node, as where a server renders pages: importing it crashes nothing, and it loads.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { test } from "node:test";
import { promisify } from "node:util";

import { here } from "../support/expected.mjs";

const run = promisify(execFile);

test("Node imports it, and runs it, without a window", async () => {
  const { stdout, stderr } = await run(process.execPath, [here("node/main.mjs")]);
  assert.deepEqual(JSON.parse(stdout), [0, 1, "direct:alice:bob"]);
  assert.equal(stderr, "");
});

test("the module can be handed over, once for all", async () => {
  const { directConversation, init, protocolVersion } = await import("message-service-client");
  assert.throws(protocolVersion, /init\(\)/);
  await assert.rejects(init(new Uint8Array([1, 2, 3])), WebAssembly.CompileError);

  const file = createRequire(import.meta.url).resolve("message-service-client/message_client.wasm");
  await Promise.all([init(await readFile(file)), init()]);
  await init();
  assert.equal(protocolVersion(), 1);
  assert.equal(directConversation("alice", "alice"), undefined);
});
