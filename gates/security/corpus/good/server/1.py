# capabilities: module:http
import http.server


def serve(data: str) -> None:
    http.server.HTTPServer(("localhost", 8000), http.server.SimpleHTTPRequestHandler).serve_forever()
