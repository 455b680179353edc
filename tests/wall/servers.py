"""Starts walls and gateways on free loopback ports, and ends exactly those that it started."""

import os
import socket
import subprocess
import time
from pathlib import Path

import caller

START_S_MAX = 20.0
END_S_MAX = 5.0
TRIES_MAX = 3
KEY_NAME = "SCORE_WALL_KEY"
KEY = "sk-score-not-a-secret"


class Servers:
    """The children of one run, with their output kept in a folder."""

    def __init__(self, binary: Path, folder: Path, profile: str):
        self.binary = binary
        self.folder = folder
        self.profile = profile
        self.children: list[subprocess.Popen] = []

    def __enter__(self) -> "Servers":
        return self

    def __exit__(self, *_: object) -> None:
        for child in self.children:
            child.terminate()
        deadline = time.monotonic() + END_S_MAX
        for child in self.children:
            try:
                child.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def wall(self, name: str) -> int:
        """Starts a wall and gives its port."""

        def command(ports: list[int]) -> list[str]:
            return ["wall", "--listen", f"127.0.0.1:{ports[0]}", "--profile", self.profile]

        return self._start(name, 1, command, "/control/health")

    def gateway(self, name: str, settings: str) -> int:
        """Starts a gateway with these settings, without its listeners, and gives its port."""

        def command(ports: list[int]) -> list[str]:
            names = ("gateway", "status", "console")
            listen = [f'{door} = "127.0.0.1:{port}"' for door, port in zip(names, ports)]
            file = self.folder / f"{name}.toml"
            file.write_text("\n".join(["[listen]", *listen, "", settings]))
            return ["serve", "-c", str(file)]

        return self._start(name, 3, command, "/readyz")

    def output(self, name: str, lines: int = 12) -> str:
        """The last lines that a child wrote."""
        file = self.folder / f"{name}.log"
        text = file.read_text(errors="replace") if file.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def _start(self, name: str, port_count: int, command, ready_path: str) -> int:
        for _ in range(TRIES_MAX):
            ports = free_ports(port_count)
            with open(self.folder / f"{name}.log", "wb") as log:
                child = subprocess.Popen(
                    [str(self.binary), *command(ports)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=_environment(),
                )
            self.children.append(child)
            if self._is_ready(child, ports[0], ready_path):
                return ports[0]
        raise SystemExit(f"score: {name} did not start; its last words:\n{self.output(name)}")

    def _is_ready(self, child: subprocess.Popen, port: int, path: str) -> bool:
        """Whether it answers in time; false at once if it ends, such as on a port that was taken."""
        deadline = time.monotonic() + START_S_MAX
        while time.monotonic() < deadline and child.poll() is None:
            if caller.request(port, "GET", path, None, 1.0).status == 200:
                return child.poll() is None
            time.sleep(0.02)
        return False


def free_ports(count: int) -> list[int]:
    """Ports that are free now; all are held until the last is found, so that they differ."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in held]
    for server in held:
        server.close()
    return ports


def _environment() -> dict[str, str]:
    """This process's environment without anything that would set up a gateway by itself."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("SEAWALL_") and not name.endswith("_API_KEY")
    }
    return kept | {KEY_NAME: KEY, "NO_PROXY": "127.0.0.1"}
