// strip(code): the code without the lines that are comments.
module.exports = (code) => code.split("\n").filter((line) => !line.trim().startsWith("//")).join("\n");
