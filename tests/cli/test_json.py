"""``--json``: each command prints one object a line, with the names that ``/api`` has, and no secret that is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command
from tests.conftest import KEY
from tests.people import Service, make_email

CALLBACK = "https://wiki.example.org/cb"


def names_of(rows: list[dict[str, Any]]) -> set[str]:
    assert rows
    return set(rows[0])


def test_accounts_are_what_the_api_says_of_them(accounts: Command, service: Service) -> None:
    admin, member = service.admin(), service.member()
    listed = admin.get("/api/admin/accounts").get_json()["accounts"]
    assert accounts("users", "list", "--json").json == listed
    assert accounts("users", "list", "--json", "--limit", "1").json == listed[:1]
    id = member.get("/api/account").get_json()["id"]
    (shown,) = accounts("users", "show", member.email, "--json").json
    told = admin.get(f"/api/admin/accounts/{id}").get_json()
    assert shown == told
    assert accounts("users", "list-sessions", id, "--json").json == told["sessions"]
    assert accounts("users", "show-history", id, "--json").json == told["history"]
    assert accounts("users", "list-identities", id, "--json").json == []


@pytest.mark.parametrize(
    ("arguments", "state", "groups"),
    [
        (("disable",), "disabled", []),
        (("enable",), "active", []),
        (("unlock",), "active", []),
        (("sign-out",), "active", []),
        (("set-groups", "readers", "editors"), "active", ["editors", "readers"]),
    ],
)
def test_whoever_changes_an_account_is_told_what_it_is_now(
    accounts: Command, service: Service, arguments: tuple[str, ...], state: str, groups: list[str]
) -> None:
    member = service.member()
    (told,) = accounts("users", arguments[0], member.email, *arguments[1:], "--json").json
    assert (told["account"]["email"], told["account"]["state"]) == (member.email, state)
    assert told["account"]["groups"] == groups


def test_a_session_ends_and_a_letter_and_a_deletion_are_told(accounts: Command, service: Service) -> None:
    member = service.member()
    (session,) = accounts("users", "list-sessions", member.email, "--json").json
    (told,) = accounts("users", "end-session", member.email, session["id"], "--json").json
    assert told["sessions"] == []
    assert accounts("users", "send-reset", member.email, "--json").json == [{"sent": True}]
    (told,) = accounts("users", "delete", member.email, "--yes", "--json").json
    assert (told["deleted"], told["email"]) == (True, member.email)


def test_invitations_and_batches(accounts: Command, service: Service, tmp_path: Path) -> None:
    admin = service.admin()
    (made,) = accounts("invites", "create", make_email(), "--json").json
    (printed,) = accounts("invites", "create", make_email(), "--print", "--json").json
    assert set(printed) - set(made) == {"url"}
    told = admin.get("/api/admin/invites").get_json()["invites"]
    assert accounts("invites", "list", "--json").json == told
    people = tmp_path / "spring.csv"
    people.write_text(f"{make_email()}\nnobody\n")
    (dry,) = accounts("invites", "create", "--csv", str(people), "--dry-run", "--json").json
    assert (dry["name"], dry["rows"], dry["left"]) == ("spring", {"new": 1, "malformed": 1}, 1)
    assert (
        accounts("invites", "list-batches", "--json").json
        == admin.get("/api/admin/invites/batches").get_json()["batches"]
    )
    rows = accounts("invites", "show-batch", "spring", "--json").json
    assert rows == admin.get(f"/api/admin/invites/batches/{dry['id']}").get_json()["list"]
    (sent,) = accounts("invites", "send-batch", "spring", "--json").json
    assert (sent["rows"], sent["left"], sent["invites"]) == ({"sent": 1, "malformed": 1}, 0, {"pending": 1})
    (link,) = accounts("invites", "export-batch", "spring", "--json").json
    assert "/l/invite/" in link["url"]
    assert accounts("invites", "resend", made["id"], "--json").json == [{"count": 1}]
    assert accounts("invites", "extend", made["id"], "--json").json == [{"count": 1}]
    assert accounts("invites", "revoke", "--batch", "spring", "--json").json == [{"count": 1}]
    assert accounts("invites", "discard-batch", "spring", "--json").json == [{"rows": 2, "batch": "spring"}]


def test_apps_and_their_secrets_this_once(accounts: Command, service: Service) -> None:
    admin = service.admin()
    (made,) = accounts("apps", "add", "Wiki", "--redirect", CALLBACK, "--json").json
    secret, id = made.pop("secret"), made["id"]
    (app,) = admin.get("/api/admin/apps").get_json()["apps"]
    assert accounts("apps", "list", "--json").json == [app] == [made]
    assert accounts("apps", "show", id, "--json").json == [app]
    (rotated,) = accounts("apps", "rotate-secret", id, "--json").json
    assert rotated["secret"] != secret
    assert rotated["old_secret_until"]
    (ended,) = accounts("apps", "end-old-secret", id, "--json").json
    assert ended == app
    assert accounts("apps", "disable", id, "--json").json[0]["disabled_at"]
    assert accounts("apps", "enable", id, "--json").json == [app]
    assert accounts("apps", "change", id, "--name", "The Wiki", "--json").json == [{**app, "name": "The Wiki"}]
    assert accounts("apps", "remove", id, "--yes", "--json").json == [{"removed": True, "id": id, "name": "The Wiki"}]


def test_keys_without_their_secrets(accounts: Command, service: Service, bare: Command, tmp_path: Path) -> None:
    admin = service.admin()
    result = accounts("keys", "list", "--json")
    assert result.json == admin.get("/api/admin/keys").get_json()["keys"]
    assert KEY not in result.out
    assert names_of(bare("keys", "list", "--json", secret_keys=KEY).json) == {"number", "name", "state"}
    (made,) = bare("keys", "generate", "--json").json
    assert len(made["key"]) >= 32
    in_env = accounts("keys", "rotate", "--json")
    assert (in_env.status, set(in_env.json[0])) == (1, {"key", "accept", "sign"})
    assert KEY not in in_env.out
    refused = accounts("keys", "drop", result.json[0]["name"], "--json")
    assert (refused.status, refused.out) == (1, "")


def test_a_ring_in_a_file_is_rotated_and_a_key_is_dropped(bare: Command, database: str, tmp_path: Path) -> None:
    usual = {"env": "development", "instance": str(tmp_path / "instance"), "database_url": database}
    (first,) = bare("keys", "list", "--json", **usual).json
    (rotated,) = bare("keys", "rotate", "--json", **usual).json
    assert rotated["old"] == first["name"]
    (dropped,) = bare("keys", "drop", rotated["name"], "--yes", "--json", **usual).json
    assert (dropped["dropped"], dropped["key"]["state"]) == (rotated["name"], "waits")
    assert dropped["impact"]["links"] == []
    (lost,) = bare("keys", "drop", first["name"], "--emergency", "--json", **usual).json
    assert (lost["dropped"], lost["is_new"], lost["impact"]["invited"]) == (first["name"], True, 0)
    secrets = [line.split()[0] for line in (tmp_path / "instance" / "secret-keys").read_text().splitlines()]
    printed = str((first, rotated, dropped, lost))
    assert [secret for secret in secrets if secret in printed] == []


def test_keys_of_openid_connect(accounts: Command) -> None:
    (rotated,) = accounts("keys", "oidc", "rotate", "--alg", "ES256", "--json").json
    (key,) = rotated["keys"]
    assert accounts("keys", "oidc", "list", "--json").json == [{**key, "state": "signs"}]
    assert accounts("keys", "oidc", "drop", key["id"], "--json").json == [{"dropped": key["id"], "alg": "ES256"}]


def test_mail_limits_links_and_the_audit_log(accounts: Command, service: Service) -> None:
    admin, member = service.admin(), service.member()
    accounts("users", "send-reset", member.email)
    assert accounts("mail", "count", "--json").json == [{"waiting": 1, "dead": 0}]
    (traced,) = accounts("mail", "trace", member.email, "--json").json
    assert traced == admin.post("/api/admin/mail", {"email": member.email}).get_json()["trace"]
    assert accounts("mail", "retry", "--json").json == [{"retried": 0}]
    (explained,) = accounts("links", "explain", service.link_url(member.email, "reset-password"), "--json").json
    assert (explained["outcome"], explained["purpose"]) == ("alive", "reset-password")
    assert set(explained["cause"]) == {"code", "text"}
    usages = accounts("limits", "show", member.email, "--json").json
    assert usages == admin.post("/api/admin/limits", {"email": member.email}).get_json()["limits"]
    assert names_of(accounts("limits", "lift", member.email, "--json").json) == {"lifted"}
    lines = accounts("audit", "list", "--kind", "limits.lifted", "--json").json
    assert lines == admin.get("/api/admin/audit?kind=limits.lifted").get_json()["lines"]
    assert names_of(accounts("audit", "seal", "--json").json) == {"sealed", "head"}
    assert accounts("audit", "verify", "--json").json[0]["finding_count"] == 0
    assert accounts("audit", "prune", "--older-than", "31", "--json").json == [{"pruned": 0}]


def test_the_installation_and_its_data(accounts: Command, service: Service, tmp_path: Path) -> None:
    assert names_of(accounts("first-admin", "--json").json) == {"url"}
    service.admin()
    assert accounts("first-admin", "--json").json == [{"url": None}]
    assert names_of(accounts("upgrade", "--json").json) == {"database", "version"}
    (copied,) = accounts("data", "copy", "--to", f"sqlite:///{tmp_path / 'copy.db'}", "--json").json
    assert copied["rows"]["accounts"] == 1
    backup = tmp_path / "backup.db"
    assert accounts("data", "backup", str(backup), "--json").json == [
        {"file": str(backup), "bytes": backup.stat().st_size, "key_ring": "ACCOUNTS_SECRET_KEYS"}
    ]
    assert accounts("restored", "--yes", "--json").json == [{"accounts": 1, "invitations": 0, "letters": 0}]
    (preview,) = accounts("mail", "preview", str(tmp_path / "letters"), "--json").json
    assert preview["files"] == len(list((tmp_path / "letters").iterdir()))
    rows = tmp_path / "people.csv"
    rows.write_text("email,confirmed_at\nanna@example.org,2020-01-01\n")
    (imported,) = accounts("data", "import", str(rows), "--json").json
    assert (imported["dry_run"], imported["rows"]) == (False, 1)


def test_a_refusal_is_a_line_on_stderr_also_with_json(accounts: Command) -> None:
    assert accounts("users", "show", "nobody", "--json").refused == "no account nobody"
