/**
 * The bar on top of every page: where one is, who one is, and whether somebody wrote.
 *
 * It is told what is unread; it asks nobody.
 */
import "./styles/base.css";
import "./styles/header.css";
import "./styles/avatar.css";
import { avatar } from "./avatar.js";
import { showOnLink } from "./dot.js";
import { attribute, element, find } from "./element.js";
import { icon } from "./icons.js";
import type { Member } from "./main-app.js";
import { words } from "./words.js";

export class Header {
  readonly #messages: HTMLAnchorElement;
  readonly #account = element("a", { class: "account", href: "/sign-in" });

  constructor(here: "garden" | "messages" | "sign-in") {
    const garden = element("a", { class: "bar-link is-garden", href: "/" }, words.garden);
    this.#messages = element(
      "a",
      { class: "bar-link is-messages", href: "/messages" },
      icon("chat"),
      element("span", { class: "bar-word" }, words.messages),
      element("span", { class: "dot", "aria-hidden": "true", hidden: true }),
    );
    const current = { garden, messages: this.#messages, "sign-in": undefined }[here];
    if (current) attribute(current, "aria-current", "page");

    const brand = element(
      "a",
      { class: "brand", href: "/", "aria-label": words.product },
      element("img", { src: "/favicon.svg", alt: "", width: 32, height: 32 }),
      element("span", {}, words.product),
    );
    const bar = find("bar");
    bar.append(brand);
    if (here !== "sign-in") bar.append(element("nav", {}, garden, this.#messages), backstage(here));
    bar.append(this.#account);
    this.showUnread(0);
  }

  showUnread(count: number): void {
    showOnLink(this.#messages, count);
  }

  /** Shows who is signed in, or how to. */
  showMember(member: Member | undefined): void {
    attribute(this.#account, "aria-label", member && words.account(member.name));
    attribute(this.#account, "class", member ? "account" : "bar-link");
    this.#account.replaceChildren(member ? avatar(member.id, member.name, member.avatar) : words.signIn);
  }
}

/** Opens the drawer that plays the main app; its code comes when somebody wants it. */
function backstage(here: "garden" | "messages"): HTMLElement {
  const button = element(
    "button",
    {
      class: "bar-link is-backstage",
      type: "button",
      "aria-expanded": "false",
      "aria-label": words.panelOpen,
    },
    icon("megaphone"),
    element("span", {}, words.panelOpen),
  );
  button.addEventListener("click", async () => {
    const { togglePanel } = await import("./panel/panel.js");
    togglePanel(button, here === "garden" ? words.panelLeadHome : words.panelLead);
  });
  return button;
}
