/**
 * What the consumers' pages say when the WebAssembly has answered them.
 */
export const ANSWER = "1 direct:alice:bob";
export const SILENT_BADGE = "unread: 0";

const { pathname } = new URL("..", import.meta.url);

/** A path inside this folder. */
export const here = (path) => pathname + path;

/** Those of the paths that are WebAssembly, or its copy inside a script. */
export const webAssembly = (paths) => paths.filter((path) => /\.wasm$|base64/.test(path));
