/**
 * Links out of other people's words. Only `http:`, `https:` and paths of our own lead anywhere;
 * `javascript:` and its relatives stay words.
 */

/** The link to follow, or `undefined` where there is none that is safe. */
export function safeLink(link: string): string | undefined {
  // One slash: two would name another host, and a backslash is a slash to browsers.
  if (/^\/(?![/\\])/.test(link)) return link;
  try {
    const { protocol, href } = new URL(link);
    return protocol === "http:" || protocol === "https:" ? href : undefined;
  } catch {
    return undefined;
  }
}

/** The picture to load: the same, and nothing that the page's policy would refuse. */
export function safePicture(link: string | undefined): string | undefined {
  if (!link) return undefined;
  const safe = safeLink(link);
  return safe?.startsWith("/") || safe?.startsWith("https:") ? safe : undefined;
}

/** A piece of a text: words, or a link that was written into it. */
export type Piece = { text: string; link?: string };

/** Takes a text apart at the links in it; put together again, the pieces are the text. */
export function pieces(text: string): Piece[] {
  const result: Piece[] = [];
  let done = 0;
  for (const match of text.matchAll(
    /\bhttps?:\/\/[^\s<>"'\u3000-\u303f\uff01\uff08\uff09\uff0c\uff1a\uff1b\uff1f]+/gi,
  )) {
    // A sentence's own end is no part of the link in it.
    const found = match[0].replace(/[.,!?;:)\]}*_~]+$/, "");
    const link = safeLink(found);
    if (!link) continue;
    if (match.index > done) result.push({ text: text.slice(done, match.index) });
    result.push({ text: found, link });
    done = match.index + found.length;
  }
  if (done < text.length) result.push({ text: text.slice(done) });
  return result;
}
