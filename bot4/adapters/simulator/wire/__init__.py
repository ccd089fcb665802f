"""Rules of the wire: parameters, signatures, timing, limits, errors. Nothing here knows of orders or sockets."""
