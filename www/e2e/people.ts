/**
 * People at the demo, and what they do there: sign in, open the messages, write, look at the dot.
 * Specs say who does what; how a page is worked is here alone.
 *
 * Everything is found the way that people find it, by role and name; so a spec that passes has also
 * shown that the page can be used with a screen reader.
 */
import {
  expect,
  test as base,
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  type Locator,
  type Page,
  type WebSocketRoute,
} from "@playwright/test";

export { expect };

/** The members, by how they are called. */
export const ada = "Ada Lindqvist";
export const ben = "Ben Okafor";
export const chen = "陈雨桐";
export const dana = "Dana Weiss";
export const elif = "Elif Kaya";
export const farid = "فريد حداد";
export const grace = "Grace Mwangi";

let texts = 0;

/** A text that nobody has said yet, whatever was said in earlier runs. */
export function fresh(text: string): string {
  texts += 1;
  return `${text} ${Date.now().toString(36)}${texts}`;
}

/**
 * Signs somebody in at a fresh browser, which is closed when the test is over. What sort of device
 * it is matters to few: a wide screen of somebody who reads English, unless it is said.
 */
export type SignIn = (name: string, device?: BrowserContextOptions) => Promise<Person>;

/** `at("Ada Lindqvist")` is Ada at one more device, with nothing in its storage. */
export const test = base.extend<{ at: SignIn }>({
  at: async ({ browser }, use) => {
    const people: Person[] = [];
    await use(async (name, device) => {
      const person = await Person.atABrowser(browser, device);
      people.push(person);
      await person.beSignedIn(name);
      return person;
    });
    for (const person of people) await person.leave();
  },
});

/** The line between a page and the service, in the hands of a test. */
export interface Line {
  /** Which frames of the server's arrive. */
  hears: (frame: string) => boolean;
  /** Which frames of the page's go out. */
  says: (frame: string) => boolean;
  /** A command that is refused on the way, as by a server that has too much to do. */
  refuses?: string;
  /** Cuts every connection. */
  cut: () => Promise<void>;
}

/** What is unread in a conversation, as the SDK keeps it in the browser's storage. */
export interface Entry {
  n: number;
  last: number;
}

/** A member of the demo, as its main app knows them. */
export interface Member {
  id: string;
  name: string;
}

/** One person at one browser; `tab` opens more tabs of the same one. */
export class Person {
  readonly page: Page;
  readonly #context: BrowserContext;

  private constructor(context: BrowserContext, page: Page) {
    this.#context = context;
    this.page = page;
  }

  /** A fresh browser, with nothing in its storage and nobody signed in. */
  static async atABrowser(browser: Browser, device: BrowserContextOptions = {}): Promise<Person> {
    const context = await browser.newContext(device);
    return new Person(context, await context.newPage());
  }

  /** The same person in another tab: the same storage, the same session. */
  async tab(): Promise<Person> {
    return new Person(this.#context, await this.#context.newPage());
  }

  async leave(): Promise<void> {
    await this.#context.close();
  }

  // Going places.

  async signIn(name: string): Promise<void> {
    await this.page.goto("/sign-in");
    await this.page.getByRole("main").getByRole("button", { name, exact: true }).click();
    await this.page.waitForURL((url) => url.pathname !== "/sign-in");
    await expect(
      this.page.getByRole("banner").getByRole("link", { name: `${name}: switch or sign out` }),
    ).toBeVisible();
  }

  /** Signs in without the page for it; no page is open then. */
  async beSignedIn(name: string): Promise<void> {
    const { request } = this.#context;
    const members = (await (await request.get("/api/users")).json()) as Member[];
    const user = members.find((member) => member.name === name)?.id;
    const answer = await request.post("/api/sign-in", { data: { user } });
    expect(answer.ok()).toBe(true);
  }

  async signOut(): Promise<void> {
    await this.page.goto("/sign-in");
    await this.page.getByRole("button", { name: "Sign out" }).click();
    await expect(this.page.getByText("You are signed in as")).toBeHidden();
  }

  async openSignIn(): Promise<void> {
    await this.page.goto("/sign-in");
    await expect(this.page.getByRole("main").getByRole("button", { name: ada, exact: true })).toBeVisible();
  }

  async openHome(): Promise<void> {
    await this.page.goto("/");
  }

  /** Opens the messages, and waits until the list is there. */
  async openMessages(): Promise<void> {
    await this.page.goto("/messages");
    await expect(this.list).toHaveAttribute("aria-busy", "false");
  }

  // The list.

  get list(): Locator {
    return this.page.getByRole("listbox", { name: "Conversations" });
  }

  /** The conversation of that name in the list. */
  conversation(name: string): Locator {
    return this.list
      .getByRole("option")
      .filter({ has: this.page.locator(".row-name", { hasText: exactly(name) }) });
  }

  /** The names in the list, from the top. */
  async conversations(): Promise<string[]> {
    return this.list.locator(".row-name").allTextContents();
  }

  /** The exact unread count of a conversation, as a screen reader hears it. */
  async unreadOf(name: string): Promise<number> {
    if ((await this.conversation(name).count()) === 0) return 0;
    const label = (await this.conversation(name).getAttribute("aria-label")) ?? "";
    return Number(/(\d+) unread message/.exec(label)?.[1] ?? 0);
  }

  /** Waits until a conversation shows this many as unread; 0 is no mark at all. */
  async seesUnread(name: string, count: number): Promise<void> {
    await expect.poll(() => this.unreadOf(name)).toBe(count);
  }

  /** Every conversation in the list that has something unread, by its id. */
  async unread(): Promise<Record<string, number>> {
    const rows = await this.list.getByRole("option").evaluateAll((options) =>
      options.map((option): [string, number] => [
        (option as HTMLElement).dataset["key"] ?? "",
        Number(/(\d+) unread message/.exec(option.getAttribute("aria-label") ?? "")?.[1] ?? 0),
      ]),
    );
    return Object.fromEntries(rows.filter(([, count]) => count > 0));
  }

  /** The id of a conversation that is in the list. */
  async idOf(name: string): Promise<string> {
    return (await this.conversation(name).getAttribute("data-key")) ?? "";
  }

  /** Reads all that is unread. The list has to be there. */
  async readAll(): Promise<void> {
    const unread = this.list.locator(".row.is-unread");
    while ((await unread.count()) > 0) {
      const name = (await unread.first().locator(".row-name").textContent()) ?? "";
      await this.openConversation(name);
      await this.seesUnread(name, 0);
    }
  }

  /** What the list shows of the newest message. */
  lastOf(name: string): Locator {
    return this.conversation(name).locator(".row-said");
  }

  /** The picture beside a name in the list: initials, or an image over them. */
  pictureOf(name: string): Locator {
    return this.conversation(name).locator(".avatar");
  }

  /** Opens a conversation of the list, and waits for its messages. */
  async openConversation(name: string): Promise<void> {
    await this.conversation(name).click();
    await this.seesConversation(name);
  }

  /** Begins to write to somebody with whom there may be no conversation yet. */
  async writeTo(name: string): Promise<void> {
    await this.page.getByRole("button", { name: "New message" }).click();
    await this.page.getByRole("dialog").getByRole("button", { name, exact: true }).click();
    await this.seesConversation(name);
  }

  async seesConversation(name: string): Promise<void> {
    await expect(this.page.getByRole("heading", { level: 2, name, exact: true })).toBeVisible();
    await expect(this.timeline).toBeVisible();
  }

  /** Leaves the open conversation by the browser's own way back. */
  async leaveConversation(): Promise<void> {
    await this.page.goBack();
    await expect(this.timeline).toBeHidden();
  }

  /** Picks something from a conversation's menu, such as "Mute". */
  async choose(name: string, deed: string): Promise<void> {
    await this.conversation(name).focus();
    await this.page.keyboard.press("Shift+F10");
    await this.page.getByRole("menuitem", { name: deed, exact: true }).click();
  }

  // The open conversation.

  get timeline(): Locator {
    return this.page.getByRole("log");
  }

  /** The messages that are shown, oldest first. */
  get messages(): Locator {
    return this.timeline.getByRole("article");
  }

  message(text: string): Locator {
    return this.messages.filter({ has: this.page.locator(".bubble", { hasText: text }) });
  }

  /** The line before the first message that was new. */
  get divider(): Locator {
    return this.timeline.getByRole("separator", { name: "New messages" });
  }

  get composer(): Locator {
    return this.page.getByRole("textbox", { name: /^Message / });
  }

  /** Whether these stand one below the other: messages by their text, and the divider by its name. */
  async order(...wanted: string[]): Promise<boolean> {
    const tops = await Promise.all(
      wanted.map(async (each) => {
        const found = each === "divider" ? this.divider : this.message(each);
        return (await found.boundingBox())?.y ?? NaN;
      }),
    );
    return tops.every((top, index) => index === 0 || top > tops[index - 1]!);
  }

  /** The way down, where one reads further up. */
  get toLatest(): Locator {
    return this.page.getByRole("button", { name: /Jump to the latest message/ });
  }

  /** Writes and sends, without waiting for the server. */
  async type(text: string): Promise<void> {
    await this.composer.fill(text);
    await this.composer.press("Enter");
  }

  /** Sends, and waits until the server has it. */
  async send(text: string): Promise<void> {
    await this.type(text);
    await this.seesSent(text);
  }

  async seesSent(text: string): Promise<void> {
    await expect(this.message(text).last()).not.toHaveClass(/is-pending|is-failed/);
  }

  async sees(text: string): Promise<void> {
    await expect(this.message(text).last()).toBeVisible();
  }

  async retry(text: string): Promise<void> {
    await this.message(text).getByRole("button", { name: "Try again" }).click();
  }

  async discard(text: string): Promise<void> {
    await this.message(text).getByRole("button", { name: "Discard" }).click();
  }

  async takeBack(text: string): Promise<void> {
    await this.message(text).last().focus();
    await this.page.keyboard.press("Enter");
    await this.page.getByRole("menuitem", { name: "Take back" }).click();
    await this.page.getByRole("dialog").getByRole("button", { name: "Take back" }).click();
    await expect(this.message(text)).toHaveCount(0);
  }

  /** What says that the connection is gone. */
  get banner(): Locator {
    return this.page.locator("#banner");
  }

  // What calls.

  get #toMessages(): Locator {
    return this.page.getByRole("banner").getByRole("link", { name: /^Messages/ });
  }

  /** The red dot on the way to the messages. */
  get dot(): Locator {
    return this.#toMessages.locator(".dot");
  }

  /** The number that a screen reader hears with the dot; 0 where there is none. */
  async dotCount(): Promise<number> {
    const label = (await this.#toMessages.getAttribute("aria-label")) ?? "";
    return Number(/(\d+) unread/.exec(label)?.[1] ?? 0);
  }

  async seesDot(count?: number): Promise<void> {
    await expect(this.dot).toBeVisible();
    if (count !== undefined) await expect.poll(() => this.dotCount()).toBe(count);
  }

  async seesNoDot(): Promise<void> {
    await expect(this.#toMessages).toBeVisible();
    await expect(this.dot).toBeHidden();
  }

  /** From now on, notes every sentence that a screen reader says by itself. */
  async noteSaid(): Promise<void> {
    await this.page.evaluate(() => {
      const said: string[] = [];
      Object.assign(window, { said });
      let was = "";
      new MutationObserver(() => {
        const is = document.querySelector("[role=status]")?.textContent ?? "";
        if (is !== was && is !== "") said.push(is);
        was = is;
      }).observe(document.body, { childList: true, characterData: true, subtree: true });
    });
  }

  async said(): Promise<string[]> {
    return this.page.evaluate(() => (window as unknown as { said: string[] }).said);
  }

  /** What the SDK keeps in this browser, all of it. */
  async storage(): Promise<Record<string, string>> {
    return this.page.evaluate(() => ({ ...localStorage }));
  }

  /** What storage says is unread, by the conversation's id. */
  async entries(): Promise<Record<string, Entry>> {
    const entries = Object.entries(await this.storage())
      .filter(([key]) => key.startsWith("ms:c:"))
      .map(([key, value]): [string, Entry] => [key.slice("ms:c:".length), JSON.parse(value) as Entry]);
    return Object.fromEntries(entries);
  }

  /** The counts alone, to compare with the list's. */
  async stored(): Promise<Record<string, number>> {
    const counts = Object.entries(await this.entries()).map(([id, { n }]): [string, number] => [id, n]);
    return Object.fromEntries(counts);
  }

  /** From the next page on, notes every key that is written to storage. */
  async noteWrites(): Promise<void> {
    await this.page.addInitScript(() => {
      const written: string[] = [];
      Object.assign(window, { written });
      const { setItem } = Storage.prototype;
      Storage.prototype.setItem = function (key: string, value: string): void {
        written.push(key);
        setItem.call(this, key, value);
      };
    });
  }

  /** The conversations whose unread entry was ever written by this page. */
  async wrote(): Promise<string[]> {
    const keys = await this.page.evaluate(() => (window as unknown as { written: string[] }).written);
    return keys.filter((key) => key.startsWith("ms:c:")).map((key) => key.slice("ms:c:".length));
  }

  /** From the next page on, the browser keeps nothing, and says so by throwing. */
  async blockStorage(): Promise<void> {
    await this.page.addInitScript(() => {
      for (const name of ["localStorage", "sessionStorage"]) {
        Object.defineProperty(window, name, {
          get: () => {
            throw new DOMException("blocked by a test", "SecurityError");
          },
        });
      }
    });
  }

  /** Leaves no room in the browser's storage. */
  async fillStorage(): Promise<void> {
    await this.page.evaluate(() => {
      for (let size = 1 << 20; size >= 1; size = size >> 1) {
        try {
          for (;;) localStorage.setItem("filler", (localStorage.getItem("filler") ?? "") + "x".repeat(size));
        } catch {
          // A smaller piece may still fit.
        }
      }
    });
  }

  async emptyFiller(): Promise<void> {
    await this.page.evaluate(() => localStorage.removeItem("filler"));
  }

  /** From the next page on, the browser's clock is so many hours ahead. */
  async shiftClock(hours: number): Promise<void> {
    await this.page.addInitScript((shift) => {
      const { now } = Date;
      const Real = Date;
      window.Date = class extends Real {
        constructor(...given: unknown[]) {
          if (given.length === 0) super(now() + shift);
          else super(...(given as [number]));
        }
        static override now = () => now() + shift;
      } as DateConstructor;
    }, hours * 3_600_000);
  }

  /** Takes the line into the test's hands, from the next page on. */
  async tapLine(): Promise<Line> {
    const open = new Set<WebSocketRoute>();
    const line: Line = {
      hears: () => true,
      says: () => true,
      cut: async () => {
        for (const socket of open) await socket.close();
        open.clear();
      },
    };
    await this.page.routeWebSocket(/\/v1\/socket/, (socket) => {
      const server = socket.connectToServer();
      open.add(socket);
      server.onMessage((frame) => {
        if (line.hears(String(frame))) socket.send(frame);
      });
      socket.onMessage((frame) => {
        const { id, command } = JSON.parse(String(frame)) as { id: number; command: string };
        if (command === line.refuses) {
          const error = { code: "unavailable", message: "refused by a test", retryable: true };
          socket.send(JSON.stringify({ reply: id, error }));
        } else if (line.says(String(frame))) server.send(frame);
      });
    });
    return line;
  }

  // Whether anybody looks. A test's pages all count as looked at, until one is told otherwise.

  /** Turns to something else: the page has no keyboard, or cannot even be seen. */
  async lookAway(how: "another window" | "another tab" = "another window"): Promise<void> {
    await this.#look(false, how !== "another tab");
  }

  async lookBack(): Promise<void> {
    await this.#look(true, true);
  }

  async #look(focused: boolean, visible: boolean): Promise<void> {
    await this.page.evaluate(
      ([focused, visible]) => {
        const is = (name: string, value: unknown) =>
          Object.defineProperty(document, name, { configurable: true, get: () => value });
        is("hasFocus", () => focused);
        is("visibilityState", visible ? "visible" : "hidden");
        is("hidden", !visible);
        document.dispatchEvent(new Event("visibilitychange"));
        window.dispatchEvent(new Event(focused ? "focus" : "blur"));
      },
      [focused, visible] as const,
    );
  }

  /** From now on, notes every time that the dot comes or goes. */
  async noteDot(): Promise<void> {
    await this.dot.evaluate((dot) => {
      const changes: string[] = [];
      Object.assign(window, { dotChanges: changes });
      let was = (dot as HTMLElement).hidden;
      new MutationObserver(() => {
        const is = (dot as HTMLElement).hidden;
        if (is !== was) changes.push(is ? "went" : "came");
        was = is;
      }).observe(dot, { attributes: true });
    });
  }

  async dotChanges(): Promise<string[]> {
    return this.page.evaluate(() => (window as unknown as { dotChanges: string[] }).dotChanges);
  }

  /** From now on, notes every unread count that a row of the list shows. */
  async noteUnread(name: string): Promise<void> {
    await this.conversation(name).evaluate((row) => {
      const counts: string[] = [];
      Object.assign(window, { unreadCounts: counts });
      const count = row.querySelector(".count") as HTMLElement;
      new MutationObserver(() => {
        if (!count.hidden) counts.push(count.textContent ?? "");
      }).observe(row, { attributes: true, childList: true, characterData: true, subtree: true });
    });
  }

  async unreadShown(): Promise<string[]> {
    return this.page.evaluate(() => (window as unknown as { unreadCounts: string[] }).unreadCounts);
  }

  /** Whether the tab's icon calls. */
  async iconCalls(): Promise<boolean> {
    const icon = await this.page.locator('link[rel="icon"]').getAttribute("href");
    return icon?.startsWith("data:") ?? false;
  }

  // The main app's side.

  /** Plays the main app: pushes a notice to one member, several, or everyone. */
  async push(to: string | string[] | "everyone", title: string): Promise<void> {
    await this.#fillPush(to, title);
    await this.#pressPush(title);
  }

  /** The same, so that it never counts. */
  async pushQuietly(to: string | string[] | "everyone", title: string): Promise<void> {
    await this.#fillPush(to, title);
    const quiet = (await this.#panel()).getByRole("checkbox", { name: /^Quiet/ });
    await quiet.check();
    await this.#pressPush(title);
    await quiet.uncheck();
  }

  /** Has the main app push to this person, without the panel: for what would take long by hand. */
  async pushDirectly(title: string): Promise<void> {
    const { request } = this.#context;
    const { id } = (await (await request.get("/api/me")).json()) as Member;
    const content = { kind: "notice", title };
    const answer = await request.post("/api/demo/push", { data: { to: { user: id }, content } });
    expect(answer.ok()).toBe(true);
  }

  async #fillPush(to: string | string[] | "everyone", title: string): Promise<void> {
    const panel = await this.#panel();
    if (to === "everyone") {
      await panel.getByRole("radio", { name: "Everyone" }).check();
    } else if (typeof to === "string") {
      await panel.getByRole("radio", { name: "One member" }).check();
      const member = panel.getByRole("combobox", { name: "Member" });
      const option = member
        .locator("option")
        .filter({ hasText: new RegExp(`^${escaped(to)}( \\(you\\))?$`) });
      await member.selectOption((await option.getAttribute("value")) ?? "");
    } else {
      await panel.getByRole("radio", { name: "Several members" }).check();
      const members = panel.getByRole("group", { name: "Members" });
      for (const box of await members.getByRole("checkbox").all()) await box.uncheck();
      for (const name of to) await members.getByRole("checkbox", { name, exact: true }).check();
    }
    await panel.getByLabel("Title", { exact: true }).fill(title);
    await panel.getByLabel("Text", { exact: true }).fill("");
  }

  async #pressPush(title: string): Promise<void> {
    const panel = await this.#panel();
    await panel.getByRole("button", { name: "Push", exact: true }).click();
    await expect(panel.getByRole("listitem").filter({ hasText: title })).toBeVisible();
  }

  /** Takes back what the main app pushed under that title. */
  async recallPush(title: string): Promise<void> {
    const panel = await this.#panel();
    const item = panel.getByRole("listitem").filter({ hasText: title });
    await item.getByRole("button", { name: "Recall" }).click();
    await expect(item.getByRole("button", { name: "Recalled" })).toBeVisible();
  }

  async openPanel(): Promise<void> {
    await expect(await this.#panel()).toBeVisible();
  }

  async #panel(): Promise<Locator> {
    const panel = this.page.getByRole("complementary", { name: "The main app's side" });
    if (!(await panel.isVisible()))
      await this.page.getByRole("button", { name: "Play the main app" }).click();
    return panel;
  }
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

function exactly(text: string): RegExp {
  return new RegExp(`^${escaped(text)}$`);
}
