# Takes what message-service tells of users who are away, and believes only what it has signed.
# Needs: pip install standardwebhooks
# Run: WEBHOOK_SECRET=whsec_… PORT=9000 python receiver.py

import os
from http.server import BaseHTTPRequestHandler, HTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

webhook = Webhook(os.environ["WEBHOOK_SECRET"])
seen = set()  # In earnest: a table, kept for some days.


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            event = webhook.verify(body, headers)
        except WebhookVerificationError:
            self.send_error(400, "not signed by message-service")
            return
        if headers["webhook-id"] not in seen:
            data = event["data"]
            for message in data["messages"]:
                content = message["content"]
                to, unread = data.get("user", "everyone"), data.get("unread", "-")
                print(f"to {to} ({unread} unread): {content.get('text') or content.get('title')}", flush=True)
            seen.add(headers["webhook-id"])
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", int(os.environ.get("PORT", "9000"))), Receiver)
print(f"listening on {server.server_port}", flush=True)
server.serve_forever()
