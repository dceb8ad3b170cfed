/**
 * The home page. It knows of messages by the badge alone: what this browser last knew, read from
 * its storage. No socket is opened here and no WebAssembly loaded.
 */
import "./styles/home.css";
import { badge } from "message-service-client/badge";
import { showInIcon, showInTitle } from "./dot.js";
import { find } from "./element.js";
import { Header } from "./header.js";
import { whoAmI } from "./main-app.js";
import { drawPlan } from "./plan.js";
import { speak } from "./speak.js";
import { words } from "./words.js";

speak();
drawPlan(document.querySelector(".plan") as SVGElement);
const header = new Header("garden");

function show({ visible, total }: { visible: boolean; total: number }): void {
  const count = visible ? total : 0;
  header.showUnread(count);
  showInTitle(count, words.product);
  showInIcon(count);
}

// At once, for whoever signed in here last: the page has not been painted yet. Who it is comes over
// the network, and a browser may have changed hands since.
let shown = badge();
show(shown);
shown.on(show);

try {
  const member = await whoAmI();
  header.showMember(member);
  find("open-messages").hidden = !member;
  shown.stop();
  if (member) {
    shown = badge({ user: member.id });
    show(shown);
    shown.on(show);
  } else {
    show({ visible: false, total: 0 });
  }
} catch {
  // The main app does not answer: what this browser last knew is still the best there is.
}
