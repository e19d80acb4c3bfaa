import { defineConfig } from "vite";

export default defineConfig({
  esbuild: { jsx: "automatic", jsxImportSource: "preact" },
  // Written into the page when it is built: the program that serves it cannot know.
  define: { __BUILT_WITH__: JSON.stringify(`Node ${process.version}`) },
});
