"""Answers on port 8080 how high the water stands: /3 is three hours after low water."""

import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

import tides
from markupsafe import Markup

RANGE = 3.6   # metres between low and high water
PAGE = Markup("<title>Tides</title><p>After {} hours the water is {:.1f} m up.</p><p>Edition {}.</p>\n")


def page(hour: str) -> tuple[int, str]:
    """Status and text of the answer to a path."""
    try:
        return 200, PAGE.format(hour, tides.height(int(hour), RANGE), tides.EDITION)
    except ValueError as error:
        return 404, Markup("<p>{}: {}</p>\n").format(hour, error)


class Tide(BaseHTTPRequestHandler):
    def do_GET(self):
        status, text = page(self.path.strip("/"))
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(text.encode())


if __name__ == "__main__":
    if sys.argv[1:]:
        print(page(sys.argv[1])[1], end="")
    else:
        HTTPServer(("", 8080), Tide).serve_forever()
