"""A small OpenID provider on loopback, over TLS: real keys, codes that work once, PKCE checked.

It runs in a thread of its own. What a test changes of it (`claims`, `tampered`, `key`, ...) holds
from the next request on.
"""

import base64
import hmac
import json
import ssl
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from secrets import token_urlsafe
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import ECKey
from joserfc.jws import JWSRegistry

from fakes.authority import Authority

BASIC = "client_secret_basic"
CLIENT, SECRET = "vigie", "s3cret: of+a client"
Json = dict[str, Any]


def a_key(name: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": name, "use": "sig"})


def unsigned(*parts: Json) -> bytes:
    """The first two parts of a token."""
    texts = [base64.urlsafe_b64encode(json.dumps(part).encode()) for part in parts]
    return b".".join(text.rstrip(b"=") for text in texts)


class _AnyHeader(JWSRegistry):
    max_header_length = 64 * 1024

    def check_header(self, header: Json) -> None:
        """Nothing is wrong with it."""


def signed(header: Json, claims: Json, key: ECKey) -> str:
    """A token with whatever header."""
    return jwt.encode(header, claims, key, registry=_AnyHeader(algorithms=["ES256"]))


def by_secret(header: Json, claims: Json, secret: bytes) -> str:
    """A token signed by a secret, which libraries refuse to do with a public key."""
    signed = unsigned(header, claims)
    made = base64.urlsafe_b64encode(hmac.digest(secret, signed, "sha256")).rstrip(b"=")
    return f"{signed.decode()}.{made.decode()}"


@dataclass(frozen=True, slots=True)
class _Granted:
    """What a code stands for."""

    nonce: str
    challenge: str
    redirect_uri: str


@dataclass
class IdentityProvider:
    """`claims` go into the ID token, `more` into userinfo; None as a value leaves a claim out.

    `tampered` may change an ID token's header and claims before they are signed.
    """

    folder: Path
    now: Callable[[], datetime]
    subject: str = "f:1:899700218896"
    claims: Json = field(default_factory=dict)
    more: Json = field(default_factory=dict)
    describes_at: str = "openid-configuration"
    described: Json = field(default_factory=dict)
    tampered: Callable[[Json, Json], None] = lambda _header, _claims: None
    heads: Json = field(default_factory=dict)
    """More of an ID token's header."""
    key: ECKey = field(default_factory=lambda: a_key("first"))
    published: list[ECKey] = field(default_factory=list)
    shared: bytes = SECRET.encode()
    """What signs an ID token whose algorithm was tampered to HS256."""
    wants_secret: bool = True
    signs_userinfo: bool = False
    says_no: str = ""
    silent: bool = False
    answers: dict[str, bytes] = field(default_factory=dict)
    """Bytes to answer with, by path, instead of what is asked for."""
    asked: list[str] = field(default_factory=list)
    """The paths that were asked for."""
    port: int = 0
    released: Event = field(default_factory=Event)
    codes: dict[str, _Granted] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)

    @property
    def issuer(self) -> str:
        return f"https://localhost:{self.port}/realms/soins"

    @property
    def authorities(self) -> Path:
        return self.folder / "authority.pem"

    @property
    def secret_file(self) -> Path:
        return self.folder / "client-secret"

    def description(self) -> Json:
        usual: Json = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/auth",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/keys",
            "end_session_endpoint": f"{self.issuer}/logout",
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        }
        return {name: one for name, one in (usual | self.described).items() if one is not None}

    def id_token(self, nonce: str) -> str:
        at = int(self.now().timestamp())
        header: Json = {"alg": "ES256", "kid": self.key.kid}
        claims: Json = {
            "iss": self.issuer,
            "sub": self.subject,
            "aud": CLIENT,
            "iat": at,
            "exp": at + 60,
            "nonce": nonce,
            **self.claims,
        }
        self.tampered(header, claims)
        claims = {name: one for name, one in claims.items() if one is not None}
        if header["alg"] == "none":
            return f"{unsigned(header, claims).decode()}."
        if header["alg"] == "HS256":
            return by_secret(header, claims, self.shared)
        return signed(header | self.heads, claims, self.key)

    def authorized(self, asked: Mapping[str, str]) -> str:
        """Where the browser is sent back to, with the person's consent."""
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT
        assert "openid" in asked["scope"].split()
        assert asked["code_challenge_method"] == "S256"
        answer = {"state": asked["state"], "iss": self.issuer}
        if self.says_no:
            answer["error"] = self.says_no
        else:
            answer["code"] = token_urlsafe(16)
            self.codes[answer["code"]] = _Granted(
                asked["nonce"], asked["code_challenge"], asked["redirect_uri"]
            )
        return f"{asked['redirect_uri']}?{urlencode(answer)}"

    def client_of(
        self, authorization: str | None, asked: Mapping[str, str]
    ) -> tuple[str | None, str | None]:
        """Who asks and with which secret, by one of the ways that are described."""
        methods = self.description().get("token_endpoint_auth_methods_supported", [BASIC])
        if authorization is not None and BASIC in methods:
            pair = base64.b64decode(authorization.removeprefix("Basic ")).decode()
            client, _, secret = pair.partition(":")
            return unquote(client), unquote(secret)
        return asked.get("client_id"), asked.get("client_secret")

    def exchanged(self, authorization: str | None, asked: Mapping[str, str]) -> tuple[int, Json]:
        """The answer of the token endpoint."""
        if self.client_of(authorization, asked) != (CLIENT, SECRET if self.wants_secret else None):
            return 401, {"error": "invalid_client"}
        granted = self.codes.pop(asked["code"], None)
        if (
            granted is None
            or granted.redirect_uri != asked["redirect_uri"]
            or create_s256_code_challenge(asked["code_verifier"]) != granted.challenge
        ):
            return 400, {"error": "invalid_grant"}
        access = token_urlsafe(16)
        self.tokens.add(access)
        id_token = self.id_token(granted.nonce)
        return 200, {"access_token": access, "token_type": "Bearer", "id_token": id_token}

    def told(self, authorization: str) -> tuple[str, bytes]:
        """The kind and body of userinfo."""
        assert authorization.removeprefix("Bearer ") in self.tokens
        claims = {"sub": self.subject, **self.more}
        if self.signs_userinfo:
            header = {"alg": "ES256", "kid": self.key.kid}
            return "application/jwt", jwt.encode(header, claims, self.key).encode()
        return "application/json", json.dumps(claims).encode()

    def keys(self) -> Json:
        return {"keys": [key.as_dict(private=False) for key in self.published or [self.key]]}


@contextmanager
def identity_provider(folder: Path, now: Callable[[], datetime]) -> Iterator[IdentityProvider]:
    """Serves on a free port until the block is left."""
    provider = IdentityProvider(folder, now)
    authority = Authority()
    key, chain = authority.server_files()
    (folder / "provider.key").write_bytes(key)
    (folder / "provider.pem").write_bytes(chain)
    provider.authorities.write_bytes(chain)
    provider.secret_file.write_text(f"{SECRET}\n")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / "provider.pem", folder / "provider.key")

    class Answering(_Answering):
        of = provider

    server = _Server(("127.0.0.1", 0), Answering)
    server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.daemon_threads = True
    provider.port = server.server_address[1]
    thread = Thread(target=lambda: server.serve_forever(poll_interval=0.02))
    thread.start()
    try:
        yield provider
    finally:
        provider.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Lets go of a browser that does not know the authority, or has gone; tells the rest."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Answering(BaseHTTPRequestHandler):
    of: IdentityProvider

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        place = urlsplit(self.path)
        asked = dict(parse_qsl(place.query))
        match self._began(place.path):
            case path if path == f"/realms/soins/.well-known/{self.of.describes_at}":
                self._tell(200, self.of.description())
            case "/realms/soins/keys":
                self._tell(200, self.of.keys())
            case "/realms/soins/userinfo":
                kind, body = self.of.told(self.headers["Authorization"])
                self._send(200, kind, body)
            case "/realms/soins/auth":
                self._lead(self.of.authorized(asked))
            case "/realms/soins/logout":
                self._lead(asked["post_logout_redirect_uri"])
            case None:
                pass
            case _:
                self._tell(404, {})

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        asked = dict(parse_qsl(self.rfile.read(length).decode()))
        if self._began(self.path) == "/realms/soins/token":
            self._tell(*self.of.exchanged(self.headers.get("Authorization"), asked))

    def _began(self, path: str) -> str | None:
        """The path; None where it is answered already, or never will be."""
        self.of.asked.append(path)
        if self.of.silent:
            self.of.released.wait()
            return None
        instead = self.of.answers.get(path.rpartition("/")[2])
        if instead is not None:
            self._send(200, "application/json", instead)
            return None
        return path

    def _tell(self, status: int, told: Json) -> None:
        self._send(status, "application/json", json.dumps(told).encode())

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _lead(self, to: str) -> None:
        self.send_response(303)
        self.send_header("Location", to)
        self.send_header("Content-Length", "0")
        self.end_headers()
