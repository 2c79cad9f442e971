# CONNECTIONS at once to hash-server.py: each sends BYTES, ends its direction, and reads to the end.
#   hash-client.py ADDRESS PORT CONNECTIONS BYTES
import hashlib, json, os, socket, sys
from concurrent.futures import ThreadPoolExecutor

address, port, connections, count = sys.argv[1], *map(int, sys.argv[2:])


def ask(_):
    sent = os.urandom(count)
    with socket.create_connection((address, port)) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    line, rest = answer.split(b"\n", 1)
    same = line.decode() == f"{count} {hashlib.sha256(sent).hexdigest()}"
    return same, len(rest) if rest == b"x" * len(rest) else -1


with ThreadPoolExecutor(connections) as pool:
    answers = list(pool.map(ask, range(connections)))
print(json.dumps({"same": sum(same for same, _ in answers), "received": sorted({length for _, length in answers})}))
