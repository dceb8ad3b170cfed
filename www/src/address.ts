/**
 * The open conversation in the page's address: it can be reloaded and bookmarked, and on a narrow
 * screen the device's own way back leads back to the list.
 */

const parameter = "conversation";

/** The conversation that the address names. */
export function inAddress(): string | undefined {
  return new URLSearchParams(location.search).get(parameter) ?? undefined;
}

/** Names a conversation. From one to the next is no step of its own: back leads to the list. */
export function putInAddress(conversation: string): void {
  const before = inAddress();
  if (before === conversation) return;
  const address = `${location.pathname}?${new URLSearchParams({ [parameter]: conversation })}`;
  if (before === undefined) history.pushState({ fromList: true }, "", address);
  else history.replaceState(history.state, "", address);
}

/** Names none any more; `true` where the browser goes back for it, and says so by `popstate`. */
export function leaveAddress(): boolean {
  if ((history.state as { fromList?: boolean } | null)?.fromList) {
    history.back();
    return true;
  }
  history.replaceState(null, "", location.pathname);
  return false;
}
