"""A Django app in one file whose people sign in with accounts and become users of Django."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from django.conf import settings

HERE = Path(__file__).parent

# begin settings
AUTHLIB_OAUTH_CLIENTS = {
    "oidc": {
        "client_id": os.environ["OIDC_CLIENT_ID"],
        "client_secret": os.environ["OIDC_CLIENT_SECRET"],
        "server_metadata_url": f"{os.environ['OIDC_ISSUER']}/.well-known/openid-configuration",
        "client_kwargs": {"scope": "openid profile email groups", "code_challenge_method": "S256"},
    }
}
# end settings

settings.configure(
    SECRET_KEY=os.environ["SECRET_KEY"],
    ALLOWED_HOSTS=["localhost"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ.get("DATABASE", HERE / "example.sqlite"),
        }
    },
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "DIRS": [HERE / "templates"],
            "OPTIONS": {"context_processors": ["django.contrib.auth.context_processors.auth"]},
        }
    ],
    LOGIN_URL="sign_in",
    LOGIN_REDIRECT_URL="home",
    AUTHLIB_OAUTH_CLIENTS=AUTHLIB_OAUTH_CLIENTS,
)

import django

django.setup()

from authlib.integrations.django_client import OAuth, OAuthError
from django.contrib.auth import get_user_model, login, logout
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import Group
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.urls import path, reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jwt import JWTClaimsRegistry

# begin views
oidc = OAuth().register("oidc")


@require_GET
def sign_in(request):
    request.session["next"] = request.GET.get("next", "")
    return oidc.authorize_redirect(request, request.build_absolute_uri(reverse("callback")))


@require_GET
def callback(request):
    try:
        token = oidc.authorize_access_token(request)
    except OAuthError as error:
        return render(request, "home.html", {"error": error.error}, status=400)
    wanted = request.session.pop("next", "")
    login(request, user_of(token["userinfo"]))
    request.session["id_token"] = token["id_token"]
    request.session.update({name: token["userinfo"][name] for name in ("sub", "sid", "iat")})
    local = url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()})
    return redirect(wanted if local else resolve_url(settings.LOGIN_REDIRECT_URL))


@transaction.atomic
def user_of(claims):
    """Return the Django user, found by ``sub`` alone: addresses change hands, ``sub`` never does."""
    user, _ = get_user_model().objects.get_or_create(username=claims["sub"])
    user.email, user.first_name = claims["email"], claims.get("name", "")
    user.save()
    user.groups.set([Group.objects.get_or_create(name=name)[0] for name in claims["groups"]])
    return user


@require_POST
def sign_out(request):
    hint = request.session.get("id_token")
    logout(request)
    return oidc.logout_redirect(request, request.build_absolute_uri(reverse("home")), id_token_hint=hint)


# end views

# begin sign-out from there
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"


@csrf_exempt  # no browser comes here; the token is signed
@require_POST
def backchannel_logout(request):
    try:
        said = logout_claims(request.POST.get("logout_token", ""))
    except (JoseError, ValueError):
        return HttpResponse(status=400)
    for session in Session.objects.filter(expire_date__gt=timezone.now()):  # with many people: a table by sub
        kept = session.get_decoded()
        meant = all(said[name] == kept.get(name) for name in ("sub", "sid") if name in said)
        if meant and kept["iat"] <= said["iat"]:
            session.delete()
    return HttpResponse(headers={"Cache-Control": "no-store"})


def logout_claims(token):
    """Return the claims of a logout token. Raises JoseError or ValueError where it is none for this app."""
    keys = KeySet.import_key_set(oidc.fetch_jwk_set(force=True))  # keys are replaced now and then
    claims = jwt.decode(token, keys, algorithms=["RS256"]).claims
    due = {"iss": oidc.load_server_metadata()["issuer"], "aud": oidc.client_id}
    needed = {name: {"essential": True} for name in ("iat", "exp", "events")}
    checks = needed | {name: {"essential": True, "value": value} for name, value in due.items()}
    JWTClaimsRegistry(leeway=60, **checks).validate(claims)
    if LOGOUT_EVENT not in claims["events"] or "nonce" in claims or not {"sub", "sid"} & claims.keys():
        raise ValueError("an ID token, or no logout token")
    return claims


# end sign-out from there


@require_GET
def home(request):
    return render(request, "home.html")


@login_required
@require_GET
def members(request):
    return render(request, "members.html")


urlpatterns = [
    path("", home, name="home"),
    path("members", members, name="members"),
    path("sign-in", sign_in, name="sign_in"),
    path("callback", callback, name="callback"),
    path("sign-out", sign_out, name="sign_out"),
    path("backchannel-logout", backchannel_logout, name="backchannel_logout"),
]

if __name__ == "__main__":
    from django.core.management import call_command, execute_from_command_line

    if sys.argv[1:]:
        execute_from_command_line(sys.argv)
    else:
        call_command("migrate", verbosity=0)
        call_command("runserver", f"localhost:{os.environ.get('PORT', '5002')}", use_reloader=False)
