/**
 * Signing out: the main app forgets the session, and the SDK all that this browser knows of the
 * user's messages, so that the next person to sit here sees no dot of somebody else's.
 */
import { forgetUsers } from "./kept.js";
import { signOut as endSession, token } from "./main-app.js";

export async function signOut(): Promise<void> {
  forgetUsers();
  try {
    const { MessageClient } = await import("message-service-client");
    new MessageClient({ url: "/service", getToken: token }).signOut();
  } finally {
    await endSession();
  }
}
