"""A provider behind TLS on loopback, people with browsers, and apps that send them there: real connections only."""

from __future__ import annotations

import base64
import hashlib
import secrets
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import parse_qsl, quote_plus, urlencode, urljoin, urlsplit

import requests
from flask import Flask
from joserfc import jwt
from joserfc.jwk import KeySet
from requests.adapters import HTTPAdapter
from werkzeug.serving import make_server

from accounts.core.models.apps import App
from accounts.flows.oidc import registration, registration_form
from accounts.flows.oidc.signing_keys import _jws_registry
from tests.kit.http_browser import HttpBrowser
from tests.people import PASSWORD, Service
from tests.servers.quiet import QuietHandler

_networks = count(2)
_numbers = count(1)
STATE_128 = "s" * 64 + "-._~" * 16


class PersistentHandler(QuietHandler):
    """Keeps connections, as servers that are meant for more than tests do."""

    protocol_version = "HTTP/1.1"


class Provider:
    """A house behind TLS, on a free port. The server is there before the app, which must know its port."""

    def __init__(self, context: ssl.SSLContext, ca: str) -> None:
        empty = Flask("empty")
        self._server = make_server(
            "127.0.0.1", 0, empty, threaded=True, request_handler=PersistentHandler, ssl_context=context
        )
        self.ca = ca
        self.origin = f"https://localhost:{self._server.server_port}"
        self.service: Service
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self._thread.start()

    def serve(self, service: Service) -> None:
        """Answer with this one from now on."""
        self.service = service
        self._server.app = service.app

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()

    def http_client(self) -> requests.Session:
        """A client that trusts the test's authority and nobody else, from a network address of its own."""
        session = requests.Session()
        session.verify = self.ca
        session.trust_env = False
        session.mount(
            "https://", _SourceAddressAdapter(f"127.{(n := next(_networks)) >> 16 & 255}.{n >> 8 & 255}.{n & 255}")
        )
        return session

    def fetch_metadata(self) -> dict[str, Any]:
        answer = requests.get(f"{self.origin}/.well-known/openid-configuration", verify=self.ca, timeout=30)
        assert answer.status_code == 200
        metadata: dict[str, Any] = answer.json()
        return metadata

    def register(self, **fields: Any) -> RelyingParty:
        """An app, as ``accounts apps add`` registers it; trusted unless said otherwise."""
        data = {"name": "Wiki", "redirect_uris": ["https://rp.example.org/cb"], "trusted": True} | fields
        with self.service.uow() as uow:
            registered = registration.register_app(uow, registration_form.RegisterAppForm.model_validate(data))
        return RelyingParty(self, registered.app, registered.secret)

    def person(self, name: str = "ana") -> BrowserUser:
        """Somebody with an account, not signed in yet, at a browser."""
        member = self.service.member(name)
        assert member.patch("/api/account", {"zone": "Europe/Berlin"}).status_code == 200
        return BrowserUser(self, member.email)


class _SourceAddressAdapter(HTTPAdapter):
    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, source_address=(self._address, 0), **kwargs)


@dataclass
class BrowserUser(HttpBrowser["CallbackRequest | None"]):
    """Somebody at a browser without scripts: keeps cookies, follows redirects until the app is reached."""

    provider: Provider
    email: str
    password: str = PASSWORD
    callback: CallbackRequest | None = None

    def __post_init__(self) -> None:
        self.http = self.provider.http_client()
        self.url = self.provider.origin

    def open(self, url: str, data: Mapping[str, str] | None = None) -> CallbackRequest | None:
        """Go there (POST with ``data``); where it ends: at the app, or at a page here (None)."""
        elsewhere = self._request(urljoin(self.url, url), data, stays_at=f"{self.provider.origin}/")
        if elsewhere:
            self.callback = CallbackRequest("GET", elsewhere.partition("?")[0], elsewhere)
        else:
            self.callback = self._form_post_callback()
        return self.callback

    def _form_post_callback(self) -> CallbackRequest | None:
        if 'id="form-post"' not in self.response.text:
            return None
        (form,) = self.page.forms
        assert form.method == "post"
        policy = self.response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "form-action" not in policy
        return CallbackRequest("POST", form.action, form.action, form.values)

    @property
    def shows_password_form(self) -> bool:
        return any("password" in form.kinds for form in self.page.forms)

    def sign_in(self) -> CallbackRequest | None:
        """Fill in the page that asks for a password, whichever it is."""
        return self.sign_in_as(self.email, self.password)

    def decide(self, decision: str = "yes") -> CallbackRequest | None:
        return self.submit(self.form("request"), decision=decision)

    def log_in(self, rp: RelyingParty, **parameters: str | None) -> CallbackRequest:
        """A whole authorization request, with whatever the pages ask on the way."""
        callback = self.open(rp.authorization_url(**parameters))
        for _ in range(3):
            if callback is not None:
                return callback
            callback = self.sign_in() if self.shows_password_form else self.decide()
        assert callback is not None, self.page.text
        return callback


@dataclass
class CallbackRequest:
    """What arrives at the app's address: by redirect or by form."""

    method: str
    endpoint: str
    url: str
    form: Mapping[str, str] = field(default_factory=dict)

    @property
    def parameters(self) -> dict[str, str]:
        query = dict(parse_qsl(urlsplit(self.url).query, keep_blank_values=True))
        return {**query, **self.form}


@dataclass
class RelyingParty:
    """An app as its developer wrote it: knows its own registration, and the provider by discovery."""

    provider: Provider
    app: App
    secret: str | None
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(40))
    state: str = ""
    nonce: str = ""
    default_parameters: dict[str, str] = field(default_factory=dict)
    """What it adds to every authorization request."""

    def __post_init__(self) -> None:
        self.http = self.provider.http_client()
        self.metadata = self.provider.fetch_metadata()

    @property
    def id(self) -> str:
        return self.app.id

    @property
    def redirect_uri(self) -> str:
        return self.app.redirect_uris[0]

    def authorization_parameters(self, **parameters: str | None) -> dict[str, str]:
        """Parameters of an authorization request; None leaves one out."""
        self.state, self.nonce = f"state{next(_numbers)}", f"nonce{next(_numbers)}"
        defaults: dict[str, str | None] = {
            "client_id": self.id,
            "redirect_uri": self.redirect_uri,
            "response_type": "code",
            "scope": "openid",
            "state": self.state,
            "nonce": self.nonce,
            **self.default_parameters,
        }
        if self.app.public or self.app.require_pkce:
            defaults |= {"code_challenge": code_challenge(self.verifier), "code_challenge_method": "S256"}
        merged = {name: value for name, value in (defaults | parameters).items() if value is not None}
        self.state, self.nonce = merged.get("state", ""), merged.get("nonce", "")
        return merged

    def authorization_url(self, **parameters: str | None) -> str:
        return f"{self.metadata['authorization_endpoint']}?{urlencode(self.authorization_parameters(**parameters))}"

    def post(self, endpoint: str, data: Mapping[str, str], **options: Any) -> requests.Response:
        """A request to an endpoint that wants the app to show who it is."""
        data, headers = dict(data), dict(options.pop("headers", {}))
        if self.app.token_endpoint_auth_method == "client_secret_basic":
            pair = f"{quote_plus(self.id)}:{quote_plus(self.secret or '')}"
            headers |= {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
        else:
            data = {"client_id": self.id} | ({"client_secret": self.secret} if self.secret else {}) | data
        return self.http.post(self.metadata[endpoint], data=data, headers=headers, timeout=20, **options)

    def redeem(self, callback: CallbackRequest, **parameters: str | None) -> requests.Response:
        defaults: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": callback.parameters["code"],
            "redirect_uri": self.redirect_uri,
        }
        if self.app.public or self.app.require_pkce:
            defaults["code_verifier"] = self.verifier
        merged = {name: value for name, value in (defaults | parameters).items() if value is not None}
        return self.post("token_endpoint", merged)

    def tokens(self, callback: CallbackRequest, **parameters: str | None) -> Tokens:
        answer = self.redeem(callback, **parameters)
        assert answer.status_code == 200, answer.text
        return Tokens(answer.json(), self)

    def refresh(self, token: str, **parameters: str) -> requests.Response:
        return self.post("token_endpoint", {"grant_type": "refresh_token", "refresh_token": token, **parameters})

    def userinfo(self, access_token: str, method: str = "GET") -> requests.Response:
        headers = {"Authorization": f"Bearer {access_token}"}
        return self.http.request(method, self.metadata["userinfo_endpoint"], headers=headers, timeout=20)

    def introspect(self, token: str) -> requests.Response:
        return self.post("introspection_endpoint", {"token": token})

    def revoke(self, token: str) -> requests.Response:
        return self.post("revocation_endpoint", {"token": token})

    def fetch_jwks(self) -> dict[str, Any]:
        answer = self.http.get(self.metadata["jwks_uri"], timeout=20)
        assert answer.status_code == 200
        key_set: dict[str, Any] = answer.json()
        return key_set


@dataclass
class Tokens:
    """What the token endpoint gave."""

    response: dict[str, Any]
    rp: RelyingParty

    @property
    def access(self) -> str:
        return str(self.response["access_token"])

    @property
    def refresh(self) -> str:
        return str(self.response["refresh_token"])

    @property
    def id_token(self) -> str:
        return str(self.response["id_token"])

    @property
    def header(self) -> dict[str, Any]:
        return dict(self._verified().header)

    @property
    def claims(self) -> dict[str, Any]:
        """What the ID token says, its signature verified against the published keys."""
        return dict(self._verified().claims)

    def _verified(self) -> jwt.Token:
        keys = KeySet.import_key_set(self.rp.fetch_jwks())  # type: ignore[arg-type] # as it comes over the wire
        return jwt.decode(self.id_token, keys, registry=_jws_registry())


def code_challenge(verifier: str) -> str:
    """The code challenge of a verifier (RFC 7636 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
