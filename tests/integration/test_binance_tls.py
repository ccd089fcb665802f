"""Certificates are verified: an unknown authority and another host's name are refused before a byte is sent."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import ssl

import pytest
from aiohttp import web

from bot4.adapters.venues.binance.access import Endpoints, Operation, Success
from bot4.adapters.venues.binance.budget import RateBudget
from bot4.adapters.venues.binance.errors_spot import SPOT_ERRORS
from bot4.adapters.venues.binance.rest import RestClient
from bot4.domain.errors import ConfigError
from bot4.ports.venue_outcome import Unknown

TIME = Operation("", "GET", "/api/v3/time", weight=1, is_signed=False)


def certificate(folder, address: str):
    """A self-signed certificate for one address; returns its file and its key's."""
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bot4 tests")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / f"{address}.pem", folder / f"{address}.key"
    cert_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return cert_file, key_file


async def asked(cert_file, key_file, trusted):
    """Serve with one certificate, ask while trusting `trusted`; the outcome and how many requests arrived."""
    arrived = []

    async def serve(_request):
        arrived.append(1)
        return web.json_response({"serverTime": 1})

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert_file, key_file)
    app = web.Application()
    app.router.add_get("/api/v3/time", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    endpoints = Endpoints(rest=f"https://127.0.0.1:{runner.addresses[0][1]}", ws_api="", ca_file=trusted)
    client = RestClient(endpoints, None, RateBudget(now_ns=lambda: 0), SPOT_ERRORS, timeout_s=5.0)
    await client.start()
    try:
        return await client.call(TIME, {}), len(arrived)
    finally:
        await client.close()
        await runner.cleanup()


def test_a_certificate_of_the_authority_named_is_taken(tmp_path):
    cert_file, key_file = certificate(tmp_path, "127.0.0.1")
    outcome, arrived = asyncio.run(asked(cert_file, key_file, cert_file))
    assert isinstance(outcome, Success)
    assert arrived == 1


def test_an_unknown_authority_and_another_hosts_certificate_are_refused(tmp_path):
    ours, our_key = certificate(tmp_path, "127.0.0.1")
    other, other_key = certificate(tmp_path, "127.0.0.2")
    for served, key, trusted in ((ours, our_key, None), (ours, our_key, other), (other, other_key, other)):
        outcome, arrived = asyncio.run(asked(served, key, trusted))
        assert isinstance(outcome, Unknown)
        assert "Certificate" in outcome.cause
        assert arrived == 0


def test_verification_cannot_be_switched_off_and_an_unreadable_authority_is_named(tmp_path):
    context = Endpoints(rest="https://x.example", ws_api="").tls()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    with pytest.raises(ConfigError, match="cannot be used"):
        Endpoints(rest="https://x.example", ws_api="", ca_file=tmp_path / "absent.pem").tls()
