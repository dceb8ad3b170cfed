import { badge } from "/sdk/badge.js";

document.title = `unread: ${badge().total}`;
document.body.dataset.done = "yes";
