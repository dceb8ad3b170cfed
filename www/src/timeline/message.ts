/**
 * One message on the screen, stored or on its way. Its element is made once and filled again when
 * the message changes, so the reader's place in the timeline is never lost.
 */
import type { Content, Message } from "message-service-client";
import { avatar } from "../avatar.js";
import { attribute, element } from "../element.js";
import { icon } from "../icons.js";
import type { Face, People } from "../people.js";
import { clockTime, fully } from "../time.js";
import { language, words } from "../words.js";
import type { Entry, Outgoing } from "./entries.js";
import { noticeCard } from "./notice.js";
import { attachment, paragraph } from "./said.js";

export type Said = Extract<Entry, { is: "message" | "outgoing" }>;

/** What a message needs to know of its surroundings. */
export interface Surroundings {
  people: People;
  /** An earlier message of the same timeline. */
  quoted: (seq: number) => Message | undefined;
  retry: (outgoing: Outgoing) => void;
  discard: (outgoing: Outgoing) => void;
}

export function makeMessage(): HTMLElement {
  return element("article", { class: "message", tabindex: -1 });
}

export function updateMessage(made: HTMLElement, entry: Said, around: Surroundings): void {
  const own = entry.is === "outgoing" || entry.own;
  made.className = classes(entry, own);
  const content = contentOf(entry);
  const looks = JSON.stringify([entry.is, entry.first, entry.last, content, failure(entry)]);
  if (made.dataset["looks"] === looks) return;
  made.dataset["looks"] = looks;

  const at = entry.is === "message" ? entry.message.at : entry.outgoing.at;
  const author = own
    ? { ...around.people.author(around.people.me.id), name: words.you }
    : around.people.author(senderOf(entry));
  const face = around.people.author(own ? around.people.me.id : senderOf(entry));
  attribute(
    made,
    "aria-label",
    [author.name, textOf(entry, author), clockTime(at, language), failure(entry)].filter(Boolean).join(", "),
  );
  made.replaceChildren(
    entry.last && !own
      ? avatar(face.id, face.name, face.picture)
      : element("span", { class: "avatar-space" }),
    element(
      "div",
      { class: "message-column" },
      element("p", { class: "author", dir: "auto" }, author.name),
      bubble(entry, content, author, around),
      meta(entry, at, own),
      entry.is === "outgoing" &&
        entry.outgoing.failed !== undefined &&
        decision(entry.outgoing, entry.outgoing.failed, around),
    ),
  );
  if (entry.is === "message" && canAct(entry.message)) made.append(moreButton());
}

/** Whether there is anything to do with a message. */
export function canAct(message: Message): boolean {
  return message.recalled === undefined && message.content?.kind === "text";
}

function classes(entry: Said, own: boolean): string {
  const recalled = entry.is === "message" && entry.message.recalled !== undefined;
  const card = contentOf(entry)?.kind === "notice" && !recalled;
  return [
    "message",
    own && "is-own",
    entry.first && "is-first",
    entry.last && "is-last",
    recalled && "is-recalled",
    card && "is-notice",
    entry.is === "outgoing" && (entry.outgoing.failed === undefined ? "is-pending" : "is-failed"),
  ]
    .filter(Boolean)
    .join(" ");
}

function contentOf(entry: Said): Content | undefined {
  return entry.is === "outgoing"
    ? entry.outgoing.content
    : entry.message.recalled
      ? undefined
      : entry.message.content;
}

function senderOf(entry: Said): string | undefined {
  return entry.is === "message" ? entry.message.sender : undefined;
}

function failure(entry: Said): string | undefined {
  return entry.is === "outgoing" ? entry.outgoing.failed : undefined;
}

/** A message in one line: for screen readers, and where another message answers it. */
export function textOf(entry: { is: string } & (Said | { message: Message }), author: Face): string {
  if ("message" in entry && entry.message.recalled) return recalledWords(entry.message, author);
  const content = "message" in entry ? entry.message.content : entry.outgoing.content;
  if (content?.kind === "text") return content.text;
  if (content?.kind === "notice") return [content.title, content.text].filter(Boolean).join(". ");
  return words.unsupported;
}

function recalledWords({ sender }: Message, author: Face): string {
  if (author.name === words.you) return words.recalledByYou;
  return sender === undefined ? words.recalledByProduct : words.recalledBy(author.name);
}

function bubble(entry: Said, content: Content | undefined, author: Face, around: Surroundings): HTMLElement {
  const made = element("div", { class: "bubble" });
  if (!content) made.append(element("p", { class: "said" }, textOf(entry, author)));
  else if (content.kind === "notice") made.append(noticeCard(content));
  else {
    if (content.replyTo !== undefined) made.append(quote(content.replyTo, around));
    made.append(
      content.kind === "text"
        ? paragraph(content.text)
        : element("p", { class: "said is-odd" }, words.unsupported),
    );
  }
  for (const each of content?.attachments ?? []) made.append(attachment(each));
  return made;
}

function quote(seq: number, { quoted, people }: Surroundings): HTMLElement {
  const message = quoted(seq);
  const author = message && people.author(message.sender);
  return element(
    "blockquote",
    { class: "quote", dir: "auto" },
    author && element("b", {}, author.name),
    element("span", {}, message && author ? textOf({ is: "message", message }, author) : words.gone),
  );
}

function meta(entry: Said, at: number, own: boolean): HTMLElement {
  const time = element(
    "time",
    { datetime: new Date(at).toISOString(), title: fully(at, language) },
    clockTime(at, language),
  );
  const made = element("p", { class: "meta" }, time);
  if (!own || (entry.is === "message" && entry.message.recalled)) return made;
  if (entry.is === "message") made.append(icon("tick"), element("span", { class: "unseen" }, words.sent));
  else if (entry.outgoing.failed === undefined) made.append(element("span", {}, words.sending));
  return made;
}

/** What to do about a message that did not go. */
function decision(outgoing: Outgoing, reason: string, around: Surroundings): HTMLElement {
  const button = (label: string, act: () => void) => {
    const made = element("button", { class: "link-button", type: "button" }, label);
    made.addEventListener("click", act);
    return made;
  };
  return element(
    "p",
    { class: "failure" },
    icon("warning"),
    element("span", {}, words.notSent(reason)),
    button(words.retry, () => around.retry(outgoing)),
    button(words.discard, () => around.discard(outgoing)),
  );
}

/** For the mouse and for touch; the keyboard has Enter and the menu key on the message itself. */
function moreButton(): HTMLElement {
  return element(
    "button",
    { class: "icon-button message-more", type: "button", tabindex: -1, "aria-label": words.messageActions },
    icon("more"),
  );
}
