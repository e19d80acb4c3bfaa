// Bundles src/main.jsx and what it imports into dist/, and puts the page beside it.
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { build } from "esbuild";

rmSync("dist", { recursive: true, force: true });
mkdirSync("dist/assets", { recursive: true });
cpSync("index.html", "dist/index.html");
await build({
  entryPoints: ["src/main.jsx"],
  outfile: "dist/assets/main.js",
  bundle: true,
  minify: true,
  format: "esm",
  jsx: "automatic",
  jsxImportSource: "preact",
  logLevel: "info",
});
