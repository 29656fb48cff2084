"""A schema registry behind TLS and a password, as it stands behind a proxy: for tests.

    with Registry(certificate, key, schemas={1: SCHEMA}, user="u", password="p") as r:
        ... r.port ... r.asked
"""
import base64
import hmac
import http.server
import json
import socket
import ssl
import threading


class Registry:
    """On 127.0.0.1, a port of its own, a thread per connection. Without a certificate: plain HTTP."""

    def __init__(self, certificate=None, key=None, schemas=None, user=None, password=None):
        registry = self
        self.schemas, self.user, self.password = schemas or {}, user, password
        self.asked = 0  # requests that came through

        class Handler(http.server.BaseHTTPRequestHandler):
            timeout = 10

            def do_GET(self):
                registry.asked += 1
                status, body = registry.answer(self.path, self.headers.get("Authorization", ""))
                text = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def finish_request(self, request, address):  # the handshake: in the connection's thread
                try:
                    request.settimeout(10)
                    super().finish_request(registry.context.wrap_socket(request, server_side=True)
                                           if registry.context else request, address)
                except OSError:  # who does not trust us hangs up
                    pass

            def handle_error(self, *_):
                pass

        self.context = None
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(certificate, key)
        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    def answer(self, path, authorization):
        """Status and body, as Confluent's registry says them."""
        if self.user is not None:
            wanted = "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
            if not hmac.compare_digest(authorization.encode(), wanted.encode()):
                return 401, {"error_code": 401, "message": "Unauthorized"}
        if path == "/subjects":
            return 200, [f"s{i}-value" for i in self.schemas]
        where, _, name = path.rpartition("/")
        if where == "/schemas/ids" and name.isdecimal() and int(name) in self.schemas:
            return 200, {"schema": json.dumps(self.schemas[int(name)])}
        return 404, {"error_code": 40403, "message": "Schema not found"}

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def silent():
    """A listener that takes connections and says nothing."""
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen()
    return s
