/** What is unread, and how this browser's storage follows it: from sign-in to reading. */
import { ada, ben, chen, dana, elif, expect, farid, fresh, grace, test } from "./people.js";

test.describe("s07", () => {
  test("s07_login_mirrors_unread_into_storage", async ({ at }) => {
    const earlier = await at(farid);
    await earlier.openMessages();
    const before = await earlier.unreadOf(grace);
    await earlier.leave();

    const sender = await at(grace);
    await sender.openMessages();
    await sender.writeTo(farid);
    await sender.send(fresh("Is the shed open?"));
    await sender.send(fresh("Somebody has to lock it."));

    // Signing in leads to the home page, which opens no socket: the dot is there by then.
    const receiver = await at(farid);
    await receiver.signIn(farid);
    const mirrored = await receiver.stored();
    const total = Object.values(mirrored).reduce((sum, n) => sum + n, 0);
    await receiver.seesDot(total);
    await receiver.openMessages();
    await receiver.seesUnread(grace, before + 2);
    expect(mirrored).toEqual(await receiver.unread());
    await expect.poll(() => receiver.stored()).toEqual(await receiver.unread());
    expect((await receiver.stored())[await receiver.idOf(grace)]).toBe(before + 2);
  });

  test("s07_login_mirrors_nothing_of_what_was_read", async ({ at }) => {
    const sender = await at(grace);
    await sender.openMessages();
    await sender.writeTo(elif);
    const text = fresh("The swap begins at ten.");
    await sender.send(text);
    const earlier = await at(elif);
    await earlier.openMessages();
    await earlier.openConversation(grace);
    await earlier.sees(text);
    await earlier.seesUnread(grace, 0);
    await earlier.leave();
    // Something is unread elsewhere, so that there is a mirror to be empty in one place.
    const other = await at(farid);
    await other.openMessages();
    await other.writeTo(elif);
    await other.send(fresh("I bring labels."));

    const again = await at(elif);
    await again.openMessages();
    const id = await again.idOf(grace);
    const elsewhere = await again.idOf(farid);
    await expect.poll(() => again.stored()).toHaveProperty([elsewhere]);
    expect(await again.stored()).not.toHaveProperty([id]);
    expect(await again.stored()).toEqual(await again.unread());
  });
});

test.describe("s08", () => {
  test("s08_a_message_updates_its_entry_and_is_in_the_database", async ({ at }) => {
    const sender = await at(elif);
    await sender.openMessages();
    await sender.writeTo(ben);
    await sender.send(fresh("Are you in?"));
    const receiver = await at(ben);
    await receiver.openMessages();
    const id = await receiver.idOf(elif);
    await expect.poll(() => receiver.entries()).toHaveProperty([id]);
    const { [id]: before, ...others } = await receiver.entries();

    const text = fresh("Say yes.");
    await sender.send(text);
    await expect
      .poll(async () => (await receiver.entries())[id])
      .toMatchObject({ n: before!.n + 1, last: before!.last + 1 });
    const { [id]: _, ...othersAfter } = await receiver.entries();
    expect(othersAfter).toEqual(others);
    expect(await receiver.unread()).toEqual(await receiver.stored());

    const elsewhere = await at(ben);
    await elsewhere.openMessages();
    await elsewhere.openConversation(elif);
    await elsewhere.sees(text);
  });

  test("s08_an_own_message_from_another_device_never_enters_storage", async ({ at }) => {
    const peer = await at(farid);
    await peer.openMessages();
    await peer.writeTo(ben);
    const other = await at(ben);
    await other.openMessages();
    await other.writeTo(farid);
    await other.send(fresh("First."));

    const here = await at(ben);
    await here.noteWrites();
    await here.openMessages();
    const id = await here.idOf(farid);
    expect(await here.wrote()).not.toContain(id);
    const text = fresh("Second.");
    await other.send(text);
    await expect(here.lastOf(farid)).toHaveText(`You: ${text}`);
    expect(await here.unreadOf(farid)).toBe(0);
    expect(await here.wrote()).not.toContain(id);

    // The other's message does: what was noted above is really nothing.
    await other.openHome();
    await peer.send(fresh("Third."));
    await expect.poll(() => here.wrote()).toContain(id);
    expect((await here.entries())[id]?.n).toBe(1);
  });
});

test.describe("s09", () => {
  test("s09_reading_removes_the_entry_and_it_is_read_everywhere", async ({ at }) => {
    for (const name of [dana, elif]) {
      const sender = await at(name);
      await sender.openMessages();
      await sender.writeTo(chen);
      await sender.send(fresh("The pump is on."));
      await sender.leave();
    }
    const reader = await at(chen);
    await reader.openMessages();
    const read = await reader.idOf(dana);
    const kept = await reader.idOf(elif);
    await expect.poll(() => reader.entries()).toHaveProperty([read]);
    const before = await reader.entries();
    expect(before).toHaveProperty([kept]);

    await reader.openConversation(dana);
    const { [read]: _, ...others } = before;
    await expect.poll(() => reader.entries()).toEqual(others);
    // The server has acknowledged it.
    await expect.poll(() => reader.storage()).not.toHaveProperty([`ms:r:${read}`]);

    const elsewhere = await at(chen);
    await elsewhere.openMessages();
    expect(await elsewhere.unreadOf(dana)).toBe(0);
    expect(await elsewhere.unreadOf(elif)).toBe(before[kept]!.n);
    await expect.poll(() => elsewhere.stored()).toHaveProperty([kept]);
    expect(await elsewhere.entries()).not.toHaveProperty([read]);
  });

  test("s09_a_page_closed_right_after_reading_has_read", async ({ at }) => {
    const sender = await at(farid);
    await sender.openMessages();
    await sender.writeTo(chen);
    const text = fresh("The pump is off.");
    await sender.send(text);

    const reader = await at(chen);
    await reader.openMessages();
    const id = await reader.idOf(farid);
    expect(await reader.unreadOf(farid)).toBeGreaterThan(0);
    await reader.conversation(farid).click();
    await reader.sees(text);
    await reader.page.close();

    const home = await reader.tab();
    await home.openHome();
    expect(await home.entries()).not.toHaveProperty([id]);
    const elsewhere = await at(chen);
    await elsewhere.openMessages();
    await expect(elsewhere.lastOf(farid)).toHaveText(text);
    expect(await elsewhere.unreadOf(farid)).toBe(0);
    const again = await reader.tab();
    await again.openMessages();
    expect(await again.unreadOf(farid)).toBe(0);
    await expect.poll(() => again.stored()).toEqual(await again.unread());
    expect(await again.entries()).not.toHaveProperty([id]);
  });
});

test.describe("s11", () => {
  test("s11_a_message_that_is_looked_at_never_touches_storage", async ({ at }) => {
    const sender = await at(elif);
    await sender.openMessages();
    await sender.writeTo(farid);
    await sender.send(fresh("Hello."));
    const other = await at(ada);
    await other.openMessages();
    await other.writeTo(farid);

    const reader = await at(farid);
    await reader.noteWrites();
    await reader.openMessages();
    await reader.openConversation(elif);
    const id = await reader.idOf(elif);
    await expect.poll(() => reader.entries()).not.toHaveProperty([id]);
    const written = (await reader.wrote()).filter((each) => each === id).length;

    for (const text of [fresh("One."), fresh("Two."), fresh("Three.")]) {
      await sender.send(text);
      await reader.sees(text);
    }
    // What is not looked at is written, in the same page and after it.
    await other.send(fresh("And me?"));
    const otherId = await other.page.evaluate(() => new URLSearchParams(location.search).get("conversation"));
    await expect.poll(() => reader.wrote()).toContain(otherId);
    expect((await reader.wrote()).filter((each) => each === id)).toHaveLength(written);
    expect(await reader.entries()).not.toHaveProperty([id]);
    expect(await reader.unreadOf(elif)).toBe(0);

    await expect.poll(() => reader.storage()).not.toHaveProperty([`ms:r:${id}`]);
    const elsewhere = await at(farid);
    await elsewhere.openMessages();
    expect(await elsewhere.unreadOf(elif)).toBe(0);
  });

  for (const how of ["another window", "another tab"] as const) {
    test(`s11_a_message_is_not_read_while_its_reader_is_in_${how.replace(" ", "_")}`, async ({ at }) => {
      const sender = await at(dana);
      await sender.openMessages();
      await sender.writeTo(farid);
      await sender.send(fresh("Hello."));
      const reader = await at(farid);
      await reader.openMessages();
      await reader.openConversation(dana);
      const id = await reader.idOf(dana);
      await reader.seesUnread(dana, 0);
      await reader.lookAway(how);

      const text = fresh("Are you there?");
      await sender.send(text);
      await expect.poll(async () => (await reader.entries())[id]?.n).toBe(1);
      await reader.seesUnread(dana, 1);
      const elsewhere = await at(farid);
      await elsewhere.openMessages();
      expect(await elsewhere.unreadOf(dana)).toBe(1);

      await reader.lookBack();
      await reader.sees(text);
      await expect.poll(() => reader.entries()).not.toHaveProperty([id]);
      await elsewhere.seesUnread(dana, 0);
    });
  }
});
