"""A raw HTTP caller that sees an answer as it is: it repairs nothing and retries nothing.

An SDK would hide what the score is about, such as a body that was cut or an event that is no JSON.
"""

import json
import socket
import time
from dataclasses import dataclass, field

CHAT = "/v1/chat/completions"
PIECE_BYTES = 65536


@dataclass
class Answer:
    """What came back. `end` is one of whole, cut, reset, nothing (closed before a head) and hang."""

    status: int = 0
    headers: dict = field(default_factory=dict)
    body: bytes = b""
    end: str = "nothing"
    first_s: float | None = None
    took_s: float = 0.0
    # Read from the events of a stream, or from the whole body.
    text: str = ""
    model: str | None = None
    finish: str | None = None
    usage: dict | None = None
    error: dict | None = None
    done: bool = False
    garbage: int = 0


class _Ended(Exception):
    """The connection ended in this way before the answer did."""


class _Wire:
    """One connection with a deadline for everything that happens on it."""

    def __init__(self, port: int, limit_s: float):
        self.deadline = time.monotonic() + limit_s
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=limit_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.ahead = b""

    def more(self) -> None:
        left_s = self.deadline - time.monotonic()
        if left_s <= 0:
            raise _Ended("hang")
        self.socket.settimeout(left_s)
        try:
            piece = self.socket.recv(PIECE_BYTES)
        except TimeoutError as late:
            raise _Ended("hang") from late
        except OSError as broken:
            raise _Ended("reset") from broken
        if not piece:
            raise _Ended("cut")
        self.ahead += piece

    def until(self, mark: bytes) -> bytes:
        while mark not in self.ahead:
            self.more()
        taken, self.ahead = self.ahead.split(mark, 1)
        return taken

    def take(self, count: int) -> bytes:
        while len(self.ahead) < count:
            self.more()
        taken, self.ahead = self.ahead[:count], self.ahead[count:]
        return taken


def ask(port: int, model: str, limit_s: float, stream: bool = True) -> Answer:
    """Asks for a completion and waits for at most `limit_s` seconds."""
    body = {"model": model, "messages": [{"role": "user", "content": "What does the harbour do?"}]}
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    answer = request(port, "POST", CHAT, body, limit_s)
    if "text/event-stream" in answer.headers.get("content-type", ""):
        _read_events(answer)
    else:
        _read_whole(answer)
    return answer


def request(port: int, method: str, path: str, body: dict | None, limit_s: float) -> Answer:
    """Sends one request on a connection of its own; a failure to connect is an answer too."""
    answer = Answer()
    start = time.monotonic()
    try:
        wire = _Wire(port, limit_s)
    except TimeoutError:
        answer.end = "hang"
        return answer
    except OSError:
        return answer
    payload = b"" if body is None else json.dumps(body).encode()
    head = (
        f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n"
        f"content-type: application/json\r\ncontent-length: {len(payload)}\r\n\r\n"
    )
    try:
        wire.socket.sendall(head.encode() + payload)
        _read_head(wire, answer)
        answer.first_s = time.monotonic() - start
        _read_body(wire, answer)
        answer.end = "whole"
    except _Ended as ended:
        answer.end = str(ended)
        if answer.end == "cut" and not answer.status:
            answer.end = "nothing"
    except OSError:
        answer.end = "reset"
    finally:
        wire.socket.close()
    answer.took_s = time.monotonic() - start
    return answer


def _read_head(wire: _Wire, answer: Answer) -> None:
    first, *lines = wire.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
    for line in lines:
        name, _, value = line.partition(":")
        answer.headers[name.strip().lower()] = value.strip()
    answer.status = int(first.split(" ")[1])


def _read_body(wire: _Wire, answer: Answer) -> None:
    if answer.headers.get("transfer-encoding", "").lower() == "chunked":
        while size := int(wire.until(b"\r\n").split(b";")[0], 16):
            answer.body += wire.take(size)
            wire.take(2)
        while wire.until(b"\r\n"):
            pass
    elif (length := answer.headers.get("content-length")) is not None:
        answer.body = wire.take(int(length))
    else:
        try:
            while True:
                wire.more()
        except _Ended as ended:
            answer.body = wire.ahead
            if str(ended) != "cut":
                raise


def _read_whole(answer: Answer) -> None:
    try:
        value = json.loads(answer.body)
    except ValueError:
        answer.garbage += answer.end == "whole"
        return
    answer.error = value.get("error")
    answer.model = value.get("model")
    answer.usage = value.get("usage")
    for choice in value.get("choices", []):
        answer.text += choice["message"].get("content") or ""
        answer.finish = choice.get("finish_reason")


def _read_events(answer: Answer) -> None:
    for event in answer.body.decode(errors="replace").replace("\r\n", "\n").split("\n\n"):
        data = []
        for line in event.split("\n"):
            if line.startswith("data:"):
                data.append(line[5:].removeprefix(" "))
            elif line and not line.startswith((":", "event:", "id:", "retry:")):
                answer.garbage += 1
        if data:
            _read_event("\n".join(data), answer)


def _read_event(data: str, answer: Answer) -> None:
    if data == "[DONE]":
        answer.done = True
        return
    try:
        value = json.loads(data)
    except ValueError:
        # The half event at the end of a cut stream is the cut's, not garbage of its own.
        answer.garbage += answer.end == "whole"
        return
    answer.error = value.get("error") or answer.error
    answer.model = value.get("model") or answer.model
    answer.usage = value.get("usage") or answer.usage
    for choice in value.get("choices", []):
        answer.text += choice["delta"].get("content") or ""
        answer.finish = choice.get("finish_reason") or answer.finish
