/**
 * Whether the other one of the open conversation is online. The service tells on request and pushes
 * nothing about it, so it is asked now and then, and only while somebody is looking.
 */

const every = 30_000;

export class Presence {
  readonly #ask: (users: string[]) => Promise<string[]>;
  readonly #tell: (online: boolean) => void;
  #peer: string | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(ask: (users: string[]) => Promise<string[]>, tell: (online: boolean) => void) {
    this.#ask = ask;
    this.#tell = tell;
  }

  /** Watches somebody, and nobody else any more. */
  watch(peer: string | undefined): void {
    if (peer === this.#peer) return;
    clearInterval(this.#timer);
    this.#peer = peer;
    this.#tell(false);
    if (peer === undefined) return;
    void this.#look(peer);
    this.#timer = setInterval(() => document.hidden || void this.#look(peer), every);
  }

  async #look(peer: string): Promise<void> {
    let online: string[] = [];
    try {
      online = await this.#ask([peer]);
    } catch {
      // Not knowing is shown as not being there.
    }
    if (peer === this.#peer) this.#tell(online.includes(peer));
  }
}
