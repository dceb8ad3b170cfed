/**
 * A demo of a test's own, which may be killed and started again. Its program is the one that
 * `cargo xtask e2e` has built.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { test as base } from "./people.js";

/** A test with a demo of its own: `at(name, { baseURL: demo.url })` is somebody who is there. */
export const test = base.extend<{ demo: OwnDemo }>({
  demo: async ({}, use) => {
    const demo = await OwnDemo.start();
    await use(demo);
    await demo.remove();
  },
});

const program =
  process.env["DEMO_PROGRAM"] ??
  fileURLToPath(new URL("../../target/debug/message-service-demo", import.meta.url));

export class OwnDemo {
  readonly #data = mkdtempSync(join(tmpdir(), "fernrow-"));
  readonly #port: number;
  #process: ChildProcess | undefined;

  private constructor(port: number) {
    this.#port = port;
  }

  static async start(): Promise<OwnDemo> {
    const demo = new OwnDemo(await freePort());
    await demo.start();
    return demo;
  }

  get url(): string {
    return `http://localhost:${this.#port}`;
  }

  /** Starts it, with what it kept, and waits until it says that it is open. */
  async start(): Promise<void> {
    const started = spawn(program, ["--port", String(this.#port), "--data", this.#data], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#process = started;
    for await (const line of createInterface({ input: started.stdout })) {
      if (line.includes(this.url)) return;
    }
    throw new Error("the demo ended before it was open");
  }

  /** Ends it as a power cut does: without a word to anybody. */
  async kill(): Promise<void> {
    const killed = this.#process;
    if (killed === undefined) return;
    this.#process = undefined;
    const ended = once(killed, "exit");
    killed.kill("SIGKILL");
    await ended;
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.#data, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
