"""A service as it is run, the examples as they are run beside it, and people at browsers."""

from __future__ import annotations

import fcntl
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin

import requests

from tests.e2e.client import Client, mailed_token
from tests.e2e.running import ACCOUNTS, ROOT, Process, free_port
from tests.kit.http_browser import HttpBrowser
from tests.people import PASSWORD, make_email
from tests.servers.smtp import SmtpSink

EXAMPLES = ROOT / "examples"
GUIDE = ROOT / "docs" / "integrate.md"
SECRET = "a secret of an example under test, long enough for every framework"


OPENID_CLIENT = "openid-client"
"""Not an example: a relying party of the tests on the library below express-openid-connect."""
ON_NODE = frozenset({"express", OPENID_CLIENT})


class NodeMissing(RuntimeError):
    """There is no Node here; the message says how to get it."""


@dataclass
class RunningService:
    """A running service.

    :ivar ca: the certificate that vouches for it; "" where it speaks plain http.
    """

    process: Process
    origin: str
    post_office: SmtpSink
    ca: str = ""

    def command(self, *results: str) -> str:
        """What a command prints that an operator gives beside the running service."""
        done = subprocess.run(
            [*ACCOUNTS, *results],
            env=self.process.environ,
            cwd=self.process.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def member(self, name: str) -> str:
        """The address of somebody with an account, who has the usual password."""
        email = make_email(name)
        with closing(Client(self.process.origin)) as client:
            assert client.post("/api/sign-up", {"email": email}).status == 202
            data = {"token": mailed_token(self.post_office, email, "activate"), "password": PASSWORD, "name": name}
            assert client.post("/api/l/activate", data).status == 201
        return email


class Program(Process):
    """An example as a process. What it says goes into a folder of the test, never beside the program."""

    def _file(self, name: str) -> Path:
        return self.folder / f"program.{name}"


@dataclass
class Example:
    """One program of ``examples/``, registered by the line that the guide shows, and running."""

    name: str
    service: RunningService
    folder: Path
    port: int = field(default_factory=free_port)
    process: Program = field(init=False)
    client_id: str = ""
    secret: str = ""

    @property
    def origin(self) -> str:
        return f"http://localhost:{self.port}"

    def register(self, *more: str) -> None:
        """Register it with the service."""
        command = registration("django" if self.name == OPENID_CLIENT else self.name, self.port)
        text = self.service.command(*command, *more)
        self.client_id = re.findall(r"^client id: (\S+)$", text, re.MULTILINE)[0]
        self.secret = "".join(re.findall(r"^client secret: (\S+)$", text, re.MULTILINE))

    def start(self) -> None:
        """Start it with the settings that ``examples/Makefile`` gives it."""
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "PORT": str(self.port)}
        environ |= self.environ()
        if self.service.ca:
            trust = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")
            environ |= dict.fromkeys(trust, self.service.ca)
        program, *command = self.program()
        self.process = Program(environ, self.folder, command, program=(program,))
        self.process.start()
        self.process.wait_until(self._answers)

    def program(self) -> list[str]:
        if self.name == OPENID_CLIENT:
            return [node(), str(Path(__file__).with_name("openid_client.cjs"))]
        if self.name == "express":
            return [node(), str(EXAMPLES / "express" / "app.js")]
        if self.name == "browser":
            return [sys.executable, "-m", "http.server", "--bind", "localhost", "--directory", ".", str(self.port)]
        return [sys.executable, str(EXAMPLES / self.name / "app.py")]

    def environ(self) -> Mapping[str, str]:
        shown = {"CLIENT_ID": self.client_id, "CLIENT_SECRET": self.secret}
        if self.name == "flask":
            shown |= {"SERVER_METADATA_URL": f"{self.service.origin}/.well-known/openid-configuration"}
            return {f"FLASK_OIDC_{name}": value for name, value in shown.items()} | {"FLASK_SECRET_KEY": SECRET}
        if self.name == "browser":
            return {}
        plain = {f"OIDC_{name}": value for name, value in shown.items()} | {"OIDC_ISSUER": self.service.origin}
        plain["MODULES"] = str(EXAMPLES / "express" / "app.js")
        return plain | {"SECRET": SECRET, "SECRET_KEY": SECRET, "DATABASE": str(self.folder / "example.sqlite")}

    def _answers(self) -> bool:
        try:
            return requests.get(self.origin, timeout=5).status_code == 200
        except requests.ConnectionError:
            return False


@dataclass
class Somebody(HttpBrowser[None]):
    """Somebody at a browser without scripts."""

    service: RunningService
    email: str = ""

    def __post_init__(self) -> None:
        self.url = self.service.origin
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.verify = self.service.ca or True

    def open(self, url: str, data: Mapping[str, str] | None = None) -> None:
        """Go there, and wherever that leads."""
        self._request(url, data)

    def follow(self, words: str) -> None:
        """Follow the link of these words."""
        target = re.findall(rf'<a href="([^"]+)">{words}', self.response.text)
        assert target, self.response.text
        self.open(urljoin(self.url, target[0]))

    def sign_in(self) -> None:
        """Fill in the sign-in page of the service, and agree to what the app wants to know."""
        assert self.url.startswith(f"{self.service.origin}/sign-in"), self.url
        self.sign_in_as(self.email)
        if self.url.startswith(f"{self.service.origin}/oauth/authorize"):
            self.submit(self.form("request"), decision="yes")


def registration(name: str, port: int) -> list[str]:
    """The command that registers an example, as the guide shows it, with another port."""
    text = GUIDE.read_text(encoding="utf-8").replace("\\\n", " ")
    (line,) = re.findall(rf'^accounts (apps add "{name.title()} example" .+)$', text, re.MULTILINE)
    return shlex.split(re.sub(r"localhost:500\d", f"localhost:{port}", line))


def node() -> str:
    """The path of Node, with what the Express example needs in place.

    :raises NodeMissing: there is none.
    """
    found, npm = shutil.which("node"), shutil.which("npm")
    if found is None or npm is None:
        raise NodeMissing(
            "NO TESTS OF THE EXPRESS EXAMPLE: node and npm are not on PATH. "
            "Debian: apt install nodejs npm; Fedora: dnf install nodejs; macOS: brew install node."
        )
    folder = EXAMPLES / "express"
    made, lock = folder / "node_modules" / ".package-lock.json", folder / "package-lock.json"
    with lock.open("rb") as held:
        # Several test processes come here at once; one installs.
        fcntl.flock(held, fcntl.LOCK_EX)
        if not made.exists() or made.stat().st_mtime < lock.stat().st_mtime:
            subprocess.run([npm, "ci", "--silent"], cwd=folder, check=True, timeout=110)
            made.touch()
    return found
