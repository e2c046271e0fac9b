"""One upstream over the network: what it can do, its keys, a code for an ID token, and whether to believe that.

Authlib's client asks; joserfc verifies. Every answer is bounded in time and size, no redirect is followed, and what
is wrong with one goes to the log, never to the person: to them it is one sentence.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from accounts.config_upstream import Upstream
from accounts.core.clock import LEEWAY, now
from accounts.core.errors import NotFound, UpstreamFailed
from accounts.core.site import Site
from accounts.flows.upstream.waiting import Waiting

if TYPE_CHECKING:
    from authlib.integrations.requests_client import OAuth2Session
    from requests.adapters import HTTPAdapter

ALGS = ("RS256", "PS256", "ES256")
"""What an ID token may be signed with. Neither ``none`` nor a shared secret, whatever the issuer says of itself."""
SECONDS = (5.0, 10.0)
"""Until connected, and until the next byte comes."""
WHOLE_SECONDS = 15.0
"""For a whole answer, however slowly it drips."""
MAX_BYTES = 256 * 1024
KEPT_SECONDS, AGAIN_SECONDS = 3600.0, 30.0
"""How long what an issuer publishes is believed; how soon its keys may be asked for again over an unknown one."""
DISCOVERY = "/.well-known/openid-configuration"
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True, slots=True)
class Person:
    """Whom an upstream vouches for. Only ``issuer`` and ``subject`` say who it is; the rest is for people to read."""

    issuer: str
    subject: str
    shown: str
    name: str


class Providers:
    """The upstreams of one installation: ``house.kept(Providers)``."""

    def __init__(self, house: Site) -> None:
        base = house.link_signer.page_url("")
        self._known = {name: Provider(each, base) for name, each in house.settings.upstreams.items()}

    def get(self, name: str) -> Provider:
        """:raises NotFound: there is none of that name."""
        if name not in self._known:
            raise NotFound("no such upstream")
        return self._known[name]

    def all(self) -> list[Upstream]:
        return [each.upstream for each in self._known.values()]

    def label_of(self, issuer: str) -> str:
        """What people call an issuer; its address where it is not configured any more."""
        return next((each.label for each in self.all() if each.issuer == issuer), issuer)


class Provider:
    """One upstream. May be used by several threads."""

    def __init__(self, upstream: Upstream, base_url: str) -> None:
        self.upstream = upstream
        # An address of its own for each: an answer of one issuer cannot be passed off as another's (RFC 9700 4.4).
        self.redirect_uri = f"{base_url}/upstream/{upstream.name}/callback"
        self._kept: dict[str, tuple[float, Mapping[str, Any]]] = {}
        self._asking = threading.Lock()

    def address(self, waiting: Waiting) -> str:
        """Where the browser goes to be recognised.

        :raises UpstreamFailed: the issuer does not answer as it should.
        """
        endpoint = self._metadata()["authorization_endpoint"]
        with self._client() as client:
            url, _ = client.create_authorization_url(
                endpoint, state=waiting.state, nonce=waiting.nonce, code_verifier=waiting.verifier
            )
        return str(url)

    def person(self, waiting: Waiting, said: Mapping[str, str]) -> Person:
        """Whom the answer to a visit vouches for.

        :param said: the parameters of the answer, each once.
        :raises UpstreamFailed: nobody, for a reason that is for the log.
        """
        self._check_issuer(said)
        if "error" in said or not said.get("code"):
            raise UpstreamFailed(f"answered {said.get('error', 'without a code')[:60]!r}")
        claims = self._verified(self._token(said["code"], waiting))
        self._check(claims, waiting)
        texts = {name: claims[name] for name in ("email", "name", "preferred_username") if _is_text(claims, name)}
        shown = texts.get("email") or texts.get("preferred_username") or texts.get("name") or ""
        return Person(self.upstream.issuer, claims["sub"], shown[:254], texts.get("name", "")[:100])

    def _check_issuer(self, said: Mapping[str, str]) -> None:
        named = said.get("iss")
        must = self._metadata().get("authorization_response_iss_parameter_supported") is True
        if (named is None and must) or (named is not None and named != self.upstream.issuer):
            raise UpstreamFailed("answer of another issuer, or of none (RFC 9207)")

    def _token(self, code: str, waiting: Waiting) -> str:
        from authlib.integrations.base_client import OAuthError
        from requests import RequestException

        try:
            with self._client() as client:
                token = client.fetch_token(
                    self._metadata()["token_endpoint"],
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=waiting.verifier,
                    allow_redirects=False,
                )
        except (RequestException, OAuthError, ValueError) as wrong:
            raise UpstreamFailed(f"no token: {type(wrong).__name__}") from None
        found = token.get("id_token")
        if not isinstance(found, str) or len(found) > MAX_BYTES:
            raise UpstreamFailed("no ID token")
        return found

    def _verified(self, token: str) -> Mapping[str, Any]:
        """What an ID token says, its signature verified by a key that the issuer publishes."""
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        for again in (False, True):
            keys = self._published("jwks", self._metadata()["jwks_uri"], again=again)
            try:
                return jwt.decode(token, KeySet.import_key_set(keys), algorithms=list(ALGS)).claims  # type: ignore[arg-type] # as published
            except (JoseError, ValueError, TypeError, KeyError) as wrong:
                # Perhaps signed by a key that is newer than what we hold.
                if again:
                    raise UpstreamFailed(f"ID token: {type(wrong).__name__}") from None
        raise AssertionError("the second round answers or raises")

    def _check(self, claims: Mapping[str, Any], waiting: Waiting) -> None:
        moment, leeway, mine = now().timestamp(), LEEWAY.total_seconds(), self.upstream.client_id
        audience = claims.get("aud")
        many = audience if isinstance(audience, list) else [audience]
        exp, iat, sub = claims.get("exp"), claims.get("iat"), claims.get("sub")
        flaws = {
            "issuer": claims.get("iss") != self.upstream.issuer,
            "audience": mine not in many,
            "authorized party": claims.get("azp", mine if len(many) == 1 else None) != mine,
            "age": not isinstance(exp, int | float) or exp + leeway < moment,
            "issued later": not isinstance(iat, int | float) or iat - leeway > moment,
            "nonce": claims.get("nonce") != waiting.nonce,
            # Of characters that every database takes.
            "subject": not isinstance(sub, str) or not 0 < len(sub) <= 255 or not sub.isprintable(),
        }
        found = [name for name, wrong in flaws.items() if wrong]
        if found:
            raise UpstreamFailed(f"ID token: {', '.join(found)}")

    def _metadata(self) -> Mapping[str, Any]:
        found = self._published("metadata", self.upstream.issuer.rstrip("/") + DISCOVERY)
        schemes = ("https://",) if self.upstream.secure else ("https://", "http://")
        if found.get("issuer") != self.upstream.issuer:
            raise UpstreamFailed("its discovery is of another issuer")
        if not all(str(found.get(name, "")).startswith(schemes) for name in ENDPOINTS):
            raise UpstreamFailed("its discovery names no endpoints")
        return found

    def _client(self) -> OAuth2Session:
        from authlib.integrations.requests_client import OAuth2Session

        known = self._metadata().get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        method = "client_secret_basic" if "client_secret_basic" in known else "client_secret_post"
        client = OAuth2Session(
            self.upstream.client_id,
            self.upstream.client_secret,
            token_endpoint_auth_method=method if self.upstream.client_secret else "none",
            scope=self.upstream.scope,
            redirect_uri=self.redirect_uri,
            code_challenge_method="S256",
            default_timeout=SECONDS,
        )
        client.mount("https://", bounded := _bounded())
        client.mount("http://", bounded)
        return client

    def _published(self, what: str, url: str, *, again: bool = False) -> Mapping[str, Any]:
        young = AGAIN_SECONDS if again else KEPT_SECONDS
        # One asks; whoever comes meanwhile waits for what it finds.
        with self._asking:
            at, known = self._kept.get(what, (float("-inf"), {}))
            if time.monotonic() - at > young:
                known = _fetched(url)
                self._kept[what] = (time.monotonic(), known)
            return known


def _fetched(url: str) -> Mapping[str, Any]:
    import requests

    try:
        with requests.Session() as client:
            client.mount("https://", bounded := _bounded())
            client.mount("http://", bounded)
            answer = client.get(url, timeout=SECONDS, allow_redirects=False)
            if answer.status_code != 200:
                raise UpstreamFailed(f"answered {answer.status_code}")
            said = json.loads(answer.content)
    except (requests.RequestException, ValueError, OSError) as wrong:
        raise UpstreamFailed(f"not reached: {type(wrong).__name__}") from None
    if not isinstance(said, dict):
        raise UpstreamFailed("not a JSON object")
    return said


def _bounded() -> HTTPAdapter:
    """Takes answers up to a size and a time, whatever a library behind it would wait for."""
    import requests
    from requests.adapters import HTTPAdapter

    class Bounded(HTTPAdapter):
        def send(self, request: requests.PreparedRequest, *args: Any, **how: Any) -> requests.Response:
            ends, body = time.monotonic() + WHOLE_SECONDS, bytearray()
            answer = super().send(request, *args, **how | {"stream": True})
            while piece := answer.raw.read1(8192, decode_content=True):
                body += piece
                if len(body) > MAX_BYTES or time.monotonic() > ends:
                    answer.close()
                    raise requests.ReadTimeout("too much, or too slow")
            answer._content = bytes(body)  # what the library itself would have read
            return answer

    return Bounded()


def _is_text(claims: Mapping[str, Any], name: str) -> bool:
    value = claims.get(name)
    return isinstance(value, str) and value.isprintable()
