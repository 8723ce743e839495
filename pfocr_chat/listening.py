"""A socket to serve at, had before anything else is done."""

from __future__ import annotations

import socket

from pfocr_chat.errors import PfocrChatError


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens at the address, so that a port in use is found out before anything else.

    Raises:
        PfocrChatError: the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except (OSError, OverflowError) as error:
        listener.close()
        raise PfocrChatError(
            f"Cannot serve at {host}:{port}: {_reason(error)}. Choose another with --host or --port."
        ) from error
    return listener


def _reason(error: OSError | OverflowError) -> str:
    if isinstance(error, OverflowError):
        return "a port is a number from 0 to 65535"
    return (error.strerror or str(error)).lower()
