"""A certificate that nobody vouches for: encryption and cameras (browsers open none without HTTPS), for a local network or a trial.

It stays the same from start to start, so that who has accepted it is not asked again.
"""

import datetime
import ipaddress
import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LASTS = datetime.timedelta(days=397)
"""Apple's systems refuse server certificates that are made for longer than 398 days."""
RENEWED_BEFORE = datetime.timedelta(days=14)


def ensure(chain: Path, key: Path, names: tuple[str, ...]) -> str:
    """Make the two files unless they hold a certificate for all of `names` that lasts; gives its SHA-256 fingerprint."""
    found = _usable(chain, key, names)
    if found is None:
        found, secret = _make(names)
        chain.parent.mkdir(mode=0o700, exist_ok=True)
        _write(key, secret)
        _write(chain, found.public_bytes(serialization.Encoding.PEM))
    return found.fingerprint(hashes.SHA256()).hex(":").upper()


def _usable(chain: Path, key: Path, names: tuple[str, ...]) -> x509.Certificate | None:
    try:
        found = x509.load_pem_x509_certificate(chain.read_bytes())
        known = set(found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except (OSError, ValueError, x509.ExtensionNotFound):
        return None
    lasts = found.not_valid_after_utc - datetime.datetime.now(datetime.UTC) > RENEWED_BEFORE
    return found if lasts and key.exists() and known >= {_general(name) for name in names} else None


def _make(names: tuple[str, ...]) -> tuple[x509.Certificate, bytes]:
    secret = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(secret.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + LASTS - datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(secret, hashes.SHA256())
    )
    pem = secret.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made, pem


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _write(path: Path, content: bytes) -> None:
    """The owner's alone from its first byte on."""
    part = path.with_suffix(".part")
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    part.rename(path)
