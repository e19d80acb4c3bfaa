// build.js: makes dist/index.html and dist/app.js of the files in src. It needs Node, and
// no packages.
const fs = require("fs");

const parts = fs.readdirSync("src").filter((name) => name.endsWith(".js")).sort();
const code = parts.map((name) => fs.readFileSync(`src/${name}`, "utf8")).join("\n")
  .split("\n").filter((line) => !line.trim().startsWith("//")).join("\n");
fs.mkdirSync("dist", { recursive: true });
fs.writeFileSync("dist/app.js", code);
fs.writeFileSync("dist/index.html", `<!doctype html>
<html lang="en"><title>Sums</title><h1>Sums</h1>
<p><label>Numbers <input id="numbers" value="2 3"></label> <output id="sum"></output></p>
<script src="app.js"></script></html>
`);
console.log(`${parts.length} files, ${code.length} characters`);
