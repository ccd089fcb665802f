"""Signatures against the venue's published vectors, and the keys that are refused."""

from __future__ import annotations

import base64
import copy
import pickle

import pytest

from bot4.adapters.venues.binance.sign import (
    Ed25519Signer,
    HmacSigner,
    RsaSigner,
    encode_query,
    make_signer,
    session_payload,
    signed_query,
)
from bot4.domain.errors import ConfigError
from bot4.domain.secret import Secret

# Published for checking implementations: binance-spot-api-docs, "SIGNED request example (HMAC)" and fix-api.md.
HMAC_SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"  # noqa: S105
HMAC_KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
ED25519_PEM = """-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIIJEYWtGBrhACmb9Dvy+qa8WEf0lQOl1s4CLIAB9m89u
-----END PRIVATE KEY-----
"""
FULL_WIDTH = "\uff11\uff12\uff13\uff14\uff15\uff16"
REST = {
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "1",
    "price": "0.1",
    "recvWindow": "5000",
    "timestamp": "1499827319559",
}


@pytest.mark.parametrize(
    ("symbol", "signature"),
    [
        ("LTCBTC", "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"),
        (FULL_WIDTH, "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3"),
    ],
)
def test_hmac_of_a_rest_request_is_the_published_one(symbol, signature):
    query = signed_query({"symbol": symbol, **REST}, HmacSigner(Secret(HMAC_SECRET)))
    assert query.endswith(f"&signature={signature}")
    assert query.isascii(), "what is sent is what was signed"


@pytest.mark.parametrize(
    ("changes", "signature"),
    [
        ({}, "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24"),
        (
            {"symbol": FULL_WIDTH, "side": "BUY", "quantity": "1.00000000", "price": "0.10000000", "recvWindow": 5000},
            "b33892ae8e687c939f4468c6268ddd4c40ac1af18ad19a064864c47bae0752cd",
        ),
    ],
)
def test_hmac_of_a_session_request_is_the_published_one(changes, signature):
    params = {
        "symbol": "BTCUSDT",
        "side": "SELL",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "0.01000000",
        "price": "52000.00",
        "recvWindow": 100,
        "timestamp": 1645423376532,
        "apiKey": HMAC_KEY,
        "signature": "left out",
    } | changes
    assert HmacSigner(Secret(HMAC_SECRET)).sign(session_payload(params)) == signature


def test_ed25519_signature_is_the_published_one():
    signer = make_signer(Secret(ED25519_PEM))
    assert isinstance(signer, Ed25519Signer)
    assert signer.has_sessions
    payload = "A\x01EXAMPLE\x01SPOT\x011\x0120240627-11:17:25.223"
    expected = "4MHXelVVcpkdwuLbl6n73HQUXUf1dse2PCgT1DYqW9w8AVZ1RACFGM+5UdlGPrQHrgtS3CvsRURC1oj73j8gCA=="
    assert signer.sign(payload) == expected


def pem(key) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat  # noqa: PLC0415

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def test_rsa_signature_verifies_with_the_public_key_and_is_encoded_for_the_url():
    from cryptography.hazmat.primitives.asymmetric import padding, rsa  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    signer = make_signer(Secret(pem(key)))
    assert isinstance(signer, RsaSigner)
    assert not signer.has_sessions
    raw = base64.b64decode(signer.sign("a=1"))
    key.public_key().verify(raw, b"a=1", padding.PKCS1v15(), SHA256())
    signature = signed_query({"a": "1"}, signer).partition("&signature=")[2]
    assert "+" not in signature
    assert "/" not in signature
    assert signature.endswith("%3D%3D")


def test_keys_that_cannot_sign_are_refused_without_being_shown():
    from cryptography.hazmat.primitives.asymmetric import ec, rsa  # noqa: PLC0415

    weak = pem(rsa.generate_private_key(public_exponent=65537, key_size=1024))  # noqa: S505 - to be refused
    wrong = pem(ec.generate_private_key(ec.SECP256R1()))
    torn = ED25519_PEM.replace("MC4C", "////")
    for secret, rule in (
        (weak, "at least 2048 bits, was 1024"),
        (wrong, "RSA or Ed25519"),
        (torn, "not an unencrypted"),
    ):
        with pytest.raises(ConfigError, match=rule) as caught:
            make_signer(Secret(secret))
        assert secret.split("\n")[1][:20] not in str(caught.value)
        assert caught.value.exit_code == 78


def test_anything_that_is_not_pem_is_an_hmac_secret():
    assert isinstance(make_signer(Secret("0123456789abcdef")), HmacSigner)


def test_every_byte_outside_the_unreserved_ones_is_percent_encoded():
    assert encode_query({"a b": "x+y&z=/~"}) == "a%20b=x%2By%26z%3D%2F~"


def test_a_secret_does_not_show_itself():
    secret = Secret("CANARY")
    shown = [repr(secret), str(secret), f"{secret}", repr([secret]), repr({"k": secret})]
    assert not any("CANARY" in text for text in shown)
    for copying in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not pickled"):
            copying(secret)
    with pytest.raises(TypeError):
        hash(secret)
    with pytest.raises(ValueError, match="empty"):
        Secret("")
    assert secret == Secret(b"CANARY")
    assert secret != Secret("other")
    assert secret != b"CANARY"
    assert not hasattr(secret, "__dict__")
