"""A relay as small as can be: a Unix socket that writes bytes to whoever is connected."""

from __future__ import annotations

import socket
import threading
from pathlib import Path


class FakeRelay:
    """Listens at `path`; `send` can wait until somebody is connected, as the real one does not."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.accepted = 0
        self._changed = threading.Condition()
        self._connections: list[socket.socket] = []
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        path.unlink(missing_ok=True)
        self._listener.bind(str(path))
        self._listener.listen(8)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def send(self, data: bytes, *, connections: int = 1) -> None:
        """Write to every connection, once there are as many; a broken one is forgotten."""
        self.await_connections(connections)
        with self._changed:
            for connection in list(self._connections):
                try:
                    connection.sendall(data)
                except OSError:
                    self._forget(connection)

    def await_connections(self, connections: int = 1) -> None:
        """Wait until so many are connected."""
        with self._changed:
            came = self._changed.wait_for(lambda: len(self._connections) >= connections, 30)
            assert came, "nobody connected to the relay"

    def drop_connections(self) -> None:
        """Close every connection, as a relay does that restarts."""
        with self._changed:
            for connection in list(self._connections):
                self._forget(connection)

    def close(self) -> None:
        """Stop listening and close everything."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        self.drop_connections()
        self.path.unlink(missing_ok=True)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.settimeout(30)  # a reader that has stopped must fail a test, not hang it
            with self._changed:
                self.accepted += 1
                self._connections.append(connection)
                self._changed.notify_all()

    def _forget(self, connection: socket.socket) -> None:
        self._connections.remove(connection)
        connection.close()
