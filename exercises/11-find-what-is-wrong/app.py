"""The harbour's log: answers on port 8080 how high the water stands.

/MINUTE is a minute of the table in /srv/tides.bin. `app.py check` asks the running
service and exits with 0 if it is well. On SIGTERM it says goodbye and ends.
"""

import signal
import sys
import urllib.request
from array import array
from http.server import BaseHTTPRequestHandler, HTTPServer

from markupsafe import Markup

EDITION = "unstamped"
LINE = Markup("<p>Minute {}: {} cm above low water. Edition {}.</p>\n")


class Log(BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            status, text = 200, LINE.format(minute := int(self.path.strip("/") or 0), HEIGHTS[minute], EDITION)
        except (ValueError, IndexError):
            status, text = 404, Markup("<p>No minute {}.</p>\n").format(self.path)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())


def end(*_):
    print("The log is closed.", flush=True)
    sys.exit(0)


if sys.argv[1:] == ["check"]:
    urllib.request.urlopen("http://127.0.0.1:8080/", timeout=1)
    sys.exit(0)
with open("/srv/tides.bin", "rb") as file:
    HEIGHTS = array("h", file.read())
signal.signal(signal.SIGTERM, end)
print("The log is open.", flush=True)
HTTPServer(("", 8080), Log).serve_forever()
