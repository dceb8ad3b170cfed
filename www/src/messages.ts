/**
 * The messages page: puts its parts together and tells them what the SDK says. The parts know
 * nothing of each other.
 */
import "./styles/messages.css";
import { MessageClient, UnauthorizedError, type Conversation } from "message-service-client";
import { inAddress, leaveAddress, putInAddress } from "./address.js";
import { announce } from "./announce.js";
import { pickMember } from "./ask.js";
import { Banner } from "./banner.js";
import { ConversationView } from "./conversation.js";
import { showInIcon, showInTitle } from "./dot.js";
import { Drafts } from "./drafts.js";
import { find } from "./element.js";
import { excuse } from "./excuse.js";
import { Header } from "./header.js";
import { icon } from "./icons.js";
import { ConversationList } from "./list/list.js";
import { conversationMenu } from "./list/menu.js";
import { inOrder } from "./list/order.js";
import { members, Refused, token, whoAmI } from "./main-app.js";
import type { Place } from "./menu.js";
import { Outbox } from "./outgoing.js";
import { People } from "./people.js";
import { speak } from "./speak.js";
import { toast } from "./toast.js";
import { words } from "./words.js";

speak();
const title = `${words.messages} · ${words.product}`;
showInTitle(0, title);
const header = new Header("messages");
const panes = find("main");
const banner = new Banner();
find("new-message").append(icon("pencil"));

/** Whether the first session has begun; before it, the list is not known. */
let caughtUp = false;
/** Whether the list's next page is on its way, and whether there is one. */
let loading = false;
let more = true;

const list = new ConversationList({
  open: (id) => open(id, "focus"),
  menu: (id, place) => {
    const conversation = client.conversation(id);
    if (conversation) showMenu(conversation, place);
  },
  end: loadMore,
});
find("list-pane").append(list.element);

/** Who is here, and who else there is. Without either this page is nothing: it never resolves then. */
async function everybody(): Promise<People> {
  try {
    const [me, others] = await Promise.all([whoAmI(), members()]);
    if (me) return new People(me, others);
    location.replace(`/sign-in?then=${encodeURIComponent(location.pathname + location.search)}`);
  } catch {
    banner.unreachable();
  }
  return new Promise(() => {});
}

const people = await everybody();
const { me } = people;
header.showMember(me);

const client = new MessageClient({
  url: "/service",
  page: "messages",
  getToken: async () => {
    try {
      return await token();
    } catch (error) {
      const signedOut = error instanceof Refused && error.status === 401;
      throw signedOut ? new UnauthorizedError() : error;
    }
  },
});
const drafts = new Drafts(me.id);
const outbox = new Outbox(me.id, (...message) => client.send(...message), {
  changed: (conversation) => view.outgoing(conversation),
  sent: (message) => view.deliver({ conversation: message.conversation, messages: [message] }),
  failed: () => announce(words.failedAloud),
});
const view = new ConversationView({ client, people, outbox, drafts }, { back: leave, menu: showMenu });
find("conversation-pane").append(view.element);

/** A conversation, also where nothing was said in it yet. */
function conversationBy(id: string): Conversation {
  const peer = people.others.find((member) => client.directWith(member.id) === id)?.id;
  const kind =
    peer !== undefined
      ? "direct"
      : id.startsWith("group:")
        ? "group"
        : id === "announcement"
          ? "announcement"
          : "system";
  const nothing = { lastAt: 0, unread: 0, marked: false, muted: false, pinned: false };
  return client.conversation(id) ?? { id, kind, ...(peer !== undefined && { peer }), ...nothing };
}

function open(id: string, then: "focus" | "leave the focus"): void {
  putInAddress(id);
  panes.dataset["pane"] = "conversation";
  void view.open(conversationBy(id));
  showList();
  if (then === "focus") view.focus();
}

function leave(): void {
  if (!leaveAddress()) showAddressed();
}

/** Shows what the address says, as after the browser's own back. */
function showAddressed(): void {
  const id = inAddress();
  if (id === view.id) return;
  if (id !== undefined) {
    open(id, "focus");
    return;
  }
  const left = view.id;
  view.close();
  panes.dataset["pane"] = "list";
  showList();
  if (left !== undefined) list.focus(left);
}

function showMenu(conversation: Conversation, place: Place): void {
  const { name } = people.face(conversation);
  conversationMenu(client, conversation, name, place, {
    leave: () => {
      if (view.id === conversation.id) leave();
    },
  });
}

function showList(): void {
  if (!caughtUp) return;
  const rows = inOrder(client.conversations()).map((conversation) => {
    const selected = conversation.id === view.id;
    const draft = selected ? "" : drafts.get(conversation.id);
    return { conversation, face: people.face(conversation), selected, draft, people };
  });
  list.show(rows);
  find("list-empty").hidden = rows.length > 0;
}

async function loadMore(): Promise<void> {
  if (!caughtUp || loading || !more) return;
  loading = true;
  try {
    more = await client.loadMore();
    showList();
  } catch (error) {
    toast(excuse(error));
  }
  loading = false;
}

/** The title counts what is unread; the dot calls, and has no need to while one is here. */
function showUnread(): void {
  const count = client.dot ? client.unread.total : 0;
  header.showUnread(count);
  showInIcon(count);
  showInTitle(client.unread.total, title);
}

client.on("state", (change) => {
  banner.show(change);
  if (change.state !== "live") return;
  caughtUp = true;
  showList();
  view.retry();
});
client.on("conversations", () => {
  showList();
  view.showHead();
});
client.on("unread", showUnread);
client.on("dot", showUnread);
client.on("delivery", (delivery) => view.deliver(delivery));
client.on("revised", ({ message }) => view.revise(message));
client.on("reset", () => view.reopen());
client.on("signedOut", () => banner.signedOut());
client.on("message", ({ message, own, attended }) => {
  if (own) return;
  const { name } = people.author(message.sender);
  const text =
    message.content?.kind === "text"
      ? message.content.text
      : message.content?.kind === "notice"
        ? message.content.title
        : "";
  announce(attended ? words.heard(name, text) : words.heardElsewhere(name));
});

addEventListener("popstate", showAddressed);
find("new-message").addEventListener("click", async () => {
  const member = await pickMember(people.others);
  if (member !== undefined) open(client.directWith(member), "focus");
});

try {
  await client.connect();
  showUnread();
  const wanted = inAddress();
  if (wanted !== undefined) open(wanted, "leave the focus");
  outbox.resume();
} catch {
  // The banner says so, and by whose doing.
}
