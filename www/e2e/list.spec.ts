/** The list of conversations: what a row says, and how it follows what is said. */
import { ada, ben, chen, dana, elif, expect, farid, fresh, grace, test } from "./people.js";

test("s13_rows_show_name_picture_latest_message_and_unread_newest_first", async ({ at }) => {
  const earlier = await at(ben);
  await earlier.openMessages();
  const before = { grace: await earlier.unreadOf(grace), chen: await earlier.unreadOf(chen) };
  await earlier.leave();
  const said = { grace: fresh("Your beans again."), chen: fresh("堆肥好了。") };
  for (const [name, text] of [
    [grace, said.grace],
    [chen, said.chen],
  ] as const) {
    const sender = await at(name);
    await sender.openMessages();
    await sender.writeTo(ben);
    await sender.send(text);
    await sender.leave();
  }

  const reader = await at(ben);
  await reader.openMessages();
  const names = await reader.conversations();
  expect(names.slice(0, 2)).toEqual([chen, grace]);
  expect(new Set(names).size).toBe(names.length);
  await expect(reader.lastOf(chen)).toHaveText(said.chen);
  await expect(reader.lastOf(grace)).toHaveText(said.grace);
  expect(await reader.unreadOf(chen)).toBe(before.chen + 1);
  expect(await reader.unreadOf(grace)).toBe(before.grace + 1);
  await expect(reader.conversation(chen).locator(".count")).toHaveText(String(before.chen + 1));
  const picture = reader.pictureOf(chen).locator("img");
  await expect(picture).toHaveAttribute("src", /\/avatars\/sunflower\.svg$/);
  await expect(picture).toHaveClass(/is-loaded/);
  await expect(reader.pictureOf(grace)).toHaveText("GM");
  await expect(reader.pictureOf(grace).locator("img")).toHaveCount(0);

  const times = await reader.list
    .locator("time")
    .evaluateAll((all) => all.map((each) => Date.parse((each as HTMLTimeElement).dateTime)));
  expect(times.length).toBeGreaterThan(2);
  expect(times).toEqual([...times].sort((one, other) => other - one));
});

test("s14_a_message_moves_its_conversation_up_and_updates_it_live", async ({ at }) => {
  const senders = { dana: await at(dana), ben: await at(ben) };
  for (const sender of Object.values(senders)) {
    await sender.openMessages();
    await sender.writeTo(ada);
  }
  const reader = await at(ada);
  await reader.openMessages();
  const before = { dana: await reader.unreadOf(dana), ben: await reader.unreadOf(ben) };
  let loads = 0;
  reader.page.on("load", () => (loads += 1));

  for (const [turn, name, text] of [
    ["dana", dana, fresh("Row 7 is dry.")],
    ["ben", ben, fresh("Nine-ish?")],
    ["dana", dana, fresh("Row 8 too.")],
  ] as const) {
    before[turn] += 1;
    await senders[turn].send(text);
    await expect(reader.lastOf(name)).toHaveText(text);
    await reader.seesUnread(name, before[turn]);
    await expect.poll(async () => (await reader.conversations())[0]).toBe(name);
  }
  expect((await reader.conversations()).slice(0, 2)).toEqual([dana, ben]);
  expect(await reader.unreadOf(ben)).toBe(before.ben);
  expect(loads).toBe(0);
});

test("s14_an_own_message_updates_the_latest_and_nothing_unread", async ({ at }) => {
  const here = await at(ada);
  await here.openMessages();
  const other = await at(ada);
  await other.openMessages();
  await other.writeTo(elif);
  await here.seesUnread(elif, 0);

  const there = fresh("I am in.");
  await other.send(there);
  await expect(here.lastOf(elif)).toHaveText(`You: ${there}`);
  await expect.poll(async () => (await here.conversations())[0]).toBe(elif);
  expect(await here.unreadOf(elif)).toBe(0);

  await here.writeTo(farid);
  const mine = fresh("Of course you can.");
  await here.send(mine);
  for (const device of [here, other]) {
    await expect(device.lastOf(farid)).toHaveText(`You: ${mine}`);
    await expect.poll(async () => (await device.conversations()).slice(0, 2)).toEqual([farid, elif]);
    await device.seesUnread(farid, 0);
  }
});

test("s15_what_is_sent_into_the_open_conversation_is_never_unread", async ({ at }) => {
  const sender = await at(dana);
  await sender.openMessages();
  await sender.writeTo(ben);
  await sender.send(fresh("Hello."));
  const other = await at(farid);
  await other.openMessages();
  await other.writeTo(ben);
  await other.send(fresh("Hello."));

  const reader = await at(ben);
  await reader.openMessages();
  await reader.openConversation(dana);
  await reader.seesUnread(dana, 0);
  const before = await reader.unreadOf(farid);
  await reader.noteUnread(dana);
  for (const text of [fresh("One."), fresh("Two."), fresh("Three.")]) {
    await sender.send(text);
    await other.send(text);
    await reader.sees(text);
    await expect(reader.lastOf(dana)).toHaveText(text);
    await expect(reader.lastOf(farid)).toHaveText(text);
  }
  await reader.seesUnread(farid, before + 3);
  expect(await reader.unreadOf(dana)).toBe(0);
  expect(await reader.unreadShown()).toEqual([]);

  // The note does note, once nobody looks.
  await reader.lookAway();
  await sender.send(fresh("Four."));
  await reader.seesUnread(dana, 1);
  expect(await reader.unreadShown()).toContain("1");
});

test("s16_opening_a_conversation_clears_all_of_it_on_every_device", async ({ at }) => {
  const sender = await at(chen);
  await sender.openMessages();
  await sender.writeTo(ada);
  const other = await at(grace);
  await other.openMessages();
  await other.writeTo(ada);
  await other.send(fresh("Good morning."));
  const devices = [await at(ada), await at(ada)] as const;
  const [here, there] = devices;
  for (const device of devices) await device.openMessages();
  const before = await here.unreadOf(chen);
  const kept = await here.unreadOf(grace);
  expect(kept).toBeGreaterThan(0);
  const texts = [fresh("四株。"), fresh("五株。"), fresh("六株。")];
  for (const text of texts) await sender.send(text);
  for (const device of devices) await device.seesUnread(chen, before + texts.length);
  const id = await here.idOf(chen);
  await expect.poll(() => there.entries()).toHaveProperty([id]);

  await here.openConversation(chen);
  for (const text of texts) await here.sees(text);
  for (const device of devices) {
    await device.seesUnread(chen, 0);
    await expect.poll(() => device.entries()).not.toHaveProperty([id]);
    expect(await device.unreadOf(grace)).toBe(kept);
    expect(await device.entries()).toHaveProperty([await device.idOf(grace)]);
  }
});
