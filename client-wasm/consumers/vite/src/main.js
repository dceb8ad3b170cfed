import { directConversation, init, protocolVersion } from "message-service-client";

await init();
document.title = `${protocolVersion()} ${directConversation("bob", "alice")}`;
document.body.dataset.done = "yes";
