"""Whether a request comes from Customer.io (docs.customer.io, Reporting webhooks: verifying requests)."""

from __future__ import annotations

import hashlib
import hmac


def sign(key: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 of `v0:<timestamp>:<body>` with the signing key, in hex."""
    return hmac.new(key.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()


def valid(key: str, timestamp: str, signature: str, body: bytes, *, now: float, max_age: float) -> bool:
    """Whether the signature is right and not older (or newer) than `max_age` seconds."""
    if not timestamp.isascii() or not timestamp.isdecimal() or abs(now - int(timestamp)) > max_age:
        return False
    return hmac.compare_digest(sign(key, timestamp, body), signature.strip().lower())
