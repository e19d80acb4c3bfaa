// build.js: makes dist/index.html, dist/app.js and dist/licence.txt of the files in src. It needs Node, the package
// strip (npm ci installs it, without a network), and the licence key, in /run/secrets/licence or the file that LICENCE
// names. What is published is the key's SHA-256, from which nobody can learn the key.
const crypto = require("crypto");
const fs = require("fs");
const strip = require("strip");

const licence = fs.readFileSync(process.env.LICENCE || "/run/secrets/licence", "utf8").trim();
const parts = fs.readdirSync("src").filter((name) => name.endsWith(".js")).sort();
const code = strip(parts.map((name) => fs.readFileSync(`src/${name}`, "utf8")).join("\n"));
fs.mkdirSync("dist", { recursive: true });
fs.writeFileSync("dist/app.js", code);
fs.writeFileSync("dist/licence.txt", `${crypto.createHash("sha256").update(licence).digest("hex")}\n`);
fs.writeFileSync("dist/index.html", `<!doctype html>
<html lang="en"><title>Sums</title><h1>Sums</h1>
<p><label>Numbers <input id="numbers" value="2 3"></label> <output id="sum"></output></p>
<script src="app.js"></script></html>
`);
console.log(`${parts.length} files, ${code.length} characters`);
