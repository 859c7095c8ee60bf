"""Reads from a certificate file until when it is valid."""

from pathlib import Path

from cryptography.x509 import load_pem_x509_certificates


def read_expiry(chain: str) -> float:
    """Returns the unix time in seconds at which the first certificate of a PEM file to become invalid does so. Raises OSError, and
    ValueError where there is no certificate in the file."""
    return min(one.not_valid_after_utc.timestamp() for one in load_pem_x509_certificates(Path(chain).read_bytes()))
