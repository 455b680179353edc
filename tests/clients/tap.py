"""A tap between a client and a server: passes bytes both ways as they come, and keeps those of the
server in a file, since what official clients skip they do not tell of."""

import socket
import threading

READ_BYTES_MAX = 64 * 1024


class Tap:
    """Listens on a port of its own, which is in `root`."""

    def __init__(self, root, path):
        host, port = root.removeprefix("http://").split(":")
        self.server = (host, int(port))
        self.kept = open(path, "ab", buffering=0)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.root = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
        self.kept.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(self.server)
            for way in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._pass, args=way, daemon=True).start()

    def _pass(self, source, sink, keeps):
        try:
            while piece := source.recv(READ_BYTES_MAX):
                if keeps:
                    self.kept.write(piece)
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)
        except (OSError, ValueError):
            # Either end may leave as it likes, and the test may be over.
            sink.close()
