import { existsSync } from "node:fs";
import { defineConfig } from "@playwright/test";

/** The system's own Chromium; nothing is downloaded. */
const chromium =
  process.env["CHROMIUM"] ??
  ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find((path) => existsSync(path));

export default defineConfig({
  testDir: ".",
  outputDir: "../test-results",
  // A user each, and conversations of their own: specs don't meet, so they can run side by side.
  fullyParallel: true,
  workers: 2,
  retries: 0,
  timeout: 30_000,
  expect: { timeout: 5_000 },
  reporter: [["list"]],
  use: {
    baseURL: process.env["DEMO_URL"] ?? "http://127.0.0.1:8080",
    locale: "en-GB",
    trace: "retain-on-failure",
    launchOptions: {
      ...(chromium !== undefined && { executablePath: chromium }),
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
      ],
    },
  },
});
