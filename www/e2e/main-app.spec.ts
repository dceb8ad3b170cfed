/** The panel that plays the main app: what it pushes arrives where it should, and nowhere else. */
import { ada, ben, chen, elif, expect, farid, fresh, grace, test } from "./people.js";

test("a_push_reaches_one_several_or_everyone", async ({ at }) => {
  const mainApp = await at(ada);
  await mainApp.openMessages();
  const receivers = { one: await at(ben), several: await at(chen), nobody: await at(elif) };
  for (const person of Object.values(receivers)) await person.openMessages();

  const toOne = fresh("Your fork is due");
  await mainApp.push(ben, toOne);
  await expect(receivers.one.lastOf("Notices")).toHaveText(new RegExp(toOne));
  const toSeveral = fresh("Your keys are ready");
  await mainApp.push([chen, ben], toSeveral);
  for (const person of [receivers.one, receivers.several])
    await expect(person.lastOf("Notices")).toHaveText(new RegExp(toSeveral));
  const toAll = fresh("The gate closes early");
  await mainApp.push("everyone", toAll);
  for (const person of [mainApp, ...Object.values(receivers)])
    await expect(person.lastOf("Announcements")).toHaveText(new RegExp(toAll));
  // What was pushed before it reached nobody else.
  expect(await receivers.several.lastOf("Notices").textContent()).not.toContain(toOne);
  for (const text of [toOne, toSeveral])
    await expect(receivers.nobody.list.getByText(text, { exact: false })).toHaveCount(0);
});

test("a_push_that_is_recalled_is_gone_and_counts_no_more", async ({ at }) => {
  const mainApp = await at(ada);
  await mainApp.openMessages();
  const receiver = await at(farid);
  await receiver.openMessages();
  const before = await receiver.unreadOf("Announcements");
  const title = fresh("Sent by mistake");
  await mainApp.push("everyone", title);
  await receiver.seesUnread("Announcements", before + 1);
  await mainApp.recallPush(title);
  await receiver.seesUnread("Announcements", before);
  await receiver.openConversation("Announcements");
  await expect(receiver.timeline).toContainText("A notice was taken back.");
  await expect(receiver.timeline).not.toContainText(title);
});

test("a_quiet_push_is_in_the_history_and_never_counts", async ({ at }) => {
  const mainApp = await at(ada);
  await mainApp.openMessages();
  const receiver = await at(grace);
  await receiver.openMessages();
  const before = await receiver.unreadOf("Announcements");
  const title = fresh("The minutes are online");
  await mainApp.pushQuietly("everyone", title);
  await expect(receiver.lastOf("Announcements")).toHaveText(new RegExp(title));
  expect(await receiver.unreadOf("Announcements")).toBe(before);
});

test("more_than_99_are_99_plus_and_a_screen_reader_hears_how_many", async ({ at }) => {
  const receiver = await at(elif);
  await receiver.openMessages();
  await receiver.readAll();
  await receiver.openHome();
  await receiver.seesNoDot();
  for (let count = 0; count < 101; count += 1) await receiver.pushDirectly(fresh(`Notice ${count}`));
  await receiver.openMessages();
  await receiver.seesUnread("Notices", 101);
  await expect(receiver.conversation("Notices").locator(".count")).toHaveText("99+");
  await expect(receiver.page).toHaveTitle(/^\(99\+\) /);
  await receiver.openHome();
  await receiver.seesDot(101);
  await expect(receiver.dot).toHaveText("99+");
});
