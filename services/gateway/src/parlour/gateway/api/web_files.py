"""Files of the browser SDK and the pages as they go over HTTP: compressed, and not sent again to who has them."""

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import Response

KINDS = {".mjs": "text/javascript", ".ts": "text/plain", ".map": "application/json"}
TEXTS = frozenset({".css", ".html", ".js", ".json", ".map", ".mjs", ".svg", ".ts"})
FILES_IN_MEMORY = 64  # the SDK, its maps and all pages are fewer
LARGEST_IN_MEMORY = 4 << 20  # bytes; a larger file is sent from the disk as it is


@dataclass(frozen=True)
class WebFile:
    """One version of a file; `gzip` is None where compression would not make it shorter."""

    kind: str
    plain: bytes
    gzip: bytes | None
    digest: str


def load(path: Path) -> WebFile:
    """The file as it is now; it is read and compressed once for each version."""
    stat = path.stat()
    return _load(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=FILES_IN_MEMORY)
def _load(path: Path, modified: int, size: int) -> WebFile:
    plain = path.read_bytes()
    shorter = gzip.compress(plain, 9, mtime=0) if path.suffix in TEXTS else plain
    kind = KINDS.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    digest = hashlib.sha256(plain).hexdigest()[:32]
    return WebFile(kind, plain, shorter if len(shorter) < len(plain) else None, digest)


def files_in_memory() -> int:
    """How many versions of files are held, at most `FILES_IN_MEMORY`."""
    return _load.cache_info().currsize


def answer(file: WebFile, request: Headers, headers: dict[str, str]) -> Response:
    """The file in the coding that the client takes; 304 without a body where it has that version."""
    packed = file.gzip if takes_gzip(request.get("accept-encoding", "")) else None
    tag = f'"{file.digest}"' if packed is None else f'"{file.digest}-gzip"'
    sent = headers | {"etag": tag} | ({"vary": "accept-encoding"} if file.gzip is not None else {})
    if has_version(request.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=sent)
    if packed is None:
        return Response(file.plain, headers=sent, media_type=file.kind)
    return Response(packed, headers=sent | {"content-encoding": "gzip"}, media_type=file.kind)


def takes_gzip(accepted: str) -> bool:
    """Whether Accept-Encoding (RFC 9110, 12.5.3) names gzip, or `*` without naming it, with a weight above 0."""
    weights: dict[str, bool] = {}
    for part in accepted.lower().split(","):
        coding, _, weight = part.partition(";")
        weights[coding.strip()] = weight.replace(" ", "").rstrip("0").rstrip(".") not in ("q=", "q=0")
    return weights.get("gzip", weights.get("x-gzip", weights.get("*", False)))


def has_version(known: str, tag: str) -> bool:
    """Whether If-None-Match (RFC 9110, 13.1.2) names this tag; the comparison is the weak one."""
    return any(one.strip().removeprefix("W/") in ("*", tag) for one in known.split(","))
