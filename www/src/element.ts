/**
 * Makes elements. Text goes in as text, never as markup, so nothing that anybody wrote can become
 * part of the page's own code.
 */

type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;
type Child = Node | string | undefined | false;

export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) attribute(made, key, value);
  for (const child of children) if (child) made.append(child);
  return made;
}

/** Sets an attribute; `true` sets it empty, `false` and `undefined` take it off. */
export function attribute(to: Element, name: string, value: string | number | boolean | undefined): void {
  if (value === undefined || value === false) to.removeAttribute(name);
  else if (to.getAttribute(name) !== String(value === true ? "" : value)) {
    to.setAttribute(name, value === true ? "" : String(value));
  }
}

/** Changes an element's text, and leaves it alone where it says so already. */
export function say(to: Element, text: string): void {
  if (to.textContent !== text) to.textContent = text;
}

/** The element that a page was written with. */
export function find<Type extends HTMLElement = HTMLElement>(id: string): Type {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no element #${id}`);
  return found as Type;
}
