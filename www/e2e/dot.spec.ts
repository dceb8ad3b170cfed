/** The red dot: on the home page out of storage alone, and on a transition alone. */
import type { Page } from "@playwright/test";
import { dana, elif, expect, farid, fresh, grace, test } from "./people.js";

/** What a page has asked the message service for, in whatever way. */
function noteAsked(page: Page): string[] {
  const asked: string[] = [];
  page.on("websocket", (socket) => asked.push(socket.url()));
  page.on("request", (request) => {
    const { pathname } = new URL(request.url());
    if (pathname.endsWith(".wasm") || pathname.startsWith("/service/")) asked.push(pathname);
  });
  return asked;
}

test("s10_home_paints_the_dot_from_storage_alone", async ({ at }) => {
  const sender = await at(dana);
  await sender.openMessages();
  await sender.writeTo(grace);
  await sender.send(fresh("Seen the hose?"));

  // The database has something unread; this browser has never heard of it.
  const reader = await at(grace);
  const asked = noteAsked(reader.page);
  await reader.openHome();
  await reader.seesNoDot();
  expect(await reader.entries()).toEqual({});

  const messages = await reader.tab();
  const askedThere = noteAsked(messages.page);
  await messages.openMessages();
  const total = Object.values(await messages.unread()).reduce((sum, n) => sum + n, 0);
  expect(total).toBeGreaterThan(0);
  await reader.seesDot(total);
  expect(askedThere.some((url) => url.startsWith("ws"))).toBe(true);
  expect(askedThere.some((url) => url.endsWith(".wasm"))).toBe(true);
  await messages.page.close();

  await reader.openHome();
  await reader.seesDot(total);
  await expect(reader.page).toHaveTitle(new RegExp(`^\\(${total}\\) `));
  await reader.page.evaluate(() => localStorage.clear());
  await reader.openHome();
  await reader.seesNoDot();
  await expect(reader.page.getByRole("link", { name: `${grace}: switch or sign out` })).toBeVisible();
  await reader.seesNoDot();
  expect(asked).toEqual([]);
});

test("s10_another_tab_moves_the_dot_without_a_reload", async ({ at }) => {
  const sender = await at(farid);
  await sender.openMessages();
  await sender.writeTo(grace);
  const home = await at(grace);
  const messages = await home.tab();
  await messages.openMessages();
  await messages.readAll();
  await messages.page.goto("/messages");
  await home.openHome();
  await home.seesNoDot();
  let loads = 0;
  home.page.on("load", () => (loads += 1));
  const asked = noteAsked(home.page);

  await expect(messages.list).toHaveAttribute("aria-busy", "false");
  await sender.send(fresh("Where are the scissors?"));
  await home.seesDot(1);
  await sender.send(fresh("Found them."));
  await home.seesDot(2);
  await messages.openConversation(farid);
  await home.seesNoDot();
  expect(loads).toBe(0);
  expect(asked).toEqual([]);
});

test("s12_the_dot_changes_on_a_transition_alone", async ({ at }) => {
  const first = await at(farid);
  await first.openMessages();
  await first.writeTo(dana);
  const second = await at(elif);
  await second.openMessages();
  await second.writeTo(dana);

  const messages = await at(dana);
  await messages.openMessages();
  await messages.readAll();
  await messages.openMessages();
  const home = await messages.tab();
  await home.openHome();
  const elsewhere = await at(dana);
  await elsewhere.openMessages();
  await messages.lookAway();
  for (const tab of [home, messages]) {
    await tab.seesNoDot();
    expect(await tab.iconCalls()).toBe(false);
    expect(await tab.page.title()).not.toMatch(/^\(/);
    await tab.noteDot();
  }

  await first.send(fresh("One."));
  for (const tab of [home, messages]) {
    await tab.seesDot(1);
    await expect.poll(() => tab.iconCalls()).toBe(true);
    await expect(tab.page).toHaveTitle(/^\(1\) /);
  }
  await first.send(fresh("Two."));
  await second.send(fresh("Three."));
  for (const tab of [home, messages]) {
    await tab.seesDot(3);
    expect(await tab.dotChanges()).toEqual(["came"]);
  }

  await elsewhere.openConversation(farid);
  for (const tab of [home, messages]) {
    await tab.seesDot(1);
    expect(await tab.dotChanges()).toEqual(["came"]);
  }
  await elsewhere.openConversation(elif);
  for (const tab of [home, messages]) {
    await tab.seesNoDot();
    await expect.poll(() => tab.iconCalls()).toBe(false);
    await expect(tab.page).not.toHaveTitle(/^\(/);
    expect(await tab.dotChanges()).toEqual(["came", "went"]);
  }
});

test("s12_login_tells_whether_the_dot_shows", async ({ at }) => {
  const clean = await at(dana);
  await clean.openMessages();
  await clean.readAll();
  const none = await at(dana);
  await none.openMessages();
  await none.lookAway();
  await none.seesNoDot();
  const sender = await at(grace);
  await sender.openMessages();
  await sender.writeTo(dana);
  await clean.openHome();
  await sender.send(fresh("Rain at last."));

  const some = await at(dana);
  await some.openMessages();
  // Here one looks at the messages: the dot has nothing to add, the title still counts.
  await some.seesNoDot();
  await expect(some.page).toHaveTitle(/^\(1\) /);
  await some.lookAway();
  await some.seesDot(1);
});
