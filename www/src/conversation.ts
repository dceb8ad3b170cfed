/**
 * The open conversation: who it is with, what was said, and where one answers. It opens, pages back,
 * takes in what arrives, and forgets all of it when another one is opened.
 */
import "./styles/conversation.css";
import type { Conversation, Delivery, Message, MessageClient } from "message-service-client";
import { announce } from "./announce.js";
import { confirmed } from "./ask.js";
import { avatar } from "./avatar.js";
import { Composer } from "./composer.js";
import type { Drafts } from "./drafts.js";
import { attribute, element, say } from "./element.js";
import { excuse } from "./excuse.js";
import { icon } from "./icons.js";
import { openMenu, type MenuItem, type Place } from "./menu.js";
import type { Outbox } from "./outgoing.js";
import type { People } from "./people.js";
import { Presence } from "./presence.js";
import { Pages } from "./timeline/pages.js";
import { Timeline } from "./timeline/timeline.js";
import { toast } from "./toast.js";
import { words } from "./words.js";

interface Parts {
  client: MessageClient;
  people: People;
  outbox: Outbox;
  drafts: Drafts;
}

interface Told {
  back: () => void;
  menu: (conversation: Conversation, place: Element) => void;
}

type State = "closed" | "loading" | "failed" | "open";

export class ConversationView {
  readonly #parts: Parts;
  readonly #face = element("span", { class: "head-face" });
  readonly #name = element("h2", { dir: "auto", tabindex: -1 });
  readonly #note = element("p", { class: "head-note" });
  readonly #menu = element(
    "button",
    { class: "icon-button", type: "button", "aria-haspopup": "menu" },
    icon("more"),
  );
  readonly #back = element(
    "button",
    { class: "icon-button head-back", type: "button", "aria-label": words.back },
    icon("back"),
  );
  readonly #state = element("div", { class: "conversation-state" });
  readonly #presence: Presence;
  readonly #timeline: Timeline;
  readonly #composer: Composer;
  readonly #closed = element("p", { class: "composer-closed" }, words.productOnly);
  readonly element: HTMLElement;

  #open: Conversation | undefined;
  #online = false;
  #pages: Pages | undefined;
  #is: State = "closed";

  constructor(parts: Parts, told: Told) {
    this.#parts = parts;
    this.#presence = new Presence(
      (users) => parts.client.presence(users),
      (online) => {
        this.#online = online;
        this.showHead();
      },
    );
    this.#timeline = new Timeline(parts.people, {
      earlier: () => void this.#loadEarlier(),
      menu: (message, place) => this.#messageMenu(message, place),
      retry: (outgoing) => {
        parts.outbox.retry(outgoing);
        this.#composer.focus();
      },
      discard: (outgoing) => {
        parts.outbox.discard(outgoing);
        this.#composer.focus();
      },
    });
    this.#composer = new Composer({
      send: (text) => this.#open && parts.outbox.send(this.#open.id, { kind: "text", text }),
      typed: (text) => this.#open && parts.drafts.set(this.#open.id, text),
    });
    this.#back.addEventListener("click", () => told.back());
    this.#menu.addEventListener("click", () => this.#open && told.menu(this.#latest(this.#open), this.#menu));
    const head = element(
      "header",
      { class: "head" },
      this.#back,
      this.#face,
      element("div", { class: "head-words" }, this.#name, this.#note),
      this.#menu,
    );
    this.element = element(
      "div",
      { class: "conversation" },
      head,
      this.#timeline.element,
      this.#state,
      this.#composer.element,
      this.#closed,
    );
    this.#become("closed");
  }

  get id(): string | undefined {
    return this.#open?.id;
  }

  /** Opens a conversation; the one that was open is left. */
  async open(conversation: Conversation): Promise<void> {
    const pages = new Pages(this.#parts.client, conversation.id);
    this.#open = conversation;
    this.#pages = pages;
    this.#timeline.clear();
    this.showHead();
    this.#composer.address(this.#faceOf(conversation).name, this.#parts.drafts.get(conversation.id));
    this.#become("loading");
    this.#presence.watch(conversation.peer);
    try {
      await pages.open();
      if (pages !== this.#pages) return;
      this.#become("open");
      this.#timeline.open(this.#shown());
    } catch {
      if (pages === this.#pages) this.#become("failed");
    }
  }

  /** Tries again what failed, as when the connection is back. */
  retry(): void {
    if (this.#open && this.#is === "failed") void this.open(this.#latest(this.#open));
    else if (this.#pages?.earlier === "failed") void this.#loadEarlier();
  }

  /** Starts over: the server's data is another one now. */
  reopen(): void {
    if (this.#open) void this.open(this.#latest(this.#open));
  }

  close(): void {
    this.#open = undefined;
    this.#pages = undefined;
    this.#presence.watch(undefined);
    this.#timeline.clear();
    this.#become("closed");
    this.#parts.client.leave();
  }

  focus(): void {
    // A keyboard on the screen should wait until somebody wants to write.
    if (matchMedia("(pointer: coarse)").matches || this.#composer.element.hidden)
      this.#name.focus({ preventScroll: true });
    else this.#composer.focus();
  }

  deliver({ conversation, messages }: Delivery): void {
    if (conversation !== this.#pages?.conversation) return;
    this.#pages.take(messages);
    const others = messages.filter((message) => message.sender !== this.#parts.people.me.id);
    if (this.#is === "open") this.#timeline.update(this.#shown(), "arrived", others.length);
  }

  /** A message was written again; one that is not shown is not brought up by that. */
  revise(message: Message): void {
    const pages = this.#pages;
    if (message.conversation !== pages?.conversation || !pages.has(message.seq)) return;
    pages.take([message]);
    if (this.#is === "open") this.#timeline.update(this.#shown());
  }

  /** Something on its way changed. */
  outgoing(conversation: string): void {
    if (conversation === this.#open?.id && this.#is === "open") this.#timeline.update(this.#shown(), "sent");
  }

  showHead(): void {
    if (!this.#open) return;
    const conversation = this.#latest(this.#open);
    const { id, name, picture } = this.#faceOf(conversation);
    const writable = conversation.kind === "direct" || conversation.kind === "group";
    say(this.#name, name);
    this.#face.hidden = !writable;
    this.#face.replaceChildren(avatar(id, name, picture));
    const notes = [
      this.#online && words.online,
      conversation.pinned && words.pinned,
      conversation.muted && words.muted,
    ].filter(Boolean);
    say(this.#note, notes.join(" · "));
    this.#note.hidden = notes.length === 0;
    attribute(this.#menu, "aria-label", words.menuFor(name));
    this.#composer.element.hidden = !writable;
    this.#closed.hidden = writable;
  }

  #latest(conversation: Conversation): Conversation {
    return { ...conversation, ...this.#parts.client.conversation(conversation.id) };
  }

  #faceOf(conversation: Conversation) {
    return this.#parts.people.face(conversation);
  }

  #shown() {
    const open = this.#open as Conversation;
    const { messages, fresh, earlier } = this.#pages as Pages;
    const outgoing = this.#parts.outbox.of(open.id);
    return { name: this.#faceOf(open).name, kind: open.kind, messages, outgoing, fresh, earlier };
  }

  #become(is: State): void {
    this.#is = is;
    attribute(this.element, "data-state", is);
    attribute(this.element, "aria-busy", String(is === "loading"));
    this.#state.replaceChildren(...stateWords(is, () => this.retry()));
  }

  async #loadEarlier(): Promise<void> {
    const pages = this.#pages;
    await pages?.goBack();
    if (pages !== undefined && pages === this.#pages) this.#timeline.update(this.#shown());
  }

  #messageMenu(message: Message, place: Place): void {
    const text = message.content?.kind === "text" ? message.content.text : "";
    const items: MenuItem[] = [{ label: words.copy, act: () => void this.#copy(text) }];
    if (message.sender === this.#parts.people.me.id) {
      items.push({ label: words.recall, dangerous: true, act: () => void this.#recall(message) });
    }
    openMenu(words.messageActions, items, place);
  }

  async #copy(text: string): Promise<void> {
    try {
      await navigator.clipboard.writeText(text);
      toast(words.copied);
    } catch {
      toast(words.didNotWork);
    }
  }

  async #recall({ conversation, seq }: Message): Promise<void> {
    if (!(await confirmed(words.recallSure, words.recallSureMore, words.recall))) return;
    try {
      this.revise(await this.#parts.client.recall(conversation, seq));
      announce(words.recalledByYou);
    } catch (error) {
      toast(excuse(error));
    }
  }
}

/** What stands where the messages will be. */
function stateWords(is: State, retry: () => void): HTMLElement[] {
  if (is === "closed") {
    return [element("p", { class: "hello" }, words.pickOne), element("p", {}, words.pickOneMore)];
  }
  if (is === "loading") {
    return Array.from({ length: 6 }, () =>
      element("span", { class: "bone message-bone", "aria-hidden": "true" }),
    );
  }
  if (is === "failed") {
    const button = element("button", { class: "button", type: "button" }, words.tryAgain);
    button.addEventListener("click", retry);
    return [element("p", { role: "alert" }, words.openFailed), button];
  }
  return [];
}
