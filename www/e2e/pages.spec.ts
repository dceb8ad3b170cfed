/** What holds of every page: widths, languages, the keyboard, what a screen reader hears by itself. */
import { ada, ben, chen, dana, expect, farid, fresh, grace, test, type Person } from "./people.js";

/** Every page, as it is once it has all that it shows. */
const pages: Record<string, (person: Person) => Promise<void>> = {
  "sign-in": (person) => person.openSignIn(),
  home: (person) => person.openHome(),
  "the list": (person) => person.openMessages(),
  "a conversation": async (person) => {
    await person.openMessages();
    await person.openConversation(farid);
  },
  "the notices": async (person) => {
    await person.openMessages();
    await person.openConversation("Announcements");
  },
  "the main app's side": async (person) => {
    await person.openMessages();
    await person.openPanel();
  },
};

for (const width of [320, 390, 800, 1280]) {
  test(`no_page_is_wider_than_a_screen_of_${width}`, async ({ at }) => {
    const sender = await at(farid);
    await sender.openMessages();
    await sender.writeTo(ada);
    await sender.send(`${"w".repeat(300)} https://example.com/${"long/".repeat(60)}`);
    await sender.leave();
    const person = await at(ada, { viewport: { width, height: 800 } });
    for (const [name, open] of Object.entries(pages)) {
      await open(person);
      const over = await person.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect(over, name).toBeLessThanOrEqual(0);
    }
  });
}

test("the_pages_speak_the_readers_language", async ({ at }) => {
  const person = await at(chen, { locale: "zh-CN" });
  await person.page.goto("/");
  await expect(person.page.locator("html")).toHaveAttribute("lang", "zh-Hans");
  await expect(person.page.getByRole("heading", { level: 1 })).toHaveText("好土壤，好邻居。");
  await person.page.goto("/messages");
  const list = person.page.getByRole("listbox", { name: "会话" });
  await expect(list).toHaveAttribute("aria-busy", "false");
  await expect(list.getByRole("option", { name: /^公告/ })).toBeVisible();
  // Names are the people's own, whatever the reader speaks.
  await expect(list.getByRole("option", { name: new RegExp(`^${ada}`) })).toBeVisible();
});

test("names_and_messages_are_written_in_their_own_direction", async ({ at }) => {
  const sender = await at(farid);
  await sender.openMessages();
  await sender.writeTo(dana);
  await sender.send("مرحبا يا دانا (1)");
  const reader = await at(dana);
  await reader.openMessages();
  const name = reader.conversation(farid).locator(".row-name");
  const direction = (element: Element) => getComputedStyle(element).direction;
  expect(await name.evaluate(direction)).toBe("rtl");
  expect(await reader.lastOf(farid).evaluate(direction)).toBe("rtl");
  await reader.openConversation(farid);
  expect(await reader.message("مرحبا").last().locator(".said").evaluate(direction)).toBe("rtl");
  // The page itself keeps its direction, and so do the others.
  expect(await reader.page.locator("html").evaluate(direction)).toBe("ltr");
});

test("the_list_is_walked_by_arrows_and_found_by_letters", async ({ at }) => {
  for (const name of [ben, chen, grace]) {
    const sender = await at(name);
    await sender.openMessages();
    await sender.writeTo(dana);
    await sender.send(fresh("Hello."));
    await sender.leave();
  }
  const reader = await at(dana);
  await reader.openMessages();
  const names = await reader.conversations();
  expect(names.length).toBeGreaterThan(2);
  const { keyboard } = reader.page;
  await reader.conversation(names[0]!).focus();
  await keyboard.press("ArrowDown");
  await expect(reader.conversation(names[1]!)).toBeFocused();
  await keyboard.press("End");
  await expect(reader.conversation(names.at(-1)!)).toBeFocused();
  await keyboard.press("Home");
  await expect(reader.conversation(names[0]!)).toBeFocused();
  await keyboard.type("gr");
  await expect(reader.conversation(grace)).toBeFocused();
  await keyboard.press("Enter");
  await reader.seesConversation(grace);
  await expect(reader.conversation(grace)).toHaveAttribute("aria-selected", "true");
  await expect(reader.composer).toBeFocused();
});

test("what_arrives_is_said_once_and_politely", async ({ at }) => {
  const sender = await at(ben);
  await sender.openMessages();
  await sender.writeTo(chen);
  const reader = await at(chen);
  await reader.openMessages();
  await reader.noteSaid();
  await sender.send(fresh("Elsewhere."));
  await expect.poll(() => reader.said()).toEqual([`New message from ${ben}`]);
  await reader.openConversation(ben);
  const text = fresh("Here.");
  await sender.send(text);
  await expect.poll(() => reader.said()).toEqual([`New message from ${ben}`, `${ben}: ${text}`]);
  await expect(reader.page.locator("[aria-live=polite], [aria-live=assertive], [role=alert]")).toHaveCount(1);
});

test("signing_out_leaves_nothing_of_anybody", async ({ at }) => {
  const sender = await at(ben);
  await sender.openMessages();
  await sender.writeTo(grace);
  await sender.send(fresh("Hello."));
  const person = await at(grace);
  await person.openMessages();
  await person.openHome();
  await person.seesDot();
  const other = await person.tab();
  await other.openMessages();
  await person.signOut();
  expect(await person.storage()).toEqual({});
  await expect(other.banner).toContainText("You were signed out in another tab.");
  await person.openHome();
  await person.seesNoDot();
});
