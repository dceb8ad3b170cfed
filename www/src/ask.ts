/** Questions before which everything else waits: is this meant, and whom does it concern. */
import { avatar } from "./avatar.js";
import { element } from "./element.js";
import { icon } from "./icons.js";
import type { Member } from "./main-app.js";
import { words } from "./words.js";

/** Shows a dialog, resolves to its answer, and to "" where it was left without one. */
function answerOf(dialog: HTMLDialogElement): Promise<string> {
  document.body.append(dialog);
  dialog.showModal();
  // A click on the dialog itself, and on nothing in it, is one on its backdrop.
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue);
    });
  });
}

export async function confirmed(question: string, more: string, deed: string): Promise<boolean> {
  const dialog = element(
    "dialog",
    { class: "ask", "aria-labelledby": "question", "aria-describedby": "question-more" },
    element(
      "form",
      { method: "dialog", class: "ask-body" },
      element("h2", { id: "question" }, question),
      element("p", { id: "question-more" }, more),
      element(
        "div",
        { class: "ask-answers" },
        element("button", { class: "button", value: "" }, words.cancel),
        element("button", { class: "button is-danger", value: "yes" }, deed),
      ),
    ),
  );
  return (await answerOf(dialog)) === "yes";
}

/** Picks somebody to write to. */
export async function pickMember(others: readonly Member[]): Promise<string | undefined> {
  const choices = others.map((member) =>
    element(
      "li",
      {},
      element(
        "button",
        { class: "pick", value: member.id },
        avatar(member.id, member.name, member.avatar),
        element("span", { dir: "auto" }, member.name),
      ),
    ),
  );
  const dialog = element(
    "dialog",
    { class: "ask", "aria-labelledby": "question" },
    element(
      "form",
      { method: "dialog", class: "ask-body" },
      element(
        "div",
        { class: "ask-head" },
        element("h2", { id: "question" }, words.newMessageTo),
        element("button", { class: "icon-button", value: "", "aria-label": words.close }, icon("close")),
      ),
      choices.length > 0 ? element("ul", { class: "picks" }, ...choices) : element("p", {}, words.nobodyElse),
    ),
  );
  return (await answerOf(dialog)) || undefined;
}
