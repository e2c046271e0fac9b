"""Libraries of others in environments of their own, apps on them, and a browser that goes wherever it is sent."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.running import ROOT
from tests.kit.http_browser import HttpBrowser
from tests.kit.pages import Page
from tests.oidc.kit import Provider, RelyingParty
from tests.people import PASSWORD

PROGRAMS = Path(__file__).parents[1] / "rps"
ENVIRONMENTS = ROOT / ".venv-relying-parties"
"""Ignored by git, and kept: whoever runs this again waits for no package index."""
PYTHON_PACKAGES = ("mozilla-django-oidc==5.0.2", "django-allauth[socialaccount]==65.22.1", "Django==5.2.19")
NODE_PACKAGES = (
    "@auth/express@0.12.3",
    "express@4.22.3",
    "express-session@1.19.0",
    "passport@0.7.0",
    "passport-openidconnect@0.1.2",
)
GO_SOURCES = Path("/usr/share/gocode")
SECONDS_TO_INSTALL = 500


class LibraryMissing(RuntimeError):
    """A library cannot be had here; the message names it, and says how to get it."""


@dataclass(frozen=True)
class Library:
    """An app on somebody else's library.

    :ivar version: its name and version, as its package says.
    :ivar command: starts it, in a folder of its own, with ``ISSUER``, ``CLIENT_ID``, ``CLIENT_SECRET``,
        ``REDIRECT_URI``, ``PORT`` and ``SAFER`` in its environment; it says ``listening`` then.
    """

    version: str
    command: Sequence[str]


class AppPage(Page):
    """A page of an app, whose HTML is its own affair."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        lowered = [(name, value.lower() if name == "method" and value else value) for name, value in attrs]
        super().handle_starttag(tag, [("lang", ""), *lowered])

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open_tags:
            del self._open_tags[len(self._open_tags) - self._open_tags[::-1].index(tag) :]
            super().handle_endtag(tag)


class WebBrowser(HttpBrowser[None]):
    """Somebody at a browser without scripts, who goes wherever they are sent: to the app, here, and back."""

    def __init__(self, provider: Provider, email: str) -> None:
        self.http = provider.http_client()
        self.origin = self.url = provider.origin
        self.email = email

    @property
    def page(self) -> Page:
        """The page that is shown, ours or an app's."""
        return Page(self.response.text) if self.url.startswith(self.origin) else AppPage(self.response.text)

    def open(self, url: str, data: Mapping[str, str] | None = None) -> None:
        """Go there, and on."""
        left = self._request(url, data)
        assert not left

    def sign_in(self) -> None:
        """Walk through the pages of the provider: the password, and consent."""
        self.sign_in_as(self.email, PASSWORD)
        (consent,) = [form for form in self.page.forms if "request" in form.kinds]
        self.submit(consent, decision="yes")

    @property
    def shown(self) -> dict[str, Any]:
        """What the app says about whoever is signed in."""
        assert self.response.status_code == 200, f"{self.url}: {self.response.text}"
        found: dict[str, Any] = json.loads(self.response.text)
        return found


@contextmanager
def running(library: Library, rp: RelyingParty, port: int, folder: Path, *, safer: bool) -> Iterator[None]:
    """Run an app that is registered already.

    :param safer: whether it sets what docs/integrate.md says is worth setting, beside what its library's
        documentation does.
    """
    environ = {
        "PATH": os.environ["PATH"],
        "ISSUER": rp.provider.origin,
        "CLIENT_ID": rp.id,
        "CLIENT_SECRET": str(rp.secret),
        "REDIRECT_URI": rp.redirect_uri,
        "PORT": str(port),
        "SAFER": "1" if safer else "",
        # The authority of the test, in the way of each language. No certificate goes unchecked.
        **dict.fromkeys(("NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"), rp.provider.ca),
    }
    log = folder / "app.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            library.command, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=errors, text=True
        )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "listening\n", log.read_text("utf-8", errors="replace")
        yield
    finally:
        process.kill()
        process.stdout.close()
        process.wait(30)


def on_node(program: str, package: str) -> Library:
    """An app on Node.

    :raises LibraryMissing: there is no Node, or npm cannot install what it needs.
    """
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise LibraryMissing(f"{package}: node and npm are not on PATH. Debian: apt install nodejs npm")
    folder = ENVIRONMENTS / "node"
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock", *NODE_PACKAGES]
    _make_once(folder, package, NODE_PACKAGES, command)
    # Node looks for packages beside the program.
    shutil.copy(PROGRAMS / program, folder / program)
    version = json.loads((folder / "node_modules" / package / "package.json").read_text("utf-8"))["version"]
    return Library(f"{package} {version}", ["node", str(folder / program)])


def on_django(package: str) -> Library:
    """An app on Django.

    :raises LibraryMissing: pip cannot install what it needs.
    """
    folder = ENVIRONMENTS / "python"
    python = folder / "venv" / "bin" / "python"
    make = f"'{sys.executable}' -m venv venv && venv/bin/python -m pip install -q {' '.join(PYTHON_PACKAGES)}"
    _make_once(folder, package, PYTHON_PACKAGES, ["sh", "-c", make])
    ask = f"from importlib.metadata import version; print(version({package!r}))"
    version = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True).stdout.strip()
    return Library(f"{package} {version}", [str(python), str(PROGRAMS / "django_app.py"), package])


def on_go() -> Library:
    """An app in Go, with the libraries of Debian.

    :raises LibraryMissing: there is no Go, or one of the two libraries is not there.
    """
    sources = [GO_SOURCES / "src" / each for each in ("golang.org/x/oauth2", "github.com/coreos/go-oidc")]
    if shutil.which("go") is None or not all(each.exists() for each in sources):
        packages = "golang-go golang-golang-x-oauth2-dev golang-github-coreos-go-oidc-dev"
        raise LibraryMissing(f"golang.org/x/oauth2: not here. Debian: apt install {packages}")
    folder = ENVIRONMENTS / "go"
    folder.mkdir(parents=True, exist_ok=True)
    environ = {
        "PATH": os.environ["PATH"],
        "GO111MODULE": "off",
        "GOPATH": str(GO_SOURCES),
        "GOCACHE": str(folder / "cache"),
        "GOFLAGS": "-buildvcs=false",
    }
    build = ["go", "build", "-o", str(folder / "golang"), str(PROGRAMS / "golang.go")]
    _run("golang.org/x/oauth2", build, folder, environ)
    versions = [_debian_version(f"golang-{each}-dev") for each in ("golang-x-oauth2", "github-coreos-go-oidc")]
    return Library(f"x/oauth2 {versions[0]}, go-oidc {versions[1]}", [str(folder / "golang")])


def apache_version() -> str:
    """The version of the module for Apache."""
    return f"mod_auth_openidc {_debian_version('libapache2-mod-auth-openidc')}"


def _debian_version(package: str) -> str:
    command = ["dpkg-query", "-W", "-f", "${Version}", package]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.partition("-")[0] or "of unknown version"


def _make_once(folder: Path, library: str, packages: Sequence[str], command: Sequence[str]) -> None:
    """Install packages unless just these are there."""
    note, wanted = folder / "installed.txt", "\n".join(packages)
    if note.exists() and note.read_text("utf-8") == wanted:
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if "npm" in command:
        (folder / "package.json").write_text('{"private": true}', "utf-8")
    _run(library, command, folder, dict(os.environ))
    note.write_text(wanted, "utf-8")


def _run(library: str, command: Sequence[str], folder: Path, environ: Mapping[str, str]) -> None:
    done = subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, timeout=SECONDS_TO_INSTALL, check=False
    )
    if done.returncode:
        raise LibraryMissing(f"{library}: {command[0]} fails: {done.stderr.strip()[-300:]}")
