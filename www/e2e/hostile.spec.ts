/** Browsers that keep nothing, have no room, tell the wrong time, or change hands. */
import { ada, ben, chen, dana, elif, expect, farid, fresh, grace, test, type Person } from "./people.js";

/** Everything that went wrong in a page and that nobody caught. */
function noteErrors(person: Person): string[] {
  const errors: string[] = [];
  person.page.on("pageerror", (error) => errors.push(error.message));
  return errors;
}

/** Somebody with whom to talk. */
async function peerOf(person: string, name: string, at: (name: string) => Promise<Person>): Promise<Person> {
  const peer = await at(name);
  await peer.openMessages();
  await peer.writeTo(person);
  return peer;
}

test("without_storage_all_works_and_nothing_is_remembered", async ({ at }) => {
  const peer = await peerOf(dana, elif, at);
  await peer.send(fresh("Hello."));
  const person = await at(dana);
  const errors = noteErrors(person);
  await person.blockStorage();
  await person.openMessages();
  const before = await person.unreadOf(elif);
  expect(before).toBeGreaterThan(0);
  await peer.send(fresh("Still there?"));
  await person.seesUnread(elif, before + 1);
  await person.openConversation(elif);
  await person.seesUnread(elif, 0);
  const text = fresh("Always.");
  await person.send(text);
  await peer.sees(text);
  await person.composer.fill("A draft");
  await person.openHome();
  await person.seesNoDot();
  await person.openMessages();
  expect(await person.unreadOf(elif)).toBe(0);
  await person.signOut();
  expect(errors).toEqual([]);
});

test("a_full_storage_costs_the_dot_only_until_there_is_room", async ({ at }) => {
  const person = await at(ada);
  const errors = noteErrors(person);
  await person.openMessages();
  await person.readAll();
  await person.openMessages();
  const home = await person.tab();
  await home.openHome();
  await home.seesNoDot();
  await home.fillStorage();

  const peer = await peerOf(ada, grace, at);
  const text = fresh("Can you see this?");
  await peer.send(text);
  await person.seesUnread(grace, 1);
  expect(await person.stored()).toEqual({});
  await home.seesNoDot();

  await home.emptyFiller();
  await expect(home.dot).toBeVisible({ timeout: 20_000 });
  expect(await person.stored()).toEqual(await person.unread());
  await person.openConversation(grace);
  await home.seesNoDot();
  expect(errors).toEqual([]);
});

for (const [name, hours] of [
  ["a_day_behind", -24],
  ["a_day_ahead", 24],
] as const) {
  test(`a_clock_that_is_${name}_counts_and_reads_as_any_other`, async ({ at }) => {
    const peer = await peerOf(chen, ben, at);
    await peer.send(fresh("Hello."));
    const person = await at(chen);
    const errors = noteErrors(person);
    await person.shiftClock(hours);
    await person.openMessages();
    await person.readAll();
    await person.writeTo(farid);
    const home = await person.tab();
    await home.shiftClock(hours);
    await home.openHome();
    await home.seesNoDot();
    await peer.send(fresh("Do you know what time it is?"));
    await person.seesUnread(ben, 1);
    await home.seesDot(1);
    await person.openConversation(ben);
    await home.seesNoDot();
    const text = fresh("Any time.");
    await person.send(text);
    await expect(person.message(text)).toHaveCount(1);
    expect(errors).toEqual([]);
  });
}

test("two_tabs_of_one_browser_say_the_same", async ({ at }) => {
  const peer = await peerOf(farid, grace, at);
  await peer.send(fresh("Hello."));
  const one = await at(farid);
  const other = await one.tab();
  for (const tab of [one, other]) {
    await tab.openMessages();
    await tab.readAll();
    await tab.openConversation(grace);
  }
  const said = { one: fresh("From one."), other: fresh("From the other."), peer: fresh("From me.") };
  await Promise.all([one.type(said.one), other.type(said.other), peer.type(said.peer)]);
  for (const person of [one, other, peer]) {
    for (const text of Object.values(said)) {
      await person.seesSent(text);
      await expect(person.message(text)).toHaveCount(1);
    }
  }
  const order = await peer.messages.locator(".said").allTextContents();
  for (const tab of [one, other]) {
    await expect.poll(() => tab.messages.locator(".said").allTextContents()).toEqual(order);
    await tab.seesUnread(grace, 0);
  }
  expect(await one.stored()).toEqual({});
  await other.page.close();
  await one.openHome();
  await one.seesNoDot();
});

test("a_page_that_is_reloaded_again_and_again_ends_with_the_truth", async ({ at }) => {
  const peer = await peerOf(elif, farid, at);
  const person = await at(elif);
  const errors = noteErrors(person);
  await person.openMessages();
  await person.readAll();
  for (let turn = 0; turn < 6; turn += 1) {
    await peer.type(fresh(`Turn ${turn}.`));
    // Wherever the page is by then: loading, connecting, resuming.
    await person.page.goto("/messages", { waitUntil: "commit" });
  }
  await person.openMessages();
  await person.seesUnread(farid, 6);
  await expect.poll(() => person.stored()).toEqual(await person.unread());
  expect(errors).toEqual([]);
});

test("a_tab_whose_browser_changed_hands_ends_and_shows_nothing_of_the_other", async ({ at }) => {
  const peer = await peerOf(grace, ben, at);
  const person = await at(grace);
  await person.openMessages();
  await person.readAll();
  const other = await person.tab();
  await other.signIn(chen);
  await expect(person.banner).toContainText("You were signed out in another tab.");
  await peer.send(fresh("Grace?"));
  await other.openHome();
  const shown = await other.storage();
  expect(JSON.parse(shown["ms:head"] ?? "{}")).toMatchObject({ user: "chen" });
  expect(Object.keys(shown).filter((key) => key.includes("grace"))).toEqual([]);
  expect(await person.unread()).toEqual({});
});
