import { directConversation, init, protocolVersion } from "/sdk/index.js";

await init();
document.title = `${protocolVersion()} ${directConversation("bob", "alice")}`;
document.body.dataset.done = "yes";
