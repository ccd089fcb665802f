"""Signatures of Binance requests: HMAC-SHA256, RSA and Ed25519, over exactly the bytes that are sent.

REST signs the percent-encoded query; the WebSocket API signs ``name=value`` pairs in alphabetical order, as UTF-8.
Source: binance/binance-spot-api-docs rest-api.md and web-socket-api.md, "SIGNED request" (2026-07-21). Since
2026-01-15 a payload that is not percent-encoded before it is signed is refused with -1022.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote

from bot4.domain.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from bot4.domain.secret import Secret

_RSA_BITS_MIN = 2_048
_PEM_MARK = b"-----BEGIN"


class Signer(Protocol):
    """One way to sign. Thread-safe."""

    @property
    def has_sessions(self) -> bool:
        """Whether the WebSocket API takes a logon with it, so that later requests need no signature."""
        ...

    def sign(self, payload: str) -> str:
        """Return the signature of a payload, before any encoding for a URL."""
        ...


class HmacSigner:
    """HMAC-SHA256 in lower-case hex, of a shared secret."""

    has_sessions = False

    def __init__(self, secret: Secret) -> None:
        self._secret = secret

    def sign(self, payload: str) -> str:
        """Return 64 hex digits."""
        return hmac.new(self._secret.reveal(), payload.encode("utf-8"), hashlib.sha256).hexdigest()


class RsaSigner:
    """RSASSA-PKCS1-v1_5 with SHA-256, in base64."""

    has_sessions = False

    def __init__(self, key: RSAPrivateKey) -> None:
        if key.key_size < _RSA_BITS_MIN:
            raise ConfigError(f"an RSA key must have at least {_RSA_BITS_MIN} bits, was {key.key_size}")
        self._key = key

    def sign(self, payload: str) -> str:
        """Return base64."""
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415 - extra `live`
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

        return base64.b64encode(self._key.sign(payload.encode("utf-8"), PKCS1v15(), SHA256())).decode("ascii")


class Ed25519Signer:
    """Ed25519, in base64; the only kind with sessions on the WebSocket API."""

    has_sessions = True

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    def sign(self, payload: str) -> str:
        """Return base64."""
        return base64.b64encode(self._key.sign(payload.encode("utf-8"))).decode("ascii")


def make_signer(secret: Secret) -> Signer:
    """Return the signer a secret is for: a PEM private key (PKCS#8) by its kind, anything else is an HMAC secret.

    Raises
    ------
    ConfigError
        The PEM text cannot be read, or is neither RSA nor Ed25519. Nothing of the key is in the message.

    """
    if not secret.reveal().lstrip().startswith(_PEM_MARK):
        return HmacSigner(secret)
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - extra `live`
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    try:
        key = load_pem_private_key(secret.reveal(), password=None)
    except (ValueError, TypeError):
        raise ConfigError("the private key is not an unencrypted PKCS#8 PEM key") from None
    if isinstance(key, Ed25519PrivateKey):
        return Ed25519Signer(key)
    if isinstance(key, RSAPrivateKey):
        return RsaSigner(key)
    raise ConfigError(f"the private key must be RSA or Ed25519, was {type(key).__name__}")


def encode_query(params: Mapping[str, str]) -> str:
    r"""Return ``name=value`` pairs joined by ``&``, percent-encoded as UTF-8, in the order given.

    >>> encode_query({"symbol": "\u20bf", "note": "a b&c"})
    'symbol=%E2%82%BF&note=a%20b%26c'
    """
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in params.items())


def signed_query(params: Mapping[str, str], signer: Signer) -> str:
    """Return the encoded query with its signature at the end."""
    query = encode_query(params)
    return f"{query}&signature={quote(signer.sign(query), safe='')}"


def session_payload(params: Mapping[str, str | int | bool]) -> str:
    """Return what a WebSocket API request signs: its parameters but the signature, by name.

    >>> session_payload({"timestamp": 7, "apiKey": "k", "omitZeroBalances": True})
    'apiKey=k&omitZeroBalances=true&timestamp=7'
    """
    return "&".join(f"{name}={_text(params[name])}" for name in sorted(params) if name != "signature")


def _text(value: str | bool | int) -> str:  # noqa: FBT001 - a JSON value
    return str(value).lower() if isinstance(value, bool) else str(value)
