"""Logging in: JWT bearer, client credentials, refresh token. The password grant is blocked."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
from jwt.types import Options

from target_salesforce.sandbox import identity
from target_salesforce.sandbox.org import Org

_JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_AUDIENCES = ("https://login.salesforce.com", "https://test.salesforce.com")


class OAuthError(Exception):
    """An error of the token endpoint."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.body = {"error": error, "error_description": description}


@dataclass(slots=True)
class App:
    """The External Client App that this org knows; without a certificate any key may sign."""

    client_id: str
    client_secret: str
    refresh_token: str
    certificate: str = ""


@dataclass(slots=True)
class OAuth:
    """The token endpoint and the sessions that it gave."""

    org: Org
    app: App
    sessions: dict[str, int] = field(default_factory=dict)

    def token(self, form: Mapping[str, str], authorization: str, url: str) -> dict[str, Any]:
        """Return a token for what the form proves. Raises `OAuthError`."""
        client, secret = form.get("client_id"), form.get("client_secret")
        if authorization.lower().startswith("basic "):
            client, _, secret = base64.b64decode(authorization[6:]).decode().partition(":")
        match form.get("grant_type"):
            case "client_credentials":
                self._check(client, secret)
            case "refresh_token":
                self._check(client, secret if secret else self.app.client_secret)
                if form.get("refresh_token") != self.app.refresh_token:
                    raise OAuthError("invalid_grant", "expired access/refresh token")
            case grant if grant == _JWT:
                self._check_assertion(form.get("assertion", ""), url)
            case "password":
                raise OAuthError("invalid_grant", "authentication failure")
            case _:
                raise OAuthError("unsupported_grant_type", "grant type not supported")
        return self._session(url, signed=form.get("grant_type") != _JWT)

    def allows(self, authorization: str) -> bool:
        """Say whether a session is good, and count its use."""
        token = authorization.partition(" ")[2]
        if token not in self.sessions:
            return False
        self.sessions[token] += 1
        most = self.org.switches.session_calls
        if most and self.sessions[token] > most:
            del self.sessions[token]
            return False
        return True

    def user_info(self, url: str) -> dict[str, Any]:
        """Return what OpenID Connect tells of the user."""
        return identity.user_info(self._user(), self.org.org_id, url)

    def identity(self, url: str) -> dict[str, Any]:
        """Return what the identity service tells of the user."""
        return identity.identity(self._user(), self.org.org_id, url)

    def _user(self) -> dict[str, Any]:
        user = self.org.store.one(self.org.user_id)
        assert user is not None
        return user

    def _check(self, client: str | None, secret: str | None) -> None:
        if client != self.app.client_id:
            raise OAuthError("invalid_client_id", "client identifier invalid")
        if secret != self.app.client_secret:
            raise OAuthError("invalid_client", "invalid client credentials")

    def _check_assertion(self, assertion: str, url: str) -> None:
        try:
            # Audience and age are checked below, with the texts that Salesforce has for them.
            checks: Options = {
                "verify_signature": bool(self.app.certificate),
                "verify_aud": False,
                "verify_exp": False,
            }
            claims = jwt.decode(assertion, self.app.certificate, algorithms=["RS256"], options=checks)
        except jwt.InvalidTokenError:
            raise OAuthError("invalid_grant", "invalid assertion") from None
        if claims.get("iss") != self.app.client_id:
            raise OAuthError("invalid_client_id", "client identifier invalid")
        if str(claims.get("aud")).rstrip("/") not in (*_AUDIENCES, url):
            raise OAuthError("invalid_grant", "audience is invalid")
        # No upper bound, whatever the manual says: Salesforce's CLI sends milliseconds (@salesforce/core).
        if float(claims.get("exp", 0)) <= time.time():
            raise OAuthError("invalid_grant", "assertion is not valid")
        if claims.get("sub") != self._user()["Username"]:
            raise OAuthError("invalid_grant", "user hasn't approved this consumer")

    def _session(self, url: str, *, signed: bool) -> dict[str, Any]:
        """Begin a session; the reply to a JWT has neither signature nor time."""
        number = len(self.sessions) + 1
        digest = hashlib.sha256(f"{self.app.client_id}:{number}:{time.time_ns()}".encode()).hexdigest()
        token = f"{self.org.org_id[:15]}!{digest}"
        self.sessions[token] = 0
        told = {
            "access_token": token, "scope": "api refresh_token", "instance_url": url,
            "id": identity.address(self._user(), self.org.org_id, url), "token_type": "Bearer",
        }  # fmt: skip
        if signed:
            told |= {"signature": digest[:43], "issued_at": str(time.time_ns() // 1_000_000)}
        return told
