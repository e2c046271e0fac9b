"""An app on Django, with mozilla-django-oidc or with django-allauth as the documentation of each has it.

Runs in an environment of its own, with nothing of this project.
"""

from __future__ import annotations

import os
import sys
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.urls import include, path

ISSUER, PORT = os.environ["ISSUER"], int(os.environ["PORT"])
SAFER = bool(os.environ["SAFER"])
CLIENT_ID, CLIENT_SECRET = os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"]
APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.messages"]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
MOZILLA = {
    "INSTALLED_APPS": [*APPS, "mozilla_django_oidc"],
    "AUTHENTICATION_BACKENDS": ["mozilla_django_oidc.auth.OIDCAuthenticationBackend"],
    "OIDC_RP_CLIENT_ID": CLIENT_ID,
    "OIDC_RP_CLIENT_SECRET": CLIENT_SECRET,
    "OIDC_OP_AUTHORIZATION_ENDPOINT": f"{ISSUER}/oauth/authorize",
    "OIDC_OP_TOKEN_ENDPOINT": f"{ISSUER}/oauth/token",
    "OIDC_OP_USER_ENDPOINT": f"{ISSUER}/oauth/userinfo",
    "OIDC_OP_JWKS_ENDPOINT": f"{ISSUER}/oauth/jwks",
    "OIDC_RP_SIGN_ALGO": "RS256",
    "OIDC_USE_PKCE": SAFER,
}
ALLAUTH = {
    "INSTALLED_APPS": [
        *APPS,
        "allauth",
        "allauth.account",
        "allauth.socialaccount",
        "allauth.socialaccount.providers.openid_connect",
    ],
    "MIDDLEWARE": [*MIDDLEWARE, "allauth.account.middleware.AccountMiddleware"],
    "AUTHENTICATION_BACKENDS": [
        "django.contrib.auth.backends.ModelBackend",
        "allauth.account.auth_backends.AuthenticationBackend",
    ],
    "SOCIALACCOUNT_PROVIDERS": {
        "openid_connect": {
            "APPS": [
                {
                    "provider_id": "accounts",
                    "name": "accounts",
                    "client_id": CLIENT_ID,
                    "secret": CLIENT_SECRET,
                    "settings": {
                        "server_url": f"{ISSUER}/.well-known/openid-configuration",
                        "oauth_pkce_enabled": SAFER,
                    },
                }
            ]
        }
    },
}
LIBRARIES: dict[str, tuple[dict[str, Any], str, str]] = {
    "mozilla-django-oidc": (MOZILLA, "oidc/", "mozilla_django_oidc.urls"),
    "django-allauth": (ALLAUTH, "accounts/", "allauth.urls"),
}


class Quiet(WSGIRequestHandler):
    """Says nothing about requests."""

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def home(request: HttpRequest) -> JsonResponse:
    """Say who is signed in."""
    user = request.user
    if not user.is_authenticated:
        return JsonResponse({})
    found = {"email": user.email, "name": user.get_full_name(), "username": user.username}
    if "allauth" in settings.INSTALLED_APPS:
        found["sub"] = user.socialaccount_set.get().uid
    return JsonResponse(found)


def main(library: str) -> None:
    """Serve."""
    config, prefix, urls = LIBRARIES[library]
    defaults: dict[str, Any] = {
        "SECRET_KEY": "a secret of a test",
        "ALLOWED_HOSTS": ["localhost"],
        "DATABASES": {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "app.db"}},
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
        "EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend",
        "LOGIN_REDIRECT_URL": "/",
        "MIDDLEWARE": MIDDLEWARE,
        "ROOT_URLCONF": __name__,
        "TEMPLATES": [
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
            }
        ],
    }
    settings.configure(**(defaults | config))
    django.setup()
    urlpatterns.extend([path("", home), path(prefix, include(urls))])

    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application

    call_command("migrate", verbosity=0)
    with make_server("127.0.0.1", PORT, get_wsgi_application(), handler_class=Quiet) as server:
        sys.stdout.write("listening\n")
        sys.stdout.flush()
        server.serve_forever()


urlpatterns: list[Any] = []
if __name__ == "__main__":
    main(sys.argv[1])
