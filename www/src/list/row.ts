/** One conversation in the list: who, what was said last, when, and how much of it is unread. */
import type { Conversation, Preview } from "message-service-client";
import { avatar, showAvatar } from "../avatar.js";
import { tell } from "../clock.js";
import { capped } from "../dot.js";
import { attribute, element, say } from "../element.js";
import { icon } from "../icons.js";
import type { Face, People } from "../people.js";
import { briefly, fully } from "../time.js";
import { language, words } from "../words.js";

export interface RowShown {
  conversation: Conversation;
  face: Face;
  selected: boolean;
  draft: string;
  people: People;
}

const part = <Name extends keyof HTMLElementTagNameMap>(row: HTMLElement, name: string) =>
  row.querySelector(`.${name}`) as HTMLElementTagNameMap[Name];

/** The product's conversations have a sign where people have a face. */
function picture({ conversation, face }: RowShown): HTMLElement {
  const { kind } = conversation;
  if (kind === "direct" || kind === "group") return avatar(face.id, face.name, face.picture);
  const sign = element("span", { class: "avatar is-product", "aria-hidden": "true" });
  sign.append(icon(kind === "system" ? "bell" : "megaphone"));
  return sign;
}

export function makeRow(shown: RowShown): HTMLElement {
  return element(
    "div",
    { class: "row", role: "option", tabindex: -1 },
    picture(shown),
    element("span", { class: "row-name", dir: "auto" }),
    element("time", { class: "row-time" }),
    element("span", { class: "row-said", dir: "auto" }),
    element(
      "span",
      { class: "row-signs" },
      element("span", { class: "row-muted" }, icon("muted")),
      element("span", { class: "row-pinned" }, icon("pin")),
      element("span", { class: "count" }),
    ),
    // For the mouse alone; the keyboard and screen readers have the menu key, and the header.
    element("span", { class: "row-more", "aria-hidden": "true" }, icon("more")),
  );
}

export function updateRow(row: HTMLElement, shown: RowShown): void {
  const { conversation, face, selected, draft, people } = shown;
  const { unread, muted, pinned, last } = conversation;
  const said = draft ? words.draft(draft) : last ? preview(last, conversation, people) : "";

  attribute(row, "aria-selected", String(selected));
  row.classList.toggle("is-unread", unread > 0);
  row.classList.toggle("is-muted", muted);
  const image = part<"span">(row, "avatar");
  if (!image.classList.contains("is-product")) showAvatar(image, face.id, face.name, face.picture);
  say(part(row, "row-name"), face.name);
  say(part(row, "row-said"), said);
  part(row, "row-said").classList.toggle("is-draft", draft !== "");
  part(row, "row-muted").hidden = !muted;
  part(row, "row-pinned").hidden = !pinned;
  part(row, "count").hidden = unread === 0;
  say(part(row, "count"), unread > 0 ? capped(unread) : "");

  const time = part<"time">(row, "row-time");
  time.hidden = conversation.lastAt === 0;
  if (conversation.lastAt > 0) tell(time, conversation.lastAt, briefly, language);
  attribute(row, "aria-label", aloud(shown, said));
}

/** The whole row in one sentence; its exact count too, which the eye gets capped. */
function aloud({ conversation, face }: RowShown, said: string): string {
  const { unread, muted, pinned, lastAt } = conversation;
  const parts = [
    face.name,
    unread > 0 && words.unread(unread),
    said,
    lastAt > 0 && fully(lastAt, language),
    pinned && words.pinned,
    muted && words.muted,
  ];
  return parts.filter(Boolean).join(", ");
}

function preview(last: Preview, { kind }: Conversation, people: People): string {
  const text = last.recalled ? words.recalledPreview : last.text.replace(/\s+/g, " ") || words.otherPreview;
  if (last.sender === people.me.id) return words.youSaid(text);
  return kind === "group" && last.sender ? words.heard(people.author(last.sender).name, text) : text;
}
