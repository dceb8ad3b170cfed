/** Word from the product: a card with a sign for its category, and the way to what it is about. */
import type { Notice } from "message-service-client";
import { element } from "../element.js";
import { icon, type Icon } from "../icons.js";
import { safeLink, safePicture } from "../link.js";
import { words } from "../words.js";
import { outward, paragraph } from "./said.js";

type Category = keyof typeof words.categories;

/** A category is the product's own; one that is new here gets the general sign. */
function known(category: string | undefined): Category {
  return category !== undefined && Object.hasOwn(words.categories, category)
    ? (category as Category)
    : "notice";
}

export function noticeCard(notice: Notice): HTMLElement {
  const category = known(notice.category);
  const sign = element("span", { class: "card-sign", "aria-hidden": "true" }, icon(category satisfies Icon));
  const picture = safePicture(notice.icon);
  if (picture) sign.append(image(picture));
  const link = notice.link === undefined ? undefined : safeLink(notice.link);
  return element(
    "div",
    { class: "notice", "data-category": category },
    sign,
    element("p", { class: "card-category" }, words.categories[category]),
    element("p", { class: "card-title", dir: "auto" }, notice.title),
    notice.text !== undefined && paragraph(notice.text),
    link !== undefined && outward(link, words.open, "card-link"),
  );
}

function image(source: string): HTMLImageElement {
  const made = element("img", { alt: "", decoding: "async" });
  made.addEventListener("load", () => made.classList.add("is-loaded"));
  made.addEventListener("error", () => made.remove());
  made.src = source;
  return made;
}
