/**
 * A person's picture; their initials where there is none, or where it does not load. The colour is
 * the person's own, the same on every page. It is decoration: the name stands beside it.
 */
import { attribute, element } from "./element.js";
import { safePicture } from "./link.js";

/** As many as `avatar.css` has colours. */
const colours = 8;

/** The same colour for the same person, for ever. */
export function colourOf(id: string): number {
  let sum = 0;
  for (const character of id) sum = (sum * 31 + (character.codePointAt(0) ?? 0)) % 65_521;
  return sum % colours;
}

/** One letter of the first and one of the last name; one sign where names are written in signs. */
export function initials(name: string): string {
  const parts = name
    .split(/\s+/)
    .map((part) => part.replace(/^[^\p{L}\p{N}]+/u, ""))
    .filter(Boolean);
  const first = parts[0];
  if (!first) return "?";
  const letters = parts.length > 1 ? [first, parts.at(-1) ?? ""] : [first];
  return letters.map((part) => [...part][0]?.toLocaleUpperCase() ?? "").join("");
}

/** Makes a picture of a person. */
export function avatar(id: string, name: string, picture?: string): HTMLElement {
  const made = element("span", { class: "avatar", "aria-hidden": "true" });
  showAvatar(made, id, name, picture);
  return made;
}

/** Changes a picture, if there is anything to change. */
export function showAvatar(made: HTMLElement, id: string, name: string, picture?: string): void {
  const what = [id, name, picture ?? ""].join("\n");
  if (made.dataset["of"] === what) return;
  made.dataset["of"] = what;
  attribute(made, "data-colour", colourOf(id));
  made.textContent = initials(name);
  const source = safePicture(picture);
  if (source) made.append(image(source));
}

function image(source: string): HTMLImageElement {
  const made = element("img", { alt: "", loading: "lazy", decoding: "async" });
  // It covers the initials once it is there; until then, and if it never is, they show.
  made.addEventListener("load", () => made.classList.add("is-loaded"));
  made.addEventListener("error", () => made.remove());
  made.src = source;
  return made;
}
