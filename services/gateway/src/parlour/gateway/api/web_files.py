"""The browser SDK and the pages, from the folder that `web_root` names, and the documentation, from `docs_root`; without a folder each is
a 404.

Files are sent compressed, and are not sent again to a client that has them.
"""

import asyncio
import gzip
import hashlib
import mimetypes
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse
from starlette.datastructures import Headers

from parlour.runtime.cache import Cache

from .inputs import Settings, injected

PAGES = {
    "/": "index.html",
    "/demo/video": "demo/video.html",
    "/demo/voice": "demo/voice.html",
    "/history": "history.html",
    "/debug": "debug.html",
    "/detect": "detect.html",
}
_ASSET = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
NAME_CHARACTERS = 200
"""Longest name that is looked up; file systems take at most 255 bytes."""
_SDK = "ZegoExpressWebRTC.js"
_VERSION = re.compile(r"-\d+(\.\d+)*$")
FRESH = {"cache-control": "no-cache", "x-content-type-options": "nosniff"}
FOR_ALL = FRESH | {"access-control-allow-origin": "*", "cross-origin-resource-policy": "cross-origin"}
KINDS = {".mjs": "text/javascript", ".ts": "text/plain", ".map": "application/json"}
TEXTS = frozenset({".css", ".html", ".js", ".json", ".map", ".mjs", ".svg", ".ts"})
BYTES_IN_MEMORY = 16 << 20
"""Bytes of all files together; the SDK, its maps and all pages are under 3 MiB."""
LARGEST_IN_MEMORY = 4 << 20
"""A larger file is sent from the disk as it is."""


@dataclass(frozen=True)
class WebFile:
    """One version of a file; `gzip` is None where compression does not make it shorter."""

    kind: str
    plain: bytes
    gzip: bytes | None
    digest: str

    @property
    def size(self) -> int:
        """Bytes of memory that both encodings take."""
        return len(self.plain) + len(self.gzip or b"")


class WebFiles:
    """Files in memory, up to a number of bytes. Each version of a file is read and compressed once."""

    def __init__(self, limit: int = BYTES_IN_MEMORY) -> None:
        self.cache = Cache[tuple[Path, int], WebFile](limit, weight=lambda file: file.size)

    async def load(self, path: Path, modified_ns: int) -> WebFile:
        """Returns the version of a file that was modified at this time (unix nanoseconds), which is the one on the disk."""
        file = self.cache.get((path, modified_ns))
        if file is None:
            file = await asyncio.to_thread(_read, path)
            self.cache.put((path, modified_ns), file)
        return file


def _read(path: Path) -> WebFile:
    plain = path.read_bytes()
    shorter = gzip.compress(plain, 9, mtime=0) if path.suffix in TEXTS else plain
    kind = KINDS.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    digest = hashlib.sha256(plain).hexdigest()[:32]
    return WebFile(kind, plain, shorter if len(shorter) < len(plain) else None, digest)


def answer(file: WebFile, request: Headers, headers: dict[str, str]) -> Response:
    """Answers with the file in an encoding that the client accepts, or with 304 where the client has that version.

    A `Range` is answered with the whole file, as RFC 9110 (14.2) lets a server do, and no `Accept-Ranges` invites one:
    these files are small, and each encoding would have ranges of its own.
    """
    packed = file.gzip if takes_gzip(request.get("accept-encoding", "")) else None
    tag = f'"{file.digest}"' if packed is None else f'"{file.digest}-gzip"'
    sent = headers | {"etag": tag} | ({"vary": "accept-encoding"} if file.gzip is not None else {})
    if has_version(request.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=sent)
    if packed is None:
        return Response(file.plain, headers=sent, media_type=file.kind)
    return Response(packed, headers=sent | {"content-encoding": "gzip"}, media_type=file.kind)


def takes_gzip(accepted: str) -> bool:
    """Tells whether Accept-Encoding (RFC 9110, 12.5.3) names gzip, or `*` without naming it, with a weight above 0."""
    weights: dict[str, bool] = {}
    for part in accepted.lower().split(","):
        coding, _, weight = part.partition(";")
        weights[coding.strip()] = weight.replace(" ", "").rstrip("0").rstrip(".") not in ("q=", "q=0")
    return weights.get("gzip", weights.get("x-gzip", weights.get("*", False)))


def has_version(known: str, tag: str) -> bool:
    """Tells whether If-None-Match (RFC 9110, 13.1.2) names this tag, by weak comparison."""
    return any(one.strip().removeprefix("W/") in ("*", tag) for one in known.split(","))


router = APIRouter()
Files = Annotated[WebFiles, injected(WebFiles)]


async def page(request: Request, settings: Settings, files: Files) -> Response:
    """Sends the page of a path in `PAGES`."""
    return await _file(settings.web_root, files, f"pages/{PAGES[request.url.path]}", request, FRESH)


for path in PAGES:
    router.get(path, include_in_schema=False)(page)


@router.get("/assets/{name:path}", include_in_schema=False)
async def asset(name: str, request: Request, settings: Settings, files: Files) -> Response:
    """Sends a style, script or picture of the pages."""
    return await _file(settings.web_root, files, f"pages/{name}", request, FRESH)


@router.get("/sdk/{name:path}", include_in_schema=False)
async def sdk(name: str, request: Request, settings: Settings, files: Files) -> Response:
    """Sends a file of the browser SDK, to pages of every origin."""
    return await _file(settings.web_root, files, f"dist/{_versioned(settings.web_root, name)}", request, FOR_ALL)


@router.get("/docs", include_in_schema=False)
async def docs_folder() -> Response:
    """Redirects to the folder, since the links of its first page are relative."""
    return Response(status_code=308, headers={"location": "/docs/"})


@router.get("/docs/{name:path}", include_in_schema=False)
async def docs(name: str, request: Request, settings: Settings, files: Files) -> Response:
    """Sends a file of the documentation site, which is there once `make site` has built it."""
    return await _file(settings.docs_root, files, name or "index.html", request, FRESH)


def _versioned(web_root: str, name: str) -> str:
    """Returns the name of the SDK's latest version for its name without one; any other name as it is."""
    if not web_root or name != _SDK:
        return name
    versions = [path for path in (Path(web_root) / "dist").glob("ZegoExpressWebRTC-*.js") if _VERSION.search(path.stem)]
    numbers = {path.name: [int(part) for part in path.stem.rpartition("-")[2].split(".")] for path in versions}
    return max(numbers, key=lambda version: numbers[version], default=name)


async def _file(root: str, files: WebFiles, name: str, request: Request, headers: dict[str, str]) -> Response:
    """Answers with a file below a folder; 404 for a name with anything but plain parts, which is not looked up."""
    path = Path(root) / name
    if not root or len(name) > NAME_CHARACTERS or not _ASSET.fullmatch(name) or not path.is_file():
        return Response("not found\n", 404, media_type="text/plain")
    status = path.stat()
    if status.st_size > LARGEST_IN_MEMORY:
        return FileResponse(path, headers=headers)
    return answer(await files.load(path, status.st_mtime_ns), request.headers, headers)
