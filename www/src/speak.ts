/**
 * Puts the reader's language into a page that was written in English: an element with
 * `data-word="push"` says that word, one with `data-label` carries it as its accessible name.
 */
import { language, words, type PlainWord } from "./words.js";

export function speak(root: ParentNode = document): void {
  document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";
  if (language === "en") return;
  for (const element of root.querySelectorAll<HTMLElement>("[data-word]")) {
    element.textContent = words[element.dataset["word"] as PlainWord];
  }
  for (const element of root.querySelectorAll<HTMLElement>("[data-label]")) {
    element.setAttribute("aria-label", words[element.dataset["label"] as PlainWord]);
  }
}
