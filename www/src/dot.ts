/**
 * Shows that something is unread: on the way to the messages, in the title, and in the tab's icon.
 * It is told what to show. Who knows it differs: the badge on home, the client on the messages.
 */
import { attribute, say } from "./element.js";
import { words } from "./words.js";

/** What fits on a dot; a screen reader gets the exact number. */
export function capped(count: number): string {
  return count > 99 ? "99+" : String(count);
}

/** Shows the count on the link to the messages, or takes it away. */
export function showOnLink(link: HTMLElement, count: number): void {
  const dot = link.querySelector<HTMLElement>(".dot");
  if (!dot) return;
  dot.hidden = count === 0;
  say(dot, count > 0 ? capped(count) : "");
  attribute(link, "aria-label", count > 0 ? words.messagesUnread(count) : words.messages);
}

/** `(3) Messages · Fernrow`. */
export function showInTitle(count: number, title: string): void {
  const wanted = count > 0 ? `(${capped(count)}) ${title}` : title;
  if (document.title !== wanted) document.title = wanted;
}

const leaf =
  '<rect width="32" height="32" rx="8" fill="#1d6b45"/>' +
  '<path d="M8 24C8 13 14 8 25 7c0 11-5 17-14 17-1 0-2 0-3 0zm0 0c3-5 6-8 11-11" fill="#d8f0dd" stroke="#1d6b45" stroke-width="1.6"/>';

/** The tab's icon. A data URL is an image to the page's policy, so nothing has to be fetched. */
export function showInIcon(count: number): void {
  const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  if (!link) return;
  const href = count > 0 ? withCount(capped(count)) : (link.dataset["plain"] ?? link.href);
  link.dataset["plain"] ??= link.href;
  if (link.href !== href) link.href = href;
}

function withCount(count: string): string {
  const size = count.length > 2 ? 11 : 14;
  const dot =
    '<circle cx="21" cy="21" r="11" fill="#c8281e" stroke="#fff" stroke-width="1.5"/>' +
    `<text x="21" y="${21 + size * 0.36}" font-family="system-ui,sans-serif" font-size="${size}" ` +
    `font-weight="700" fill="#fff" text-anchor="middle">${count}</text>`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">${leaf}${dot}</svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}
