"""Says hello, and then looks around: which of the tools that built it are still
within reach? With the argument "serve" it says the same over HTTP on port 8080."""

import http.server
import os
import platform
import shutil
import sys

import markupsafe._speedups   # the compiled half of it
import tally

TOOLS = {"C compiler": "gcc", "Python's headers": f"/usr/include/python{sys.version[:4]}/Python.h",
         "installer": "pip", "shell": "/bin/sh", "package manager": "apt-get"}
TEXT = "the kitchen stays behind and the plate is served"


def report() -> str:
    lines = [f"Hello from Python {platform.python_version()} and a module compiled with {tally.COMPILER}!",
             f"It counted {tally.words(TEXT)} words. Another one, markupsafe, wrote <b> as {markupsafe.escape('<b>')}."]
    for name, path in TOOLS.items():
        there = path if os.path.exists(path) else shutil.which(path)
        lines.append(f"{name:<16} {'within reach at ' + there if there else 'not here'}")
    return "\n".join(lines) + "\n"


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(report().encode())


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        http.server.HTTPServer(("", 8080), Answer).serve_forever()
    print(report(), end="")
