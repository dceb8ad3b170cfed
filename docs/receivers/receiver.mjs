// Takes what message-service tells of users who are away, and believes only what it has signed.
// Needs: npm install standardwebhooks
// Run: WEBHOOK_SECRET=whsec_… PORT=9000 node receiver.mjs

import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

const webhook = new Webhook(process.env.WEBHOOK_SECRET);
const seen = new Set(); // In earnest: a table, kept for some days.

const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  let event;
  try {
    event = webhook.verify(Buffer.concat(chunks), request.headers);
  } catch {
    response.writeHead(400).end("not signed by message-service");
    return;
  }
  const id = request.headers["webhook-id"];
  if (!seen.has(id)) {
    const { user, unread, messages } = event.data;
    for (const { content } of messages) {
      console.log(`to ${user ?? "everyone"} (${unread ?? "-"} unread): ${content.text ?? content.title}`);
    }
    seen.add(id);
  }
  response.writeHead(204).end();
});

server.listen(Number(process.env.PORT ?? 9000), "127.0.0.1", () => {
  console.log(`listening on ${server.address().port}`);
});
