"""Letters: an SMTP sink as a process of its own, and the links of what has come.

The sink and the peers write one line of JSON a letter, with ``to`` and ``link``.
"""

from __future__ import annotations

import email
import email.policy
import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

from harness.process import LOAD_CORES, Process, free_port, is_open

LINK = re.compile(r"https?://[^\s<>\"]+")
BENCH = Path(__file__).parents[1]


class Letters:
    """The letters in a file, by address; of several to one address the last."""

    def __init__(self, path: Path) -> None:
        self.path, self._read = path, 0
        self._links: dict[str, str] = {}
        self.count = 0
        path.touch()

    def link_to(self, address: str) -> str | None:
        """Return the newest link to an address, if a letter has come since the last look, and forget it."""
        self.read()
        return self._links.pop(address, None)

    def read(self) -> int:
        """Read what has come; how many letters in all."""
        with self.path.open(encoding="utf-8") as file:
            file.seek(self._read)
            text = file.read()
        whole = text[: text.rfind("\n") + 1]
        self._read += len(whole.encode())
        for line in whole.splitlines():
            letter = json.loads(line)
            self._links[letter["to"]] = letter["link"]
            self.count += 1
        return self.count


class Sink:
    """A mail server on loopback that keeps the links of what it is sent."""

    def __init__(self, folder: Path) -> None:
        self.port, self.letters = free_port(), Letters(folder / "letters.jsonl")
        command = [sys.executable, "-m", "harness.letters", str(self.port), str(self.letters.path)]
        self._process = Process(command, os.environ, folder / "sink.log", folder=BENCH, cores=LOAD_CORES)
        self._process.wait_for(lambda: is_open(self.port))

    def hold(self) -> None:
        """Accept nothing: whoever delivers waits, and costs nothing meanwhile."""
        self._process.pause()

    def release(self) -> None:
        self._process.resume()

    def stop(self) -> None:
        self._process.stop()


class _Keeper:
    def __init__(self, path: Path) -> None:
        self._path = path

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        message = email.message_from_bytes(envelope.content, policy=email.policy.SMTP)
        text = message.get_body(("plain",))
        found = LINK.search(text.get_content()) if text is not None else None
        line = json.dumps({"to": envelope.rcpt_tos[0], "link": found.group() if found else ""})
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        return "250 2.0.0 kept"


def serve(port: int, path: Path) -> None:
    from aiosmtpd.controller import Controller

    Controller(_Keeper(path), hostname="127.0.0.1", port=port).start()
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    serve(int(sys.argv[1]), Path(sys.argv[2]))
