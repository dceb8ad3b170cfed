/** A connection that is lost, and what becomes of what was said meanwhile. */
import type { WebSocketRoute } from "@playwright/test";
import { ada, expect, fresh, grace, test } from "./people.js";

test("a_lost_connection_says_so_and_comes_back", async ({ at }) => {
  const peer = await at(grace);
  await peer.openMessages();
  await peer.writeTo(ada);

  const here = await at(ada);
  let down = false;
  const open = new Set<WebSocketRoute>();
  await here.page.routeWebSocket(/\/v1\/socket/, (socket) => {
    if (down) {
      void socket.close();
      return;
    }
    socket.connectToServer();
    open.add(socket);
  });
  await here.openMessages();
  await here.writeTo(grace);
  await here.send(fresh("Can you hear me?"));
  const banner = here.page.locator("#banner");
  await expect(banner).toBeHidden();
  let loads = 0;
  here.page.on("load", () => (loads += 1));

  down = true;
  for (const socket of open) await socket.close();
  await expect(banner).toContainText("No connection.");
  const meanwhile = fresh("You broke up.");
  await peer.send(meanwhile);
  const offline = fresh("Now?");
  await here.type(offline);
  await expect(here.message(offline)).toHaveClass(/is-pending|is-failed/);
  await expect(here.message(meanwhile)).toHaveCount(0);

  down = false;
  await here.page.evaluate(() => window.dispatchEvent(new Event("online")));
  await expect(banner).toBeHidden({ timeout: 15_000 });
  await here.sees(meanwhile);
  // What was written meanwhile was either sent by itself, or says that it was not.
  const stored = here.message(offline).and(here.page.locator(":not(.is-pending):not(.is-failed)"));
  const failed = here.message(offline).and(here.page.locator(".is-failed"));
  await expect(stored.or(failed)).toHaveCount(1);
  if ((await failed.count()) > 0) await here.retry(offline);
  await expect(stored).toHaveCount(1);
  await peer.sees(offline);
  await expect(peer.message(offline)).toHaveCount(1);
  expect(loads).toBe(0);

  // It is live again, and not only caught up.
  const after = fresh("Loud and clear.");
  await peer.send(after);
  await here.sees(after);
});
