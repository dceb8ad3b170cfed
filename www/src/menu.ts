/**
 * A menu that opens at a button or where somebody clicked. The browser closes it when one clicks
 * elsewhere or presses Escape; arrows, letters and Enter do what they do in menus.
 */
import { element } from "./element.js";
import { step, TypeAhead } from "./list/keys.js";

export interface MenuItem {
  label: string;
  dangerous?: boolean;
  act: () => void;
}

/** Where it opens: below an element, or at a point of the window. */
export type Place = Element | { x: number; y: number };

let closeOpen: (() => void) | undefined;

export function openMenu(label: string, items: readonly MenuItem[], place: Place): void {
  closeOpen?.();
  const back = document.activeElement;
  const menu = element("div", { class: "menu", role: "menu", "aria-label": label, popover: "auto" });
  const buttons = items.map((item) => {
    const button = element(
      "button",
      {
        class: item.dangerous ? "menu-item is-danger" : "menu-item",
        role: "menuitem",
        type: "button",
        tabindex: -1,
      },
      item.label,
    );
    button.addEventListener("click", () => {
      menu.hidePopover();
      item.act();
    });
    return button;
  });
  menu.append(...buttons);
  document.body.append(menu);

  const typed = new TypeAhead();
  menu.addEventListener("keydown", (event) => {
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    if (event.key === "Tab") menu.hidePopover();
    const round = event.key === "ArrowDown" && at === buttons.length - 1 ? 0 : undefined;
    const labels = items.map((item) => item.label);
    const letter =
      event.key.length === 1 && event.key !== " "
        ? typed.find(event.key, labels, at, event.timeStamp)
        : undefined;
    const to = round ?? step(event.key, at, buttons.length) ?? letter;
    if (to === undefined) return;
    event.preventDefault();
    buttons[to]?.focus();
  });
  menu.addEventListener("toggle", (event) => {
    if ((event as ToggleEvent).newState === "open") return;
    closeOpen = undefined;
    const had = menu.contains(document.activeElement) || document.activeElement === document.body;
    menu.remove();
    if (had && back instanceof HTMLElement && back.isConnected) back.focus({ preventScroll: true });
  });
  closeOpen = () => menu.hidePopover();
  menu.showPopover();
  put(menu, place);
  buttons[0]?.focus();
}

/** Beside its place, and inside the window wherever that place is. */
function put(menu: HTMLElement, place: Place): void {
  const { width, height } = menu.getBoundingClientRect();
  let { x, y } = { x: 0, y: 0 };
  if (place instanceof Element) {
    const box = place.getBoundingClientRect();
    const rightToLeft = getComputedStyle(place).direction === "rtl";
    x = rightToLeft ? box.left : box.right - width;
    y = box.bottom + 4 + height > innerHeight ? box.top - 4 - height : box.bottom + 4;
  } else {
    ({ x, y } = place);
  }
  menu.style.left = `${Math.max(8, Math.min(x, innerWidth - width - 8))}px`;
  menu.style.top = `${Math.max(8, Math.min(y, innerHeight - height - 8))}px`;
}
