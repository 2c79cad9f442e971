# Reads until the client has ended its direction, then answers with the length and SHA-256 of that, and BYTES more.
#   hash-server.py ADDRESS BYTES
import hashlib, socket, socketserver, sys

address, count = sys.argv[1], int(sys.argv[2])


class Server(socketserver.ThreadingTCPServer):
    address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
    daemon_threads = True
    request_queue_size = 256


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        digest, length = hashlib.sha256(), 0
        while chunk := self.request.recv(65536):
            digest.update(chunk)
            length += len(chunk)
        self.request.sendall(f"{length} {digest.hexdigest()}\n".encode() + b"x" * count)


server = Server((address, 0), Handler)
print("listening on", server.server_address[1], flush=True)
server.serve_forever()
