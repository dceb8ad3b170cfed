/** The sign-in page: pick one of the sample members, or leave. */
import "./styles/sign-in.css";
import { avatar } from "./avatar.js";
import { element, find, say } from "./element.js";
import { Header } from "./header.js";
import { members, signIn, token, whoAmI, type Member } from "./main-app.js";
import { signOut } from "./sign-out.js";
import { speak } from "./speak.js";
import { words } from "./words.js";

/** So long at most does signing in wait for what is unread. */
const LOGIN_MS = 2000;

speak();
document.title = `${words.signIn} · ${words.product}`;
const header = new Header("sign-in");
const complaint = find("complaint");
const cards = find("members");

/** Where a page sent its visitor here from; only ever a page of our own. */
function wantedPage(): string {
  const wanted = new URLSearchParams(location.search).get("then");
  return wanted && /^\/(?![/\\])/.test(wanted) ? wanted : "/";
}

async function attempt(deed: () => Promise<void>): Promise<void> {
  say(complaint, "");
  try {
    await deed();
  } catch {
    say(complaint, words.signInFailed);
  }
}

/**
 * What is unread in the database goes into this browser's storage, so that the first page after
 * this one has its dot. Signing in waits for that, and does not depend on it.
 */
async function remember(): Promise<void> {
  try {
    const { MessageClient } = await import("message-service-client");
    const client = new MessageClient({ url: "/service", getToken: token });
    const longEnough = new Promise((resolve) => setTimeout(resolve, LOGIN_MS));
    await Promise.race([client.connect(), longEnough]);
    client.close();
  } catch {
    // The dot comes with the page of messages, then.
  }
}

function card(member: Member): HTMLElement {
  const button = element(
    "button",
    { class: "member-card", type: "button" },
    avatar(member.id, member.name, member.avatar),
    element("span", { dir: "auto" }, member.name),
  );
  button.addEventListener("click", () =>
    attempt(async () => {
      button.setAttribute("aria-busy", "true");
      try {
        await signIn(member.id);
        await remember();
        location.assign(wantedPage());
      } finally {
        button.removeAttribute("aria-busy");
      }
    }),
  );
  return element("li", {}, button);
}

function skeleton(): HTMLElement {
  const bone = element("span", { class: "bone" });
  return element("li", { "aria-hidden": "true" }, element("span", { class: "member-card is-bone" }, bone));
}

find("sign-out").addEventListener("click", () =>
  attempt(async () => {
    await signOut();
    location.reload();
  }),
);

cards.replaceChildren(...Array.from({ length: 6 }, skeleton));
await attempt(async () => {
  const [everybody, me] = await Promise.all([members(), whoAmI()]).finally(() => cards.replaceChildren());
  cards.append(...everybody.map(card));
  if (!me) return;
  header.showMember(me);
  say(find("signed-in-as"), words.signedInAs(me.name));
  find("signed-in").hidden = false;
});
