/**
 * Who is who. Messages carry ids; names and pictures are the main app's, and a conversation carries
 * those of the other user.
 */
import type { Conversation } from "message-service-client";
import type { Member } from "./main-app.js";
import { words } from "./words.js";

export interface Face {
  id: string;
  name: string;
  picture?: string;
}

export class People {
  readonly #members: Map<string, Member>;
  readonly me: Member;

  constructor(me: Member, members: readonly Member[]) {
    this.me = me;
    this.#members = new Map([me, ...members].map((member) => [member.id, member]));
  }

  /** Everybody whom one can write to. */
  get others(): Member[] {
    return [...this.#members.values()].filter((member) => member.id !== this.me.id);
  }

  /** Who said something; nobody is the product. */
  author(sender: string | undefined): Face {
    if (sender === undefined) return { id: "", name: words.product };
    const member = this.#members.get(sender);
    if (!member) return { id: sender, name: words.somebody };
    return { id: sender, name: member.name, ...(member.avatar && { picture: member.avatar }) };
  }

  /** What a conversation is called, and its picture. */
  face(conversation: Conversation): Face {
    const { id, kind, peer, name, avatar } = conversation;
    if (kind === "system") return { id, name: words.notices };
    if (kind === "announcement") return { id, name: words.announcements };
    const member = peer === undefined ? undefined : this.#members.get(peer);
    const picture = avatar ?? member?.avatar;
    return { id: peer ?? id, name: name ?? member?.name ?? words.somebody, ...(picture && { picture }) };
  }
}
