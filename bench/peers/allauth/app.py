"""django-allauth as its quick start has it: sign-in by address, confirmed sign-up, recovery, CSRF; on SQLite.

``python app.py`` makes the database; a WSGI server then serves ``app:application``. Messages are built whole and not
delivered; the link of each goes into the file that LETTERS names.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher

MEMORY, PASSES = (int(part) for part in os.environ["ARGON2"].split(","))
LINK = re.compile(r"https?://\S+")

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
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
        "allauth",
        "allauth.account",
    ],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
        "allauth.account.middleware.AccountMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
    AUTHENTICATION_BACKENDS=["allauth.account.auth_backends.AuthenticationBackend"],
    PASSWORD_HASHERS=[f"{__name__}.Hasher"],
    ACCOUNT_LOGIN_METHODS={"email"},
    ACCOUNT_SIGNUP_FIELDS=["email*", "password1*"],
    ACCOUNT_EMAIL_VERIFICATION="mandatory",
    ACCOUNT_CONFIRM_EMAIL_ON_GET=True,
    ACCOUNT_ADAPTER=f"{__name__}.Adapter",
    ACCOUNT_RATE_LIMITS=False,
    LOGIN_REDIRECT_URL="/api/account",
    USE_TZ=True,
    DEBUG=False,
)


class Hasher(Argon2PasswordHasher):
    """argon2id at the parameters of this run."""

    memory_cost, time_cost, parallelism = MEMORY, PASSES, 1


sys.modules.setdefault("app", sys.modules[__name__])
django.setup()

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import include, path


class Adapter(DefaultAccountAdapter):
    """Builds each message as it would be sent."""

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        letter = self.render_mail(template_prefix, email, {"request": self.request, "email": email, **context})
        letter.message().as_bytes()
        found = LINK.search(letter.body)
        with Path(os.environ["LETTERS"]).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"to": email, "link": found.group() if found else ""}) + "\n")


def account(request: HttpRequest) -> JsonResponse:
    if not request.user.is_authenticated:
        return JsonResponse({}, status=401)
    return JsonResponse({"id": request.user.pk, "email": request.user.email})


urlpatterns = [path("accounts/", include("allauth.urls")), path("api/account", account)]
application = get_wsgi_application()

if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    stored = make_password(os.environ["PASSWORD"])
    everybody = range(int(os.environ["PEOPLE"]))
    User.objects.bulk_create(
        User(username=f"person{number}", email=f"person{number}@example.org", password=stored) for number in everybody
    )
    EmailAddress.objects.bulk_create(
        EmailAddress(user=user, email=user.email, verified=True, primary=True) for user in User.objects.all()
    )
