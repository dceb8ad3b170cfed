/** The open conversation, as one reads and writes in it. */
import { test as ownTest } from "./own-demo.js";
import { ben, chen, dana, elif, expect, farid, fresh, grace, test } from "./people.js";

test("the_divider_stays_where_the_new_began", async ({ at }) => {
  const sender = await at(ben);
  await sender.openMessages();
  await sender.writeTo(elif);
  const old = fresh("Old.");
  await sender.send(old);
  const reader = await at(elif);
  await reader.openMessages();
  await reader.openConversation(ben);
  await reader.sees(old);
  await reader.leaveConversation();

  const news = [fresh("First."), fresh("Second.")];
  for (const text of news) await sender.send(text);
  await reader.openConversation(ben);
  await reader.seesUnread(ben, 0);
  const later = fresh("While looking.");
  await sender.send(later);
  await reader.sees(later);
  // What was new stays marked although it is read by now, and what came since is below it.
  expect(await reader.order(old, "divider", news[0]!, news[1]!, later)).toBe(true);

  await reader.leaveConversation();
  await reader.openConversation(ben);
  await reader.sees(later);
  await expect(reader.divider).toHaveCount(0);
});

test("who_reads_further_up_stays_there_and_is_told_how_much_came", async ({ at }) => {
  const sender = await at(ben);
  await sender.openMessages();
  await sender.writeTo(grace);
  for (let line = 0; line < 25; line += 1) await sender.type(fresh(`Line ${line}`));
  const last = fresh("The last line.");
  await sender.send(last);
  const reader = await at(grace);
  await reader.openMessages();
  await reader.openConversation(ben);
  // It opens where the new begins, which is a long way up.
  await reader.toLatest.click();
  await expect(reader.message(last)).toBeInViewport();
  await expect(reader.toLatest).toBeHidden();

  await reader.timeline.evaluate((timeline) => timeline.scrollTo({ top: 0, behavior: "instant" }));
  await expect(reader.toLatest).toBeVisible();
  const place = await reader.timeline.evaluate((timeline) => timeline.scrollTop);
  const texts = [fresh("One more."), fresh("And another.")];
  for (const text of texts) await sender.send(text);
  await expect(reader.toLatest).toHaveText("2 new messages");
  expect(await reader.timeline.evaluate((timeline) => timeline.scrollTop)).toBe(place);

  await reader.toLatest.click();
  await expect(reader.message(texts[1]!)).toBeInViewport();
  await expect(reader.toLatest).toBeHidden();
});

test("a_draft_is_kept_for_its_conversation", async ({ at }) => {
  const here = await at(dana);
  await here.openMessages();
  await here.writeTo(chen);
  await here.send(fresh("Hello."));
  await here.composer.fill("Could you water");
  await here.writeTo(elif);
  await expect(here.composer).toHaveValue("");
  await expect(here.lastOf(chen)).toHaveText("Draft: Could you water");
  await here.page.reload();
  await here.seesConversation(elif);
  await here.openConversation(chen);
  await expect(here.composer).toHaveValue("Could you water");
  await here.composer.press("Enter");
  await here.seesSent("Could you water");
  await here.openConversation(elif);
  await expect(here.lastOf(chen)).toHaveText("You: Could you water");
});

test("a_message_whose_answer_was_lost_is_sent_again_and_stored_once", async ({ at }) => {
  const peer = await at(farid);
  await peer.openMessages();
  await peer.writeTo(dana);
  const here = await at(dana);
  const line = await here.tapLine();
  await here.openMessages();
  await here.writeTo(farid);
  line.hears = () => false;
  const text = fresh("Did you get this?");
  await here.type(text);
  await peer.sees(text);
  await expect(here.message(text)).toHaveClass(/is-pending/);
  line.hears = () => true;
  await line.cut();
  await here.seesSent(text);
  for (const person of [here, peer]) await expect(person.message(text)).toHaveCount(1);
});

test("what_was_not_sent_can_be_tried_again_or_discarded", async ({ at }) => {
  const here = await at(dana);
  const line = await here.tapLine();
  await here.openMessages();
  await here.writeTo(farid);
  line.refuses = "send";
  const texts = { retried: fresh("Try me again."), discarded: fresh("Forget me.") };
  for (const text of Object.values(texts)) {
    await here.type(text);
    await expect(here.message(text)).toHaveClass(/is-failed/);
    await expect(here.message(text)).toContainText("Not sent.");
  }
  // Neither is lost by a reload, nor sent by it.
  delete line.refuses;
  await here.page.reload();
  await here.seesConversation(farid);
  for (const text of Object.values(texts)) await expect(here.message(text)).toHaveClass(/is-failed/);
  await here.retry(texts.retried);
  await here.seesSent(texts.retried);
  await here.discard(texts.discarded);
  await expect(here.message(texts.discarded)).toHaveCount(0);

  const again = await at(farid);
  await again.openMessages();
  await again.openConversation(dana);
  await again.sees(texts.retried);
  await expect(again.message(texts.retried)).toHaveCount(1);
  await expect(again.message(texts.discarded)).toHaveCount(0);
});

test("what_was_not_acknowledged_outlives_a_reload_and_is_sent_once", async ({ at }) => {
  const peer = await at(grace);
  await peer.openMessages();
  await peer.writeTo(dana);
  const here = await at(dana);
  const line = await here.tapLine();
  await here.openMessages();
  await here.writeTo(grace);
  for (const [loses, text] of [
    ["says", fresh("It never went out.")],
    ["hears", fresh("It went out, and nobody said so.")],
  ] as const) {
    line[loses] = () => false;
    await here.type(text);
    await expect(here.message(text)).toHaveClass(/is-pending/);
    line[loses] = () => true;
    await here.page.reload();
    await here.seesConversation(grace);
    await here.seesSent(text);
    await peer.sees(text);
    for (const person of [here, peer]) await expect(person.message(text)).toHaveCount(1);
    // It is sent by now, and a reload sends it no more.
    await here.page.reload();
    await here.seesConversation(grace);
    await here.seesSent(text);
    for (const person of [here, peer]) await expect(person.message(text)).toHaveCount(1);
  }
});

test("a_message_that_is_taken_back_is_gone_for_everyone_and_counts_no_more", async ({ at }) => {
  const sender = await at(chen);
  await sender.openMessages();
  await sender.writeTo(grace);
  const reader = await at(grace);
  await reader.openMessages();
  const before = await reader.unreadOf(chen);
  const text = fresh("写错了。");
  await sender.send(text);
  await reader.seesUnread(chen, before + 1);
  await sender.takeBack(text);
  await reader.seesUnread(chen, before);
  await expect(reader.lastOf(chen)).toHaveText("Message taken back");
  await reader.openConversation(chen);
  await expect(reader.message(text)).toHaveCount(0);
  await expect(reader.timeline).toContainText(`${chen} took a message back.`);
  await expect(sender.timeline).toContainText("You took a message back.");
});

ownTest("where_nothing_was_said_yet_it_says_so", async ({ demo, at }) => {
  const here = await at(elif, { baseURL: demo.url });
  await here.openMessages();
  await here.writeTo(grace);
  await expect(here.timeline).toContainText("Nothing here yet");
  await expect(here.timeline).toContainText(`Say hello to ${grace}.`);
  await here.send("Hello.");
  await expect(here.timeline).not.toContainText("Nothing here yet");
});
