"""Keys and signatures: HMAC-SHA256, Ed25519 and RSA over the text exactly as it came.

Source: binance-spot-api-docs rest-api.md and web-socket-api.md (2026-07-21), "SIGNED endpoint security".
"""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot4.domain.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key of an account.

    Parameters
    ----------
    name : str
        What is sent as ``X-MBX-APIKEY`` or ``apiKey``.
    account : int
        Whose it is.
    kind : str
        ``hmac``, ``ed25519`` or ``rsa``.
    verify : callable
        Takes the signed text and the signature; true where they belong together.
    may_trade : bool
        Whether it may place and cancel orders.
    may_withdraw : bool
        What is told of that right; nothing can be withdrawn.

    """

    name: str
    account: int
    kind: str
    verify: Callable[[bytes, str], bool]
    may_trade: bool = True
    may_withdraw: bool = False


def hmac_verifier(secret: str) -> Callable[[bytes, str], bool]:
    """Return the check of hex HMAC-SHA256 signatures; letters in either case."""
    key = secret.encode()

    def verify(payload: bytes, signature: str) -> bool:
        if not signature.isascii():
            return False
        return hmac.compare_digest(hmac.digest(key, payload, "sha256").hex(), signature.lower())

    return verify


def public_key_verifier(pem: str) -> tuple[str, Callable[[bytes, str], bool]]:
    """Return kind and check of an Ed25519 or RSA public key.

    Raises
    ------
    ConfigError
        The text is no PEM public key of these kinds.

    """
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - only exchanges with such keys need it
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa  # noqa: PLC0415

    try:
        key = serialization.load_pem_public_key(pem.encode())
    except ValueError:
        raise ConfigError("a public key must be PEM text of an Ed25519 or RSA key") from None
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "ed25519", _base64_verifier(key.verify, InvalidSignature)
    if isinstance(key, rsa.RSAPublicKey):

        def check(signature: bytes, data: bytes) -> None:
            key.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())

        return "rsa", _base64_verifier(check, InvalidSignature)
    raise ConfigError(f"a public key must be Ed25519 or RSA, was {type(key).__name__}")


def _base64_verifier(check: Callable[[bytes, bytes], None], mismatch: type[Exception]) -> Callable[[bytes, str], bool]:
    def verify(payload: bytes, signature: str) -> bool:
        try:
            check(base64.b64decode(signature, validate=True), payload)
        except (mismatch, binascii.Error, ValueError):
            return False
        return True

    return verify


def ws_signed_text(params: Mapping[str, str]) -> str:
    """Return what a WebSocket API signature covers: parameters without it, by name, each value as it was sent."""
    return "&".join(f"{name}={params[name]}" for name in sorted(params) if name != "signature")
