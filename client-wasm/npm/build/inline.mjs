/**
 * Writes a module as a script that exports it in base64, with its types.
 * `node inline.mjs module.wasm script.js`
 */
import { readFileSync, writeFileSync } from "node:fs";

const [module, script] = process.argv.slice(2);
const base64 = readFileSync(module).toString("base64");
writeFileSync(script, `export const wasmBase64 = "${base64}";\n`);
writeFileSync(script.replace(/\.js$/, ".d.ts"), "export declare const wasmBase64: string;\n");
