import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

// Nothing in here is for the SDK's sake: what is built, and where it goes.
export default {
  mode: "production",
  context: here("."),
  entry: { main: "./src/main.js", badge: "./src/badge.js" },
  experiments: { outputModule: true },
  // Its hints are about size, for which the SDK has a budget of its own.
  performance: { hints: false },
  output: { path: here("dist"), filename: "[name].js", module: true, clean: true },
};
