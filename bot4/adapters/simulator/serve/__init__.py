"""Sockets: REST, market streams, WebSocket API and administration on one port."""
