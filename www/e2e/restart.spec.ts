/** A server that is killed: its people come back by themselves, and lose nothing. */
import { test } from "./own-demo.js";
import { ada, expect, fresh, grace, type Person } from "./people.js";

const kills = 5;

/** What a conversation shows, from its beginning; what is on its way or failed is not there yet. */
async function stored(person: Person): Promise<string[]> {
  return person.messages
    .and(person.page.locator(":not(.is-pending):not(.is-failed)"))
    .locator(".said")
    .allTextContents();
}

test("a_killed_server_comes_back_and_its_people_with_it", async ({ demo, at }) => {
  const device = { baseURL: demo.url };
  const here = await at(ada, device);
  await here.openMessages();
  await here.writeTo(grace);
  await here.send(fresh("Shall we begin?"));
  const there = await at(grace, device);
  await there.openMessages();
  await there.openConversation(ada);
  let loads = 0;
  for (const { page } of [here, there]) page.on("load", () => (loads += 1));

  await here.composer.fill("I was just about to say");
  await demo.kill();
  await expect(here.banner).toContainText("No connection.");
  await expect(there.banner).toContainText("No connection.");
  const meanwhile = fresh("Is anybody there?");
  await there.type(meanwhile);
  await expect(there.message(meanwhile)).toHaveClass(/is-pending/);
  await demo.start();

  await expect(here.banner).toBeHidden({ timeout: 30_000 });
  await expect(there.banner).toBeHidden({ timeout: 30_000 });
  await there.seesSent(meanwhile);
  await here.sees(meanwhile);
  await expect(here.composer).toHaveValue("I was just about to say");
  await here.composer.press("Enter");
  await here.seesSent("I was just about to say");
  await there.sees("I was just about to say");
  expect(loads).toBe(0);
});

test("what_was_acknowledged_before_a_kill_is_there_once_and_in_order", async ({ demo, at }) => {
  test.setTimeout(120_000);
  const device = { baseURL: demo.url };
  const here = await at(ada, device);
  await here.openMessages();
  await here.writeTo(grace);
  const there = await at(grace, device);
  await there.openMessages();
  await there.writeTo(ada);

  const said: string[] = [];
  for (let kill = 0; kill < kills; kill += 1) {
    // The kill falls into the sending of one of these, wherever it happens to be.
    const sending = [0, 1, 2, 3].map((turn) => fresh(`${kill}.${turn}`));
    for (const text of sending) await here.type(text);
    await demo.kill();
    said.push(...sending);
    await demo.start();
    for (const text of sending) {
      await expect(here.message(text)).not.toHaveClass(/is-pending|is-failed/, { timeout: 30_000 });
    }
  }

  for (const person of [here, there]) await expect.poll(() => stored(person)).toEqual(said);
  // Both agree with the database, which is all that a fresh browser knows.
  const fresher = await at(grace, device);
  await fresher.openMessages();
  expect(await fresher.unread()).toEqual(await there.unread());
  await fresher.openConversation(ada);
  await expect.poll(() => stored(fresher)).toEqual(said);
});
