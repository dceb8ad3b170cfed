/**
 * A drawer that plays the main app. It is no part of the product: in a real one these calls are
 * made by its back end, and nobody sees a panel. It asks the demo's own back end, which holds the
 * service key; the browser never does.
 */
import "../styles/panel.css";
import { attribute, element } from "../element.js";
import { icon } from "../icons.js";
import { members, whoAmI } from "../main-app.js";
import { words } from "../words.js";
import { pushForm } from "./form.js";
import { History } from "./pushed.js";

let panel: HTMLElement | undefined;
let opener: HTMLElement | undefined;

/** Opens the drawer, or closes it. The page stays usable beside it: one wants to see the dot. */
export function togglePanel(button: HTMLElement, lead: string): void {
  opener = button;
  panel ??= document.body.appendChild(make(lead));
  const open = panel.hidden;
  panel.hidden = !open;
  attribute(button, "aria-expanded", String(open));
  if (open) panel.querySelector<HTMLElement>("input:checked, input, select")?.focus();
}

function close(): void {
  if (panel) panel.hidden = true;
  if (opener) attribute(opener, "aria-expanded", "false");
  opener?.focus();
}

function make(lead: string): HTMLElement {
  const closing = element(
    "button",
    { class: "icon-button", type: "button", "aria-label": words.close },
    icon("close"),
  );
  closing.addEventListener("click", close);
  const history = new History();
  const made = element(
    "aside",
    { class: "panel", "aria-labelledby": "panel-title", hidden: true },
    element("div", { class: "panel-head" }, element("h2", { id: "panel-title" }, words.panel), closing),
    element("p", { class: "panel-lead" }, lead),
    pushForm(members(), whoAmI(), (pushed) => history.add(pushed)),
    element("h3", { id: "pushed-title" }, words.pushed),
    history.element,
  );
  made.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
  });
  return made;
}
