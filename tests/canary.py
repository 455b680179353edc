"""Marked secrets go in; none may come out: not in answers, logs, metrics, pages or error texts.

The provider here repeats the key that it was given wherever a provider's answer has room for text.
Only the standard library is needed.
"""

import argparse
import hashlib
import http.client
import http.server
import json
import pathlib
import re
import secrets
import socket
import subprocess
import sys
import threading
import urllib.parse

from stage import Runner, Stage, fetch

# A shorter part of a secret may be shown, to tell keys apart.
PART_CHARS = 12
PAGES_MAX = 50


class Secret:
    def __init__(self, name):
        self.name = name
        self.core = secrets.token_hex(16)
        self.value = f"sk-{name}-{self.core}"

    def is_in(self, text):
        parts = range(len(self.core) - PART_CHARS + 1)
        return any(self.core[at : at + PART_CHARS] in text for at in parts)


class Parrot(http.server.BaseHTTPRequestHandler):
    """A provider that repeats the caller's headers; the model's name says how."""

    protocol_version = "HTTP/1.1"
    seen = []

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        said = " ".join(f"{name}: {value}" for name, value in self.headers.items())
        Parrot.seen.append(said)
        manner = body["model"].removeprefix("parrot-")
        if manner.isdigit():
            error = {"message": f"You sent {said}", "type": "invalid_request_error", "code": said}
            self.answer(int(manner), json.dumps({"error": error}))
        elif manner == "html":
            self.answer(502, f"<html><body>Bad gateway: {said}</body></html>", "text/html")
        elif manner == "redirect":
            self.answer(302, "", extra={"location": f"http://127.0.0.1:9/{said}"})
        elif manner == "garbage":
            self.answer(200, f"this is no JSON: {said}")
        elif manner == "stream":
            error = json.dumps({"error": {"message": f"You sent {said}", "code": "overloaded"}})
            self.answer(200, f"data: {error}\n\n", "text/event-stream")
        elif manner == "late":
            delta = {"choices": [{"index": 0, "delta": {"content": "Well"}}]}
            error = json.dumps({"error": {"message": f"You sent {said}"}})
            events = f"data: {json.dumps(delta)}\n\ndata: {error}\n\n"
            self.answer(200, events, "text/event-stream")
        else:
            self.wfile.write(f"HTTP/1.1 abc {said}\r\n\r\n".encode())
            self.close_connection = True

    def answer(self, status, text, kind="application/json", extra=None):
        data = text.encode()
        self.send_response(status)
        said = self.headers["authorization"]
        headers = {"content-type": kind, "content-length": str(len(data)), "x-request-id": said}
        for name, value in {**headers, **(extra or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


MANNERS = ["400", "401", "403", "404", "413", "422", "429", "500", "503"]
MANNERS += ["html", "redirect", "garbage", "stream", "late", "head"]

CONFIG = """
[providers.parrot]
kind = "compatible"
base_url = "http://127.0.0.1:{port}/v1"
api_keys = ["env:CANARY_KEY", "file:{file}"]
headers = {{ "x-canary" = "env:CANARY_HEADER" }}

[models."parrot-*"]
ladder = ["parrot/*"]

[failover]
attempts_max = 2

[auth]
keys = [{{ name = "shop", hash = "sha256:{digest}" }}]

[reserve]
enabled = false
"""


class Canary:
    def __init__(self, stage):
        names = ["provider", "file", "header", "caller", "stranger"]
        self.secrets = {name: Secret(name) for name in names}
        self.answers = []
        self.parrot = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Parrot)
        threading.Thread(target=self.parrot.serve_forever, daemon=True).start()
        file = pathlib.Path(stage.folder.name) / "second-key"
        file.write_text(self.secrets["file"].value + "\n")
        self.environment = {
            "CANARY_KEY": self.secrets["provider"].value,
            "CANARY_HEADER": self.secrets["header"].value,
            "SEAWALL_LOG_LEVEL": "trace",
        }
        digest = hashlib.sha256(self.secrets["caller"].value.encode()).hexdigest()
        toml = CONFIG.format(port=self.parrot.server_port, file=file, digest=digest)
        self.stage = stage
        self.gateway = stage.gateway("canary", toml, self.environment, ready=False)

    def clean(self, where, text):
        for secret in self.secrets.values():
            assert not secret.is_in(text), f"the {secret.name} secret shows in {where}"

    def ask(self, body, headers, path="/v1/chat/completions"):
        """One raw exchange: the whole answer is what may leak."""
        url = urllib.parse.urlsplit(self.gateway.root)
        line = http.client.HTTPConnection(url.hostname, url.port, timeout=60)
        try:
            line.request("POST", path, body, {"content-type": "application/json", **headers})
            answer = line.getresponse()
            try:
                text = answer.read().decode("utf-8", "replace")
            except http.client.IncompleteRead as cut:
                text = cut.partial.decode("utf-8", "replace")
        finally:
            line.close()
        whole = f"{answer.status} {answer.reason}\n{answer.headers}\n{text}"
        self.answers.append(whole)
        return answer.status, whole

    def bearer(self, name):
        return {"authorization": f"Bearer {self.secrets[name].value}"}

    def manner(self, manner):
        for stream in (False, True):
            turns = [{"role": "user", "content": "Hello"}]
            body = json.dumps({"model": f"parrot-{manner}", "messages": turns, "stream": stream})
            before = len(Parrot.seen)
            status, whole = self.ask(body, self.bearer("caller"))
            self.clean(f"the answer to parrot-{manner}", whole)
            if before == len(Parrot.seen):
                assert status in (429, 503), f"{status} without a call"

    def keys_reached_their_place(self):
        said = "\n".join(Parrot.seen)
        for name in ("provider", "file", "header"):
            assert self.secrets[name].is_in(said), f"the {name} secret never reached the provider"
        for name in ("caller", "stranger"):
            assert not self.secrets[name].is_in(said), f"the {name}'s key reached the provider"

    def strangers(self):
        body = json.dumps({"model": "parrot-400", "messages": []})
        value = self.secrets["stranger"].value
        ways = [
            ({"authorization": f"Bearer {value}"}, ""),
            ({"authorization": value}, ""),
            ({"authorization": f"Basic {value}"}, ""),
            ({"x-api-key": value}, ""),
            ({"api-key": value}, ""),
            ({}, f"?key={value}"),
        ]
        for headers, query in ways:
            status, whole = self.ask(body, headers, f"/v1/chat/completions{query}")
            assert status in (400, 401, 404), status
            self.clean("a refusal", whole)

    def odd_requests(self):
        caller = self.bearer("caller")
        value = self.secrets["caller"].value
        odd = [
            ("{ not JSON", "/v1/chat/completions"),
            ("[]", "/v1/chat/completions"),
            (json.dumps({"model": 7, "messages": "x"}), "/v1/chat/completions"),
            ("{}", "/v1/nowhere"),
            ("{}", f"/v1/models/x?key={value}"),
        ]
        for body, path in odd:
            status, whole = self.ask(body, caller, path)
            assert 400 <= status < 500, status
            self.clean("a refusal", whole)

    def broken_head(self):
        """Bytes that are no request, with a key among them."""
        url = urllib.parse.urlsplit(self.gateway.root)
        value = self.secrets["caller"].value
        for text in (
            f"POST /v1/chat/completions HTTP/1.1\r\nauthorization Bearer {value}\r\n\r\n",
            f"POST / HTTP/1.1\r\nhost: {value}@x\r\nhost: y\r\n\r\n",
            f"{value}\r\n\r\n",
        ):
            with socket.create_connection((url.hostname, url.port), 30) as line:
                line.sendall(text.encode())
                line.shutdown(socket.SHUT_WR)
                whole = b""
                while part := line.recv(4096):
                    whole += part
            self.clean("the answer to a broken head", whole.decode("utf-8", "replace"))

    def pages(self):
        """Every page of console and status that a link leads to."""
        for root in (self.gateway.console, self.gateway.status):
            waiting = ["/", "/metrics", "/healthz", "/readyz"]
            visited = set()
            while waiting and len(visited) < PAGES_MAX:
                path = waiting.pop()
                if path in visited:
                    continue
                visited.add(path)
                _, headers, text = fetch(root + path)
                self.clean(f"{path} of a page", f"{headers}\n{text}")
                links = re.findall(r"(?:href|src)=[\"'](/[^\"'#]*)", text)
                waiting.extend(link for link in links if not link.startswith("//"))
        text = fetch(f"{self.gateway.console}/metrics")[2]
        assert "seawall_" in text, "there are no metrics to look at"

    def logs(self):
        text = self.gateway.log()
        assert "parrot" in text, "the log is silent: nothing was proved"
        self.clean("the log", text)

    def checked(self):
        """`seawall check`, with the file as it is and with a key where none may stand."""
        literal = pathlib.Path(self.stage.folder.name) / "literal.toml"
        config = self.gateway.config.read_text()
        literal.write_text(config.replace("env:CANARY_KEY", self.secrets["provider"].value))
        for file, code in ((self.gateway.config, 0), (literal, 2)):
            told = subprocess.run(
                [self.stage.seawall, "check", "-c", str(file)],
                env=self.environment,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            self.clean("what check prints", told.stdout + told.stderr)
            assert told.returncode == code, told.stdout + told.stderr


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seawall", required=True, help="the binary under test")
    wish = parser.parse_args()
    runner = Runner()
    with Stage(wish.seawall) as stage:
        canary = Canary(stage)
        for manner in MANNERS:
            runner.case(f"the provider repeats its key: {manner}", canary.manner, manner)
        runner.case("keys reached their place only", canary.keys_reached_their_place)
        runner.case("strangers' keys", canary.strangers)
        runner.case("odd requests", canary.odd_requests)
        runner.case("broken heads", canary.broken_head)
        runner.case("pages and metrics", canary.pages)
        runner.case("seawall check", canary.checked)
        runner.case("the log, at its most talkative", canary.logs)
        canary.parrot.shutdown()
    return runner.close()


if __name__ == "__main__":
    sys.exit(main())
