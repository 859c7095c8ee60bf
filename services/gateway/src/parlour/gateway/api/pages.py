"""The browser SDK and the pages, from the folder that `web_root` names; without a folder each is a 404."""

import asyncio
import re
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse

from parlour.gateway.api import web_files

from .dependencies import HttpOptions, injected
from .web_files import WebFiles

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
"""File systems take no more than 255 bytes of a name."""
_SDK = "ZegoExpressWebRTC.js"
_VERSION = re.compile(r"-\d+(\.\d+)*$")
FRESH = {"cache-control": "no-cache", "x-content-type-options": "nosniff"}
FOR_ALL = FRESH | {"access-control-allow-origin": "*", "cross-origin-resource-policy": "cross-origin"}
OPTIONS, FILES = injected(HttpOptions), injected(WebFiles)


async def page(request: Request, options: HttpOptions = OPTIONS, files: WebFiles = FILES) -> Response:
    """Sends the page of a path in `PAGES`."""
    return await _file(options, files, f"pages/{PAGES[request.url.path]}", request, FRESH)


async def asset(name: str, request: Request, options: HttpOptions = OPTIONS, files: WebFiles = FILES) -> Response:
    """Sends a style, script or picture of the pages."""
    return await _file(options, files, f"pages/{name}", request, FRESH)


async def sdk(name: str, request: Request, options: HttpOptions = OPTIONS, files: WebFiles = FILES) -> Response:
    """Sends a file of the browser SDK, to pages of every origin."""
    return await _file(options, files, f"dist/{_versioned(options.web_root, name)}", request, FOR_ALL)


def _routes() -> APIRouter:
    router = APIRouter()
    for path, handler in (*((path, page) for path in PAGES), ("/assets/{name:path}", asset), ("/sdk/{name:path}", sdk)):
        router.add_api_route(path, handler, methods=["GET", "HEAD"], include_in_schema=False, response_model=None)
    return router


router = _routes()


def _versioned(web_root: str, name: str) -> str:
    """The SDK's file behind its name without a version; any other name as it is."""
    if not web_root or name != _SDK:
        return name
    versions = [path for path in (Path(web_root) / "dist").glob("ZegoExpressWebRTC-*.js") if _VERSION.search(path.stem)]
    return max(versions, key=_numbers).name if versions else name


def _numbers(path: Path) -> list[int]:
    return [int(number) for number in path.stem.rpartition("-")[2].split(".")]


async def _file(
    options: HttpOptions, files: WebFiles, name: str, request: Request, headers: dict[str, str]
) -> Response:
    """A file below the web root; names with anything but plain parts are not looked up."""
    path = Path(options.web_root) / name
    if not options.web_root or len(name) > NAME_CHARACTERS or not _ASSET.fullmatch(name) or not path.is_file():
        return Response("not found\n", 404, media_type="text/plain")
    if path.stat().st_size > web_files.LARGEST_IN_MEMORY:
        return FileResponse(path, headers=headers)
    file = await asyncio.to_thread(files.load, path)
    return web_files.answer(file, request.headers, headers)
