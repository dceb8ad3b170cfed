/** What to push, and to whom. */
import { element, say } from "../element.js";
import { push, type Member, type Receivers } from "../main-app.js";
import { words } from "../words.js";
import type { PushedNow } from "./pushed.js";

type To = "one" | "some" | "all";

export function pushForm(
  people: Promise<Member[]>,
  me: Promise<Member | undefined>,
  done: (pushed: PushedNow) => void,
): HTMLFormElement {
  const one = element("select", { name: "user", required: true, "aria-label": words.member });
  const some = element("div", {
    class: "panel-some",
    role: "group",
    "aria-label": words.members,
    hidden: true,
  });
  const text = element("textarea", { name: "text", rows: 2, dir: "auto" }, words.sampleText);
  const title = element("input", {
    name: "title",
    value: words.sampleTitle,
    maxlength: 200,
    required: true,
    dir: "auto",
  });
  const category = element("select", { name: "category" });
  for (const [value, label] of Object.entries(words.categories))
    category.append(element("option", { value }, label));
  category.value = "delivery";
  const complaint = element("p", { class: "panel-complaint", role: "alert" });
  const button = element("button", { class: "button is-main", type: "submit" }, words.push);
  const form = element(
    "form",
    { class: "push", novalidate: true },
    element(
      "fieldset",
      { class: "panel-to" },
      element("legend", {}, words.to),
      choice("one", words.toOne),
      choice("some", words.toSome),
      choice("all", words.toAll),
    ),
    one,
    some,
    labelled(words.title, title),
    labelled(words.text, text),
    element(
      "div",
      { class: "panel-pair" },
      labelled(words.category, category),
      labelled(words.link, element("input", { name: "link", value: "/", inputmode: "url" })),
    ),
    element(
      "label",
      { class: "panel-check" },
      element("input", { type: "checkbox", name: "quiet" }),
      words.quiet,
    ),
    complaint,
    button,
  );

  void Promise.all([people, me]).then(([all, self]) => {
    for (const member of all) {
      // Whoever plays with it wants to see their own dot first.
      const own = member.id === self?.id;
      one.append(
        element(
          "option",
          { value: member.id, selected: own },
          own ? words.memberYou(member.name) : member.name,
        ),
      );
      const box = element("input", { type: "checkbox", name: "users", value: member.id });
      some.append(
        element("label", { class: "panel-check" }, box, element("span", { dir: "auto" }, member.name)),
      );
    }
  });
  form.addEventListener("change", () => {
    const to = new FormData(form).get("to");
    one.hidden = to !== "one";
    some.hidden = to !== "some";
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const wrong = mistake(new FormData(form));
    say(complaint, wrong ?? "");
    if (wrong !== undefined || button.disabled) return;
    button.disabled = true;
    say(button, words.pushing);
    try {
      done(await pushed(new FormData(form), await people));
    } catch {
      say(complaint, words.pushFailed);
    }
    button.disabled = false;
    say(button, words.push);
  });
  return form;
}

function mistake(data: FormData): string | undefined {
  if (String(data.get("title")).trim() === "") return words.titleMissing;
  if (data.get("to") === "some" && data.getAll("users").length === 0) return words.pickMembers;
  return undefined;
}

async function pushed(data: FormData, people: readonly Member[]): Promise<PushedNow> {
  const said = (name: string) => String(data.get(name) ?? "").trim();
  const to = receivers(said("to") as To, said("user"), data.getAll("users").map(String));
  const content = {
    kind: "notice",
    title: said("title"),
    category: said("category"),
    ...(said("text") && { text: said("text") }),
    ...(said("link") && { link: said("link") }),
  } as const;
  const messages = await push(to, content, data.has("quiet"));
  return { title: content.title, to: named(to, people), at: Date.now(), messages };
}

function receivers(to: To, user: string, users: string[]): Receivers {
  return to === "all" ? { everyone: true } : to === "some" ? { users } : { user };
}

function named(to: Receivers, people: readonly Member[]): string {
  if ("everyone" in to) return words.toEveryone;
  const ids = "user" in to ? [to.user] : to.users;
  return ids.map((id) => people.find((member) => member.id === id)?.name ?? id).join(", ");
}

function choice(value: To, label: string): HTMLElement {
  const radio = element("input", { type: "radio", name: "to", value, checked: value === "one" });
  return element("label", { class: "panel-choice" }, radio, element("span", {}, label));
}

function labelled(
  label: string,
  field: HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement,
): HTMLElement {
  field.id = `push-${field.name}`;
  return element("div", { class: "panel-field" }, element("label", { for: field.id }, label), field);
}
