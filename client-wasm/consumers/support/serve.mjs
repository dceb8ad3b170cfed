/**
 * Serves folders as any static host does, and remembers what it was asked for.
 */
import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".wasm": "application/wasm",
};

/**
 * Serves folders, given as pairs of a prefix and a folder; the first one that has the file answers.
 * `types` changes media types, `headers` come along with every answer.
 */
export async function serve(folders, { types = {}, headers = {} } = {}) {
  const media = { ...TYPES, ...types };
  const asked = [];
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url, "http://localhost").pathname);
    asked.push(path);
    const file = find(folders, path === "/" ? "/index.html" : path);
    if (!file) return response.writeHead(404, headers).end();
    response.writeHead(200, { "content-type": media[extname(file)], ...headers });
    return createReadStream(file).pipe(response);
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    url: `http://localhost:${server.address().port}`,
    asked,
    close: () => new Promise((closed) => server.close(closed).closeAllConnections()),
  };
}

function find(folders, path) {
  for (const [prefix, folder] of folders) {
    if (!path.startsWith(prefix)) continue;
    const file = join(folder, path.slice(prefix.length));
    if (statSync(file, { throwIfNoEntry: false })?.isFile()) return file;
  }
  return undefined;
}
