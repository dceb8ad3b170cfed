/** A text as its author wrote it: line breaks stay, links lead somewhere, and markup is just text. */
import { element } from "../element.js";
import { icon } from "../icons.js";
import { pieces, safeLink } from "../link.js";
import { words } from "../words.js";
import type { Attachment } from "message-service-client";

/** A link that tells the page it leads to nothing about where it was written. */
export function outward(link: string, text: string, className = ""): HTMLAnchorElement {
  const own = link.startsWith("/");
  return element(
    "a",
    {
      href: link,
      ...(className && { class: className }),
      ...(!own && { target: "_blank", rel: "noopener noreferrer nofollow" }),
    },
    text,
  );
}

export function paragraph(text: string): HTMLElement {
  const made = element("p", { class: "said", dir: "auto" });
  for (const piece of pieces(text)) made.append(piece.link ? outward(piece.link, piece.text) : piece.text);
  return made;
}

/** A file that lives elsewhere. Where its address is not one to follow, its name alone. */
export function attachment({ url, name, bytes }: Attachment): HTMLElement {
  const link = safeLink(url);
  const label = name ?? words.otherPreview;
  const made = element("p", { class: "attachment" }, icon("clip"), link ? outward(link, label) : label);
  if (bytes !== undefined) made.append(element("span", { class: "bytes" }, size(bytes)));
  return made;
}

function size(bytes: number): string {
  const kilobytes = bytes / 1000;
  return kilobytes < 1000 ? `${Math.ceil(kilobytes)} kB` : `${(kilobytes / 1000).toFixed(1)} MB`;
}
