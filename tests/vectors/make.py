"""Makes ``foreign_hashes.json``: hashes as other systems write them, by their own code wherever it can be had.

Run it as ``python tests/vectors/make.py``, with PHP installed (``PHP`` names the command). Where no library of a
system runs here (Devise is Ruby, Keycloak is Java), the hash is computed by a second implementation that shares
nothing with ours (``bcrypt`` and ``argon2`` themselves, passlib's PBKDF2, PHP's functions), and ``made_by`` says so.
The vectors of Firebase and of ASP.NET Identity are those that their makers published with the code.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import bcrypt
import django
import flask_security
from argon2.low_level import Type, hash_secret
from django.conf import settings
from flask import Flask
from passlib import hash as passlib_hash
from passlib.hash import pbkdf2_sha1, pbkdf2_sha256, pbkdf2_sha512
from werkzeug.security import generate_password_hash

FILE = Path(__file__).with_name("foreign_hashes.json")
PASSWORD, LONG = "correct horse Größe staple", "x" * 71 + "yz" + "beyond what bcrypt reads"
PEPPER, SALT = "pepper-of-the-old-installation", "146585145368132386173505678016728509634"
SIGNER_KEY = "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA=="
FIREBASE_HASH = "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=="


def vector(made_by: str, stored: str, password: str = PASSWORD, **more: Any) -> dict[str, Any]:
    return {"made_by": made_by, "password": password, "stored": stored, **more}


def of_django() -> list[dict[str, Any]]:
    hashers = [
        f"django.contrib.auth.hashers.{name}"
        for name in (
            "PBKDF2PasswordHasher",
            "PBKDF2SHA1PasswordHasher",
            "Argon2PasswordHasher",
            "BCryptSHA256PasswordHasher",
            "BCryptPasswordHasher",
            "ScryptPasswordHasher",
        )
    ]
    settings.configure(PASSWORD_HASHERS=hashers)
    django.setup()
    from django.contrib.auth.hashers import get_hasher, make_password

    names = ("argon2", "bcrypt_sha256", "bcrypt", "scrypt")
    made = [vector(f"Django {version('django')}", make_password(PASSWORD, hasher=name)) for name in names]
    for name in ("pbkdf2_sha256", "pbkdf2_sha1"):
        hasher = get_hasher(name)
        # A million iterations, its default, would only slow down whoever reads the vectors.
        made.append(vector(f"Django {version('django')}", hasher.encode(PASSWORD, hasher.salt(), 20000)))
    by_hand = get_hasher("pbkdf2_sha256").encode(PASSWORD, "sälz", 1000)
    made.append(vector(f"Django {version('django')}, with a salt chosen by hand", by_hand))
    made.append(vector(f"Django {version('django')}", make_password(LONG, hasher="bcrypt_sha256"), LONG))
    return made


def of_werkzeug() -> list[dict[str, Any]]:
    by = f"Werkzeug {version('werkzeug')}"
    methods = ("scrypt", "scrypt:16384:8:1", "pbkdf2:sha256:20000", "pbkdf2:sha1:1000", "pbkdf2:sha512:20000")
    return [vector(by, generate_password_hash(PASSWORD, method=method)) for method in methods]


def of_bcrypt() -> list[dict[str, Any]]:
    by = f"bcrypt {version('bcrypt')}"
    salts = [bcrypt.gensalt(6, kind) for kind in (b"2a", b"2b")]
    made = [vector(by, bcrypt.hashpw(PASSWORD.encode(), salt).decode()) for salt in salts]
    # PHP writes 2y for what the others call 2b: the same digest under another name.
    written = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(6, b"2b")).decode()
    made.append(vector(f"{by}, spelled as PHP does", written.replace("$2b$", "$2y$")))
    cut = bcrypt.hashpw(LONG.encode()[:72], bcrypt.gensalt(6)).decode()
    made.append(vector(by, cut, LONG, also_right=LONG[:72], wrong=LONG[:71]))
    return made


def of_flask_security() -> list[dict[str, Any]]:
    by, made = f"Flask-Security {version('flask-security')}", []
    for scheme in ("argon2", "bcrypt", "pbkdf2_sha512"):
        for single in (False, True):
            app = Flask(__name__)
            app.config |= {
                "SECRET_KEY": "s" * 32,
                "SECURITY_PASSWORD_SALT": SALT,
                "SECURITY_PASSWORD_HASH": scheme,
                "SECURITY_PASSWORD_SINGLE_HASH": single,
                "SECURITY_PASSWORD_HASH_PASSLIB_OPTIONS": {"bcrypt__rounds": 6},
            }
            flask_security.Security(app, _Nobody(), register_blueprint=False)
            with app.app_context():
                # The library normalises in its forms, before it hashes.
                said = app.extensions["security"]._password_util.normalize(PASSWORD)
                text = flask_security.hash_password(said)
            if single:
                # The library normalises to NFKD and the hash alone does not say so: ASCII is the same in any form.
                with app.app_context():
                    made.append(vector(f"{by}, single hash", flask_security.hash_password("plain ascii words"),
                                       "plain ascii words"))  # fmt: skip
            else:
                made.append(vector(by, f"flask-security{text}", flask_security_salt=SALT))
    return made


class _User(flask_security.UserMixin):
    fs_uniquifier = ""


class _Nobody(flask_security.UserDatastore):
    """Hashing a password needs no user."""

    def __init__(self) -> None:
        super().__init__(_User, flask_security.RoleMixin)


def of_others() -> list[dict[str, Any]]:
    devise = bcrypt.hashpw((PASSWORD + PEPPER).encode(), bcrypt.gensalt(6, b"2a")).decode()
    made = [
        vector("bcrypt, of the password with the pepper behind it, as Devise does", f"devise{devise}",
               devise_pepper=PEPPER),
        vector("github.com/firebase/scrypt, README", f"firebase$14$8$Bw==$42xEC+ixf3L2lw==${FIREBASE_HASH}",
               "user1password", firebase_signer_key=SIGNER_KEY),
    ]  # fmt: skip
    for hasher, rounds in ((pbkdf2_sha1, 20000), (pbkdf2_sha256, 27500), (pbkdf2_sha512, 20000)):
        made.append(vector("passlib", hasher.using(rounds=rounds).hash(PASSWORD)))
    # Keycloak derives 64 bytes with SHA-256, too; its credential is written as the importer brings it in.
    salt = os.urandom(16)
    derived = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), salt, 27500, 64)
    made.append({
        "made_by": "hashlib, as Keycloak's Pbkdf2PasswordHashProvider does",
        "password": PASSWORD,
        "keycloak": keycloak({"value": _b64(derived), "salt": _b64(salt)},
                             {"hashIterations": 27500, "algorithm": "pbkdf2-sha256", "additionalParameters": {}}),
    })  # fmt: skip
    encoded = hash_secret(PASSWORD.encode(), salt, 5, 7168, 1, 32, Type.ID).decode()
    digest = encoded.rpartition("$")[2]
    made.append({
        "made_by": f"argon2-cffi {version('argon2-cffi')}, as Keycloak's Argon2PasswordHashProvider does",
        "password": PASSWORD,
        "keycloak": keycloak(
            {"value": digest + "=" * (-len(digest) % 4), "salt": _b64(salt), "additionalParameters": {}},
            {"hashIterations": 5, "algorithm": "argon2", "additionalParameters": {
                "hashLength": ["32"], "memory": ["7168"], "type": ["id"], "version": ["1.3"], "parallelism": ["1"]}},
        ),
    })  # fmt: skip
    return made


PASSLIB_SCHEMES: dict[str, dict[str, Any]] = {
    "sha256_crypt": {"rounds": 5000}, "sha512_crypt": {"rounds": 5000}, "phpass": {"rounds": 13},
    "scrypt": {"rounds": 14}, "bcrypt_sha256": {"rounds": 6}, "ldap_salted_sha1": {}, "ldap_salted_sha256": {},
    "ldap_salted_sha512": {}, "ldap_pbkdf2_sha256": {"rounds": 20000}, "ldap_pbkdf2_sha512": {"rounds": 20000},
    "ldap_sha512_crypt": {"rounds": 5001}, "ldap_bcrypt": {"rounds": 6},
}  # fmt: skip


def of_passlib() -> list[dict[str, Any]]:
    """What passlib writes, by the fork that is kept: the schemes of crypt(3), phpass, LDAP servers, and its own."""
    by = f"libpass {version('libpass')}"
    made = [
        vector(by, getattr(passlib_hash, name).using(**costs).hash(PASSWORD))
        for name, costs in PASSLIB_SCHEMES.items()
    ]
    first_version = passlib_hash.bcrypt_sha256.using(rounds=6, version=1).hash(PASSWORD)
    long_one = passlib_hash.sha512_crypt.using(rounds=1000, salt_size=1).hash(LONG)
    bare = passlib_hash.bcrypt.using(rounds=6).hash(PASSWORD)
    return [
        *made,
        vector(by, first_version),
        vector(by, long_one, LONG),
        vector(f"{by}, spelled as Spring Security does", f"{{bcrypt}}{bare}"),
        vector(f"{by}, spelled as Dovecot does", f"{{BLF-CRYPT}}{bare}"),
        {"made_by": f"{by}, as the plug-in keycloak-bcrypt does", "password": PASSWORD,
         "keycloak": keycloak({"value": bare, "salt": ""}, {"hashIterations": -1, "algorithm": "bcrypt"})},
    ]  # fmt: skip


PHP_PROGRAM = """
[$password] = array_slice($argv, 1);
$keyed = base64_encode(hash_hmac('sha384', $password, 'wp-sha384', true));
echo json_encode([PHP_VERSION,
    crypt($password, '$6$rounds=5000$saltofsixteenchr$'), crypt($password, '$5$shortsalt$'),
    password_hash($password, PASSWORD_BCRYPT, ['cost' => 6]),
    '$wp' . password_hash($keyed, PASSWORD_BCRYPT, ['cost' => 6]),
]);
"""


def of_php() -> list[dict[str, Any]]:
    """What PHP writes, and WordPress 6.8 by the two functions of PHP that its wp_hash_password calls."""
    command = [os.environ.get("PHP", "php"), "-r", PHP_PROGRAM, "--", PASSWORD]
    number, *hashes, wordpress = json.loads(subprocess.check_output(command, text=True))
    published = "$wp$2y$12$iWN5xRwDE7i9R5jVJvCyqOxS1CNnwUggQaF8O2W9Bg8TuXQz.ngrS"
    return [
        *(vector(f"PHP {number}", stored) for stored in hashes),
        vector(f"PHP {number}, as WordPress 6.8 calls it", wordpress),
        vector("WordPress 6.8, by a report of its users", published, "grimoire-test-123"),
    ]


ASPNET_PUBLISHED = (
    "ANXrDknc7fGPpigibZXXZFMX4aoqz44JveK6jQuwY3eH/UyPhvr5xTPeGYEckLxz9A==",
    "AQAAAAIAAAAyAAAAEOMwvh3+FZxqkdMBz2ekgGhwQ4B6pZWND6zgESBuWiHw",
    (
        "AQAAAAIAAAD6AAAAIJbVi5wbMR+htSfFp8fTw8N8GOS/Sje+S/4YZcgBfU7EQuqv4OkVYmc4VJl9AGZzmRTxSkP7LtVi9IWyUxX8IAAf"
        "Z8v+ZfhjCcudtC1YERSqE1OEdXLW9VukPuJWBBjLuw=="
    ),
    "AQAAAAAAAAD6AAAAEAhftMyfTJylOlZT+eEotFXd1elee8ih5WsjXaR3PA9M",
    "AQAAAAEAACcQAAAAEAABAgMEBQYHCAkKCwwNDg+yWU7rLgUwPZb1Itsmra7cbxw2EFpwpVFIEtP+JIuUEw==",
)


def of_aspnet() -> list[dict[str, Any]]:
    """What PasswordHasher writes in both versions and each digest, as the tests of its makers have it."""
    return [vector("dotnet/aspnetcore, PasswordHasherTest.cs", each, "my password") for each in ASPNET_PUBLISHED]


def keycloak(secret: dict[str, Any], how: dict[str, Any]) -> dict[str, Any]:
    return {"type": "password", "secretData": json.dumps(secret), "credentialData": json.dumps(how)}


def _b64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def check_hmac() -> None:
    """That what Flask-Security mixes is what it says: base64 of an HMAC-SHA512 under the salt."""
    app = Flask(__name__)
    app.config |= {"SECRET_KEY": "s" * 32, "SECURITY_PASSWORD_SALT": SALT}
    flask_security.Security(app, _Nobody(), register_blueprint=False)
    with app.app_context():
        mixed = flask_security.utils.get_hmac("abc")
    assert mixed == base64.b64encode(hmac.digest(SALT.encode(), b"abc", "sha512"))


if __name__ == "__main__":
    check_hmac()
    vectors = [
        *of_django(), *of_werkzeug(), *of_bcrypt(), *of_flask_security(), *of_others(),
        *of_passlib(), *of_php(), *of_aspnet(),
    ]  # fmt: skip
    FILE.write_text(json.dumps(vectors, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
