"""Answers every request on port 8080 with the greeting that lies beside it, or with an error that says nothing."""

from http.server import BaseHTTPRequestHandler, HTTPServer


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            with open("/app/greeting.txt", "rb") as file:
                status, body = 200, file.read()
        except OSError:
            status, body = 500, b"Sorry, something went wrong.\n"
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)


HTTPServer(("", 8080), Answer).serve_forever()
