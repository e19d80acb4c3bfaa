// A server for the desk, not for the world: what is in dist/, or else the page.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

const types = { ".html": "text/html", ".js": "text/javascript" };

createServer(({ url }, answer) => {
  let file = join("dist", normalize(new URL(url, "http://here").pathname));
  try {
    readFileSync(file);
  } catch {
    file = "dist/index.html";
  }
  answer.setHeader("Content-Type", types[extname(file)] ?? "application/octet-stream");
  answer.end(readFileSync(file));
}).listen(80);
