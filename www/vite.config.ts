import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

const page = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/**
 * The pages wait for their scripts before they paint. The scripts are small and come from the same
 * place as the page; so nobody sees the dot arrive late, or English turn into Chinese.
 */
const paintOnce: Plugin = {
  name: "paint-once",
  transformIndexHtml: {
    order: "post",
    handler: (html) => html.replaceAll('<script type="module"', '<script type="module" blocking="render"'),
  },
};

/** The paths that the main app serves: `/messages` is `messages.html`. */
const cleanPaths: Plugin = {
  name: "clean-paths",
  configureServer(server) {
    server.middlewares.use((request, _response, next) => {
      request.url = request.url?.replace(/^\/(messages|sign-in)(?=$|\?)/, "/$1.html");
      next();
    });
  },
};

/** The main app that `npm run dev` shows the pages of. */
const mainApp = process.env["MAIN_APP"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [paintOnce, cleanPaths],
  server: {
    proxy: {
      "/api": mainApp,
      "/service": { target: mainApp, ws: true },
    },
  },
  build: {
    target: "es2022",
    // The polyfill would be a script in every page, for browsers that can't run the SDK anyway.
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: [page("index.html"), page("messages.html"), page("sign-in.html")],
    },
  },
});
