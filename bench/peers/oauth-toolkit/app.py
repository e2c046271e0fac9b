"""django-oauth-toolkit as its OpenID Connect page has it: RS256, PKCE, one confidential client; on SQLite.

``python app.py`` makes the database; a WSGI server then serves ``app:application``.
``GET /bench/codes?n=500&scope=openid`` makes codes of one signed-in person, outside of what is measured.
"""

from __future__ import annotations

import os
import secrets
import sys
from datetime import timedelta
from pathlib import Path

import django
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.conf import settings


def read_key() -> str:
    path = Path(os.environ["DATABASE"] + ".pem")
    if not path.exists():
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path.read_text(encoding="ascii")


settings.configure(
    SECRET_KEY="a secret of a benchmark, on loopback",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ["DATABASE"],
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
                "transaction_mode": "IMMEDIATE",
                "timeout": 10,
            },
        }
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "oauth2_provider"],
    MIDDLEWARE=["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"],
    # A client secret is a random text; a slow hash of it would be all that is measured.
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    OAUTH2_PROVIDER={
        "OIDC_ENABLED": True,
        "OIDC_RSA_PRIVATE_KEY": read_key(),
        "OAUTH2_VALIDATOR_CLASS": f"{__name__}.Validator",
        "PKCE_REQUIRED": True,
        "SCOPES": {"openid": "", "email": "", "profile": "", "offline_access": ""},
        "ROTATE_REFRESH_TOKEN": True,
    },
    USE_TZ=True,
    DEBUG=False,
)

sys.modules.setdefault("app", sys.modules[__name__])
django.setup()

from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import include, path
from django.utils import timezone
from oauth2_provider.models import Application, Grant
from oauth2_provider.oauth2_validators import OAuth2Validator


class Validator(OAuth2Validator):
    oidc_claim_scope = None

    def get_additional_claims(self, request: HttpRequest) -> dict[str, object]:
        return {"email": request.user.email, "email_verified": True, "name": "Person"}


def codes(request: HttpRequest) -> JsonResponse:
    client, user = Application.objects.get(), User.objects.get()
    made = [
        Grant(
            user=user,
            application=client,
            code=secrets.token_urlsafe(32),
            expires=timezone.now() + timedelta(minutes=10),
            redirect_uri=os.environ["REDIRECT_URI"],
            scope=request.GET["scope"],
            code_challenge=os.environ["CHALLENGE"],
            code_challenge_method="S256",
        )
        for _ in range(int(request.GET["n"]))
    ]
    Grant.objects.bulk_create(made)
    return JsonResponse([each.code for each in made], safe=False)


urlpatterns = [path("o/", include("oauth2_provider.urls", namespace="oauth2_provider")), path("bench/codes", codes)]
application = get_wsgi_application()

if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    User.objects.create_user("person", "person@example.org")
    Application.objects.create(
        client_id=os.environ["CLIENT_ID"],
        client_secret=os.environ["CLIENT_SECRET"],
        client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE,
        redirect_uris=os.environ["REDIRECT_URI"],
        algorithm=Application.RS256_ALGORITHM,
    )
