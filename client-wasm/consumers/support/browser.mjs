/**
 * The system's Chromium, without a window and without talking to anyone but the page's server.
 */
import { chromium } from "playwright-core";

const FLAGS = [
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-dev-shm-usage",
  "--disable-gpu",
  "--disable-quic",
  "--disable-sync",
  "--no-first-run",
  // In a container we are often root, where the sandbox can't be had. The pages are our own.
  "--no-sandbox",
];

/** A browser until the test is over. */
export async function browser(test) {
  const executablePath = process.env.CHROMIUM;
  if (!executablePath) throw new Error("CHROMIUM must name the browser; `cargo xtask test` does");
  const launched = await chromium.launch({ executablePath, args: FLAGS });
  test.after(() => launched.close());
  return launched;
}

/**
 * Opens a page and waits until it says that it is done. Gives its title; an error of the page's
 * own fails the test at once.
 */
export async function titleOf(launched, url) {
  const page = await launched.newPage();
  try {
    const broken = new Promise((_, fail) => {
      page.on("pageerror", fail);
      page.on("console", (message) => message.type() === "error" && fail(new Error(message.text())));
    });
    const done = page.goto(url).then(() => page.waitForSelector("[data-done=yes]", { state: "attached" }));
    await Promise.race([done, broken]);
    return await page.title();
  } finally {
    await page.close();
  }
}
