"""One port before all replicas of a service: what a load balancer does, at its smallest.

It runs in a container of its own, in the service's network, and asks Docker's name server anew
for each connection: a replica that is to end is no longer among the answers when it hears so.
"""

import contextlib
import random
import socket
import sys
import threading

NAME, PORT = sys.argv[1], int(sys.argv[2])


def replicas() -> list[str]:
    try:
        found = socket.getaddrinfo(NAME, PORT, socket.AF_INET, socket.SOCK_STREAM)
    except OSError:
        return []
    addresses = sorted({entry[4][0] for entry in found})
    random.shuffle(addresses)
    return addresses


def connected() -> socket.socket | None:
    for address in replicas():
        with contextlib.suppress(OSError):
            return socket.create_connection((address, PORT), timeout=2)
    return None


def pipe(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def serve(client: socket.socket) -> None:
    replica = connected()
    with client:
        if replica is None:
            return
        with replica:
            replica.settimeout(60)
            asks = threading.Thread(target=pipe, args=(client, replica), daemon=True)
            asks.start()
            pipe(replica, client)


def main() -> None:
    with socket.create_server(("0.0.0.0", PORT), backlog=512) as server:
        while True:
            client, _ = server.accept()
            threading.Thread(target=serve, args=(client,), daemon=True).start()


if __name__ == "__main__":
    main()
