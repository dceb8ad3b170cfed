/**
 * Measures what a page downloads: the module, and each entry as a bundler would minify it. Prints
 * a JSON list.
 */
import { readFileSync } from "node:fs";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { rolldown } from "rolldown";

const dist = new URL("../dist/", import.meta.url);

/** The entry's own chunk; what it loads later is not counted. */
async function bundled(entry) {
  const bundle = await rolldown({ input: new URL(entry, dist).pathname, logLevel: "silent" });
  const { output } = await bundle.generate({ minify: true, comments: false });
  await bundle.close();
  return Buffer.from(output.find((chunk) => chunk.isEntry).code);
}

const parts = {
  wasm: readFileSync(new URL("wasm/message_client_bg.wasm", dist)),
  facade: await bundled("index.js"),
  badge: await bundled("badge.js"),
};

const sizes = Object.entries(parts).map(([part, bytes]) => ({
  part,
  raw: bytes.length,
  gzip: gzipSync(bytes, { level: 9 }).length,
  brotli: brotliCompressSync(bytes).length,
}));
console.log(JSON.stringify(sizes));
