import { existsSync } from "node:fs";
import { defineConfig } from "@playwright/test";

/** The system's own Chromium; nothing is downloaded. */
const chromium =
  process.env["CHROMIUM"] ??
  ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find((path) => existsSync(path));

export default defineConfig({
  testDir: ".",
  outputDir: "../test-results",
  // There are seven members only, and what is unread is a member's in all: one test at a time.
  fullyParallel: false,
  workers: 1,
  retries: 0,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  reporter: [["list"]],
  use: {
    baseURL: process.env["DEMO_URL"] ?? "http://127.0.0.1:8080",
    locale: "en-GB",
    trace: { mode: "retain-on-failure", screenshots: false },
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
