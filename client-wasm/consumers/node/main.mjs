import { directConversation, init, protocolVersion } from "message-service-client";
import { badge } from "message-service-client/badge";

const before = globalThis.window === undefined && badge().total;
await init();
console.log(JSON.stringify([before, protocolVersion(), directConversation("bob", "alice")]));
