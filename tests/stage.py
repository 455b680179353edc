"""Starts walls and gateways for tests: free ports, a configuration, logs kept, ended by their id.

Only the standard library is needed.
"""

import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

READY_S_MAX = 120


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fetch(url, data=None, headers=None, timeout=30):
    """Status, headers and text of an answer, whatever the status."""
    request = urllib.request.Request(url, data=data, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, answer.headers, answer.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read().decode("utf-8", "replace")


class Server:
    """A process with its output in a file, which `log` reads."""

    def __init__(self, name, command, folder, environment=None):
        self.name = name
        self.path = pathlib.Path(folder) / f"{name}.log"
        self.file = self.path.open("wb")
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self.file,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
        )

    def log(self):
        return self.path.read_text("utf-8", "replace")

    def wait_for(self, url):
        """Until the address answers 200."""
        until = time.monotonic() + READY_S_MAX
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise AssertionError(f"{self.name} ended early:\n{self.log()}")
            try:
                if fetch(url, timeout=5)[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"{self.name} is not ready after {READY_S_MAX} s:\n{self.log()}")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.file.close()


class Stage:
    """A folder that is thrown away, and the servers that run on it."""

    def __init__(self, seawall):
        self.seawall = str(pathlib.Path(seawall).resolve())
        self.folder = tempfile.TemporaryDirectory(prefix="seawall-test-")
        self.servers = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for server in reversed(self.servers):
            server.stop()
        self.folder.cleanup()

    def _start(self, name, arguments, environment=None):
        command = [self.seawall, *arguments]
        server = Server(name, command, self.folder.name, environment)
        self.servers.append(server)
        return server

    def wall(self, name="wall", arguments=(), environment=None):
        """A wall; its root address is `server.root`."""
        address = f"127.0.0.1:{free_port()}"
        command = ["wall", "--listen", address, "--profile", "fast", *arguments]
        server = self._start(name, command, environment)
        server.root = f"http://{address}"
        server.wait_for(f"{server.root}/control/health")
        return server

    def gateway(self, name, toml, environment=None, ready=True):
        """A gateway with this configuration; listeners are added to it."""
        ports = {door: free_port() for door in ("gateway", "status", "console")}
        listen = "".join(f'{door} = "127.0.0.1:{port}"\n' for door, port in ports.items())
        path = pathlib.Path(self.folder.name) / f"{name}.toml"
        path.write_text(f"[listen]\n{listen}\n{toml}", "utf-8")
        server = self._start(name, ["serve", "-c", str(path)], environment)
        server.config = path
        server.root, server.status, server.console = (
            f"http://127.0.0.1:{ports[door]}" for door in ("gateway", "status", "console")
        )
        server.wait_for(f"{server.root}/{'readyz' if ready else 'healthz'}")
        return server


def wall_log(wall, model):
    """The attempts of a model that the wall remembers."""
    log = json.loads(fetch(f"{wall.root}/control/log")[2])
    return [attempt for attempt in log["attempts"] if attempt["model"] == model]


class Runner:
    """Runs cases, prints a line for each and counts them."""

    def __init__(self):
        self.passed = self.failed = 0

    def case(self, name, check, *arguments):
        start = time.monotonic()
        try:
            check(*arguments)
        except Exception as error:  # Whatever a case raises is its failure.
            self.failed += 1
            print(f"FAILED {name}: {type(error).__name__}: {error}", flush=True)
        else:
            self.passed += 1
            print(f"ok     {name} ({time.monotonic() - start:.1f} s)", flush=True)

    def close(self):
        """Prints the closing line; the exit status."""
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        return 1 if self.failed or not self.passed else 0
