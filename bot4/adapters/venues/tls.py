"""Encryption towards venues: the certificate is always checked; there is no way to switch that off."""

from __future__ import annotations

import ssl
from functools import cache

from bot4.domain.errors import ConfigError


def tls_context(ca_file: str | None = None) -> ssl.SSLContext:
    """Return the context of a client that checks certificate and host name, TLS 1.2 or later.

    Parameters
    ----------
    ca_file : str, optional
        PEM file of the authorities to trust instead of the system's, for an exchange of one's own.

    Raises
    ------
    ConfigError
        The file cannot be read or holds no certificate.

    """
    if not ca_file:
        return _system_context()
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"certificates of {ca_file} cannot be used: {error}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


@cache
def _system_context() -> ssl.SSLContext:
    """Return the one context that trusts the system's authorities: reading them takes some 45 ms."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
