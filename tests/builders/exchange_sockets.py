"""An account that logs on, and orders of the WebSocket API."""

from __future__ import annotations

import asyncio
import base64
import time

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from bot4.adapters.simulator.accounts import AccountSpec, KeySpec

LIMIT = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}


def run(test):
    asyncio.run(test())


def ed25519_account(name: str) -> tuple[ed25519.Ed25519PrivateKey, AccountSpec]:
    key = ed25519.Ed25519PrivateKey.generate()
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return key, AccountSpec(name, (KeySpec(f"{name}key", public_key=pem.decode()),), {"USDT": 10**13, "BTC": 10**9})


def ed25519_params(key: ed25519.Ed25519PrivateKey, **params) -> dict[str, object]:
    params.setdefault("timestamp", time.time_ns() // 1_000_000)
    text = "&".join(f"{name}={params[name]}" for name in sorted(params))
    return params | {"signature": base64.b64encode(key.sign(text.encode())).decode()}
