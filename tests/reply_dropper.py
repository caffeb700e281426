"""A proxy in front of a server that closes the connection instead of passing on a reply."""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote


class ReplyDropper:
    """Passes bytes to and fro; `drops(request)` says whether the reply to it gets lost."""

    def __init__(self, path: Path, server: Path, drops: Callable[[bytes], bool]) -> None:
        self.url = "unix://" + quote(str(path))
        self.dropped = 0
        self._server = server
        self._drops = drops
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen(8)
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        """Stop accepting, and wait for the connections to end."""
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(timeout=10)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, asking: socket.socket) -> None:
        answering = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with asking, answering, suppress(OSError), selectors.DefaultSelector() as ready:
            answering.connect(str(self._server))
            ready.register(asking, selectors.EVENT_READ)
            ready.register(answering, selectors.EVENT_READ)
            drop_next = False
            while True:
                for key, _ in ready.select():
                    data = key.fileobj.recv(1 << 20)  # type: ignore[union-attr]
                    if not data:
                        return
                    if key.fileobj is asking:
                        drop_next = drop_next or self._drops(data)
                        answering.sendall(data)
                    elif drop_next:
                        self.dropped += 1
                        return
                    else:
                        asking.sendall(data)
