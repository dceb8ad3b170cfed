import { defineConfig } from "vite";

// Nothing in here is for the SDK's sake; there are two pages, and Vite wants to be told so.
export default defineConfig({
  build: { rolldownOptions: { input: ["index.html", "badge.html"] } },
});
