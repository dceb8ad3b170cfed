/** What can be done with a conversation as a whole, in the list and in its own header. */
import type { Conversation, MessageClient } from "message-service-client";
import { announce } from "../announce.js";
import { excuse } from "../excuse.js";
import { openMenu, type MenuItem, type Place } from "../menu.js";
import { toast } from "../toast.js";
import { words } from "../words.js";

interface Leaving {
  /** The conversation is not to stay open: what is open is read. */
  leave: () => void;
}

export function conversationMenu(
  client: MessageClient,
  conversation: Conversation,
  name: string,
  place: Place,
  { leave }: Leaving,
): void {
  const { id, muted, pinned, unread } = conversation;
  const item = (label: string, deed: () => Promise<void>): MenuItem => ({
    label,
    act: () => void deed().catch((error: unknown) => toast(excuse(error))),
  });
  const items = [
    item(pinned ? words.unpin : words.pin, () => client.configure(id, { pinned: !pinned })),
    item(muted ? words.unmute : words.mute, () => client.configure(id, { muted: !muted })),
    item(words.remove, async () => {
      leave();
      await client.remove(id);
      announce(words.removed);
    }),
  ];
  if (unread === 0) {
    const mark = item(words.markUnread, async () => {
      leave();
      await client.markUnread(id);
    });
    items.unshift(mark);
  }
  openMenu(words.menuFor(name), items, place);
}
