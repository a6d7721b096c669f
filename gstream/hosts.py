"""Which hosts are this machine. Pure."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its name alone.

    Names below `localhost` are not: the resolver may send them anywhere.
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
