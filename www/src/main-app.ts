/**
 * What the pages ask of the product's own back end. Messages are not among it: those come from the
 * message service, through its SDK.
 */
import type { Content } from "message-service-client";

/** A member of the product, as the main app knows them. */
export interface Member {
  id: string;
  name: string;
  avatar?: string;
}

/** Where a pushed message went. */
export interface Pushed {
  conversation: string;
  seq: number;
}

export type Receivers = { user: string } | { users: string[] } | { everyone: true };

/** The main app said no; `status` says how. */
export class Refused extends Error {
  readonly status: number;

  constructor(status: number, detail: string) {
    super(detail);
    this.status = status;
  }
}

async function ask(method: "GET" | "POST", path: string, body?: object): Promise<unknown> {
  const response = await fetch(`/api/${path}`, {
    method,
    ...(body && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
  });
  const answer = await response.text();
  if (!response.ok) throw new Refused(response.status, answer);
  return answer === "" ? undefined : JSON.parse(answer);
}

/** Who is signed in; nobody is `undefined`. */
export async function whoAmI(): Promise<Member | undefined> {
  try {
    return (await ask("GET", "me")) as Member;
  } catch (error) {
    if (error instanceof Refused && error.status === 401) return undefined;
    throw error;
  }
}

export async function members(): Promise<Member[]> {
  return (await ask("GET", "users")) as Member[];
}

export async function signIn(user: string): Promise<void> {
  await ask("POST", "sign-in", { user });
}

export async function signOut(): Promise<void> {
  await ask("POST", "sign-out");
}

/** A token for the message service, in the name of whoever is signed in. */
export async function token(): Promise<string> {
  return ((await ask("GET", "token")) as { token: string }).token;
}

export async function push(to: Receivers, content: Content, quiet: boolean): Promise<Pushed[]> {
  const answer = await ask("POST", "demo/push", { to, content, ...(quiet && { quiet }) });
  return (answer as { messages: Pushed[] }).messages;
}

export async function recall({ conversation, seq }: Pushed): Promise<void> {
  await ask("POST", "demo/recall", { conversation, seq });
}
