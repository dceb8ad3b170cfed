/** What the browser is asked for once: chance, and addresses. */

/** 32 random bits, from which the WebAssembly draws its jitter. */
export function seed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]!;
}

/** A name that nobody else gives. `randomUUID` is absent on pages without TLS. */
export function freshId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The socket's address, from where the service is: a path of this origin, or a whole URL. */
export function addressOf(url: string): string {
  const address = new URL(url.replace(/\/?$/, "/") + "v1/socket", location.href);
  address.protocol = address.protocol.replace("http", "ws");
  return address.href;
}
