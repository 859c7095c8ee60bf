"""Personal text as it is stored, and the commitment by which an opened text is checked against the hashed bytes.

Form 2, which is written, is `actor:2:commitment:ciphertext`: the person's random id, 32 bytes and the encrypted text, both in base64. The
commitment is `SHA-256('parlour.text.2' ‖ salt ‖ actor|type/field|text)` with a secret salt of 32 bytes. Whoever is given the salt and the
text can check both without a key; without the salt the commitment says nothing, also after the person's key is destroyed.

Form 1, which older events have, is `actor:ciphertext`. It has no commitment: only the person's key tells what it says.
"""

import binascii
import hashlib

import msgspec

from . import events

TEXT_TAG = b"parlour.text.2"
SALT_BYTES = 32
"""No other length is accepted: with salts of many lengths one commitment would fit two texts."""
_FORM = "2"
_COMMITMENT_BYTES = 32


class SealedText(msgspec.Struct, frozen=True):
    """The parts of a sealed text; `commitment` is empty in form 1, `encoded` is the ciphertext as it stands there, in base64."""

    actor: str
    commitment: bytes
    encoded: str

    @property
    def ciphertext(self) -> bytes:
        """Decodes `nonce ‖ AES-256-GCM`, on demand since comparing commitments does not need it; ValueError if it is not base64."""
        return _bytes(self.encoded)

    def __str__(self) -> str:
        return f"{self.actor}:{_FORM}:{_base64(self.commitment)}:{self.encoded}"


def sealed_text(actor: str, commitment: bytes, ciphertext: bytes) -> SealedText:
    """Builds the stored form of a text that was just sealed."""
    return SealedText(actor, commitment, _base64(ciphertext))


def parse_sealed(text: str) -> SealedText:
    """Parses a stored text; ValueError for other text, or for an unknown form."""
    actor, *parts = text.split(":")
    if not parts:
        raise ValueError("sealed text names no actor")
    if len(parts) == 1:
        return SealedText(actor, b"", parts[0])
    if len(parts) != 3 or parts[0] != _FORM:
        raise ValueError("sealed text is of a form that is not known here")
    sealed = SealedText(actor, _bytes(parts[1]), parts[2])
    if len(sealed.commitment) != _COMMITMENT_BYTES:
        raise ValueError(f"the commitment of a sealed text has not {_COMMITMENT_BYTES} bytes")
    return sealed


def owner_of(text: str) -> str:
    """Returns the random id of the user under whose key a stored text is sealed."""
    return text.partition(":")[0]


def text_commitment(salt: bytes, actor: str, context: str, text: str) -> bytes:
    """Returns the commitment to a text; `context` is `type/field`, with the field's name as stored."""
    return hashlib.sha256(TEXT_TAG + salt + f"{actor}|{context}|{text}".encode()).digest()


def _base64(raw: bytes) -> str:
    return binascii.b2a_base64(raw, newline=False).decode()


def _bytes(text: str) -> bytes:
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError as error:
        raise ValueError("sealed text is not base64") from error


def _stored_names(kind: type[events.Event]) -> tuple[str, ...]:
    stored = {field.name: field.encode_name for field in msgspec.structs.fields(kind)}
    return tuple(stored[name] for name in events.personal_fields(kind))


SEALED_FIELDS: dict[str, tuple[str, ...]] = {kind.TAG: _stored_names(kind) for kind in events.ALL}
"""By event type: the fields that are sealed, by their names in the stored JSON."""
