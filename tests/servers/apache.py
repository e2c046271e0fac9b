"""Apache with mod_auth_openidc, the relying party of Debian, in a folder and at a port of its own."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from socket import socket

from tests.e2e.running import free_port
from tests.servers.certificates import Authority

PROGRAM = shutil.which("apache2") or shutil.which("apache2", path="/usr/sbin")
MODULE_FOLDER = Path("/usr/lib/apache2/modules")
MODULES = ("mpm_event", "authn_core", "authz_core", "authz_user", "dir", "headers", "ssl", "auth_openidc")
PATIENCE = 30.0
CONFIG = """
ServerName localhost
ServerRoot {folder}
DefaultRuntimeDir {folder}
PidFile {folder}/apache.pid
ErrorLog {folder}/apache.log
LogLevel warn auth_openidc:debug
Listen 127.0.0.1:{port} https
{modules}
{user}
ServerLimit 1
ThreadsPerChild 8
MaxRequestWorkers 8
DocumentRoot {folder}/pages
SSLEngine on
SSLSessionCache none
SSLCertificateFile {folder}/server.pem
OIDCProviderMetadataURL {issuer}/.well-known/openid-configuration
OIDCCABundlePath {folder}/authority.pem
OIDCClientID {client_id}
OIDCClientSecret {secret}
OIDCRedirectURI {redirect_uri}
OIDCCryptoPassphrase {passphrase}
OIDCProviderMetadataRefreshInterval 0
{directives}
<Location "/">
    AuthType openid-connect
    Require valid-user
    Header always set X-Remote-User "expr=%{{REMOTE_USER}}"
    Header always set X-Remote-Email "expr=%{{reqenv:OIDC_CLAIM_email}}"
    Header always set X-Remote-Groups "expr=%{{reqenv:OIDC_CLAIM_groups}}"
</Location>
"""


class ApacheMissing(RuntimeError):
    """There is no Apache with the module here; the message says how to get one."""


class Apache:
    """A web server whose only page, ``/``, is for users of one provider. Its addresses are known before it runs.

    The page says in ``X-Remote-User``, ``X-Remote-Email`` and ``X-Remote-Groups`` who its reader is.

    :ivar origin: where it will listen.
    :ivar redirect_uri: to register as a redirect URI.
    :ivar logout_uri: to register for back-channel logout.
    """

    def __init__(self, authority: Authority) -> None:
        """:raises ApacheMissing: it is not installed here."""
        if PROGRAM is None or not (MODULE_FOLDER / "mod_auth_openidc.so").exists():
            raise ApacheMissing(
                "NO TESTS WITH APACHE: there is no mod_auth_openidc here."
                " Debian: apt install apache2-bin libapache2-mod-auth-openidc."
            )
        self._authority = authority
        self._port = free_port()
        self.origin = f"https://localhost:{self._port}"
        self.redirect_uri = f"{self.origin}/callback"
        self.logout_uri = f"{self.redirect_uri}?logout=backchannel"

    @contextmanager
    def running(self, issuer: str, client_id: str, secret: str, directives: str = "") -> Iterator[None]:
        """Serve, as a client of ``issuer``.

        :param directives: further lines of the configuration, such as ``OIDCScope "openid email"``.
        """
        # Not in pytest's folder: a server that was started by root reads its files as somebody else.
        with tempfile.TemporaryDirectory(prefix="apache-") as name:
            folder = Path(name)
            folder.chmod(0o755)
            (folder / "pages").mkdir()
            (folder / "pages" / "index.html").write_text("Welcome\n", "utf-8")
            shutil.copy(self._authority.certificate, folder / "authority.pem")
            shutil.copy(self._authority.server_file("localhost"), folder / "server.pem")
            config = CONFIG.format(
                folder=folder,
                port=self._port,
                modules="\n".join(_load_line(module) for module in MODULES),
                user="User www-data\nGroup www-data" if os.geteuid() == 0 else "",
                issuer=issuer,
                client_id=client_id,
                secret=secret,
                redirect_uri=self.redirect_uri,
                passphrase=secrets.token_urlsafe(32),
                directives=directives,
            )
            (folder / "apache.conf").write_text(config, "utf-8")
            with _serving(folder, self._port):
                yield


def _load_line(module: str) -> str:
    return f"LoadModule {module}_module {MODULE_FOLDER}/mod_{module}.so"


@contextmanager
def _serving(folder: Path, port: int) -> Iterator[None]:
    command = [str(PROGRAM), "-f", str(folder / "apache.conf"), "-D", "FOREGROUND"]
    with (folder / "apache.out").open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env={"PATH": os.environ["PATH"]}, cwd=folder)
    try:
        deadline = time.monotonic() + PATIENCE
        # It listens before it has read all of its configuration; its number is written afterwards.
        while not ((folder / "apache.pid").exists() and _listens(port)):
            assert process.poll() is None, _read_logs(folder)
            assert time.monotonic() < deadline, _read_logs(folder)
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _listens(port: int) -> bool:
    with closing(socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _read_logs(folder: Path) -> str:
    files = [folder / "apache.out", folder / "apache.log"]
    return "\n".join(file.read_text("utf-8", errors="replace") for file in files if file.exists())
