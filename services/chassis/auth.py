"""Who is calling: short-lived signed tokens between the parts of the platform.

Every service has an ES256 key of its own; all public keys are in one trust file (a JWKS whose key ids are service
names). The gateway turns a valid access token into an identity token for the one service it calls; a service that calls
another vouches for itself alone, and may invoke there what its SPEC declares. Nobody but the gateway may vouch for a
user, and no identity header from outside is ever read. A token lives for seconds; whoever receives it sees to that.
Format: JWT (RFC 7519) in JWS compact form (RFC 7515), header `x-autional-identity`.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from services.chassis.errors import FORBIDDEN, UNAUTHENTICATED, ServiceError
from services.chassis.logging import get_logger
from services.chassis.trust import Trust

log = get_logger(__name__)

HEADER = "x-autional-identity"
EDGE = "gateway"
_LIFE_S = 10  # renewed at half of it
_LONGEST_S = 15  # that a receiver accepts
_LEEWAY_S = 5
_CACHED_TOKENS = 4096
_LOOK_EVERY_S = 1.0
_ALGORITHMS = ["ES256"]


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller as a service sees it. `user_id` is None for a service's own call and for a visitor."""

    caller: str
    user_id: UUID | None = None
    session_id: UUID | None = None
    client_ip: str = ""
    user_agent: str = ""


class Signer:
    """Makes this service's tokens; a token is reused for half its life."""

    def __init__(self, service: str, private_key_file: Path, *, life_s: int = _LIFE_S) -> None:
        self._service = service
        self._life_s = life_s
        self._file = private_key_file
        self._look_at = 0.0
        self._version = self._stamp()
        self._key = ECKey.import_key(private_key_file.read_text())
        self._cache: OrderedDict[tuple[Any, ...], tuple[float, str]] = OrderedDict()  # with when each was made

    def token(self, audience: str, principal: Principal | None = None) -> str:
        """Return a token for `audience`, carrying the user in `principal` if there is one."""
        self._refresh()
        about = principal or Principal(self._service)
        cache_key = (audience, about)
        now = time.time()
        cached = self._cache.get(cache_key)
        if cached is not None and 0 <= now - cached[0] < self._life_s / 2:  # not one from before a clock was set back
            return cached[1]
        token = self._sign(audience, about, int(now))
        self._cache[cache_key] = (now, token)
        if len(self._cache) > _CACHED_TOKENS:
            self._cache.popitem(last=False)
        return token

    def _refresh(self) -> None:
        """Take the key anew when its file has changed; looked for once a second. The last good one stays in use."""
        if time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + _LOOK_EVERY_S
        try:
            found = self._stamp()
            if found == self._version:
                return
            self._key = ECKey.import_key(self._file.read_text())
        except (OSError, ValueError, JoseError) as error:
            log.warning("private key not readable; the last good one stays in use", error=repr(error))
            return
        self._version = found
        self._cache.clear()

    def _stamp(self) -> tuple[int, ...]:
        found = self._file.stat()
        return (found.st_mtime_ns, found.st_size, found.st_ino)

    def may_be_late(self, sent: float) -> bool:
        """Return whether a token sent at `sent` (Unix seconds) may have expired before it was looked at.

        That takes a sleep of the machine. A refusal then says nothing of the caller, and nothing was done.
        """
        return not 0 <= time.time() - sent < self._life_s / 2

    def _sign(self, audience: str, about: Principal, now: int) -> str:
        claims: dict[str, Any] = {"iss": self._service, "aud": audience, "iat": now, "exp": now + self._life_s}
        if about.user_id is not None:
            claims["sub"] = str(about.user_id)
        if about.session_id is not None:
            claims["sid"] = str(about.session_id)
        if about.client_ip:
            claims["ip"] = about.client_ip
        if about.user_agent:
            claims["ua"] = about.user_agent[:256]
        return jwt.encode({"alg": "ES256", "kid": self._service}, claims, self._key)


class Verifier:
    """Checks tokens made for this service against the trust file, and what their signer may invoke."""

    def __init__(self, service: str, trust_file: Path) -> None:
        self._service = service
        self._trust = Trust(service, trust_file)

    def verify(self, token: str) -> Principal:
        """Return who signed `token` and for whom.

        Raises `ServiceError(UNAUTHENTICATED)` for anything that is not beyond doubt.
        """
        self._trust.refresh()
        try:
            return self._principal(token)
        except ServiceError:
            if not self._trust.refresh(now=True):
                raise
        return self._principal(token)  # its signer has just joined

    def verify_rpc(self, token: str, method: str) -> Principal:
        """Return who invokes the gRPC method `method`, written `package.Service/Method`.

        Raises `UNAUTHENTICATED`; `FORBIDDEN` for a caller whose SPEC does not declare it.
        """
        principal = self.verify(token)
        if not self._trust.allows_rpc(principal.caller, method.rpartition("/")[2]):
            raise ServiceError(FORBIDDEN)
        return principal

    def verify_peer(self, token: str, method: str, path: str) -> Principal:
        """Return which service invokes an HTTP operation for itself; `path` is the decoded one.

        Raises `UNAUTHENTICATED`; `FORBIDDEN` for a caller whose SPEC does not declare it, and for the gateway.
        """
        principal = self.verify(token)
        if principal.caller == EDGE or not self._trust.allows_http(principal.caller, method, path):
            raise ServiceError(FORBIDDEN)
        return principal

    def _principal(self, token: str) -> Principal:
        try:
            decoded = jwt.decode(token, self._trust.keys, algorithms=_ALGORITHMS)
            claims = decoded.claims
            caller = str(claims["iss"])
            trusted = decoded.header.get("kid") == caller and claims["aud"] == self._service
            alive = _is_alive(float(claims["iat"]), float(claims["exp"]), time.time())
            user_id = UUID(claims["sub"]) if "sub" in claims else None
            session_id = UUID(claims["sid"]) if "sid" in claims else None
        except _DOUBTS as error:
            raise ServiceError(UNAUTHENTICATED) from error
        if not trusted or not alive or (user_id is not None and caller != EDGE):
            raise ServiceError(UNAUTHENTICATED)
        return Principal(caller, user_id, session_id, str(claims.get("ip", "")), str(claims.get("ua", "")))


# What reading a token of anybody's making can raise: nested without end (RecursionError), numbers without end.
_DOUBTS = (JoseError, KeyError, ValueError, TypeError, AttributeError, OverflowError, RecursionError)


def _is_alive(issued_at: float, expires_at: float, now: float) -> bool:
    """Whether a token counts: not yet expired, and not made to count for longer than a receiver accepts."""
    lives_s = expires_at - issued_at
    return 0 < lives_s <= _LONGEST_S and issued_at - _LEEWAY_S <= now < expires_at + _LEEWAY_S
