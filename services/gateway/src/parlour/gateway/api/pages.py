"""The browser SDK and the pages, from the folder that `web_root` names."""

import asyncio
import re
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse

from parlour.gateway.api import web_files

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


def routes(web_root: str) -> APIRouter:
    """The pages; without a folder each is a 404 that says so."""
    router = APIRouter()
    root = Path(web_root) if web_root else None
    files = web_files.WebFiles()

    def page(path: str) -> None:
        async def answer(request: Request) -> Response:
            return await _file(root, files, f"pages/{PAGES[path]}", request, FRESH)

        router.add_api_route(path, answer, methods=["GET", "HEAD"], include_in_schema=False, response_model=None)

    for path in PAGES:
        page(path)

    async def asset(name: str, request: Request) -> Response:
        return await _file(root, files, f"pages/{name}", request, FRESH)

    async def sdk(name: str, request: Request) -> Response:
        return await _file(root, files, f"dist/{_versioned(root, name)}", request, FOR_ALL)

    for prefix, answer in (("/assets/", asset), ("/sdk/", sdk)):
        router.add_api_route(
            prefix + "{name:path}", answer, methods=["GET", "HEAD"], include_in_schema=False, response_model=None
        )
    return router


def _versioned(root: Path | None, name: str) -> str:
    """The SDK's file behind its name without a version; any other name as it is."""
    if root is None or name != _SDK:
        return name
    versions = [path for path in (root / "dist").glob("ZegoExpressWebRTC-*.js") if _VERSION.search(path.stem)]
    return max(versions, key=_numbers).name if versions else name


def _numbers(path: Path) -> list[int]:
    return [int(number) for number in path.stem.rpartition("-")[2].split(".")]


async def _file(
    root: Path | None, files: web_files.WebFiles, name: str, request: Request, headers: dict[str, str]
) -> Response:
    """A file below the root; names with anything but plain parts are not looked up."""
    if root is None or len(name) > NAME_CHARACTERS or not _ASSET.fullmatch(name) or not (root / name).is_file():
        return Response("not found\n", 404, media_type="text/plain")
    path = root / name
    if path.stat().st_size > web_files.LARGEST_IN_MEMORY:
        return FileResponse(path, headers=headers)
    file = await asyncio.to_thread(files.load, path)
    return web_files.answer(file, request.headers, headers)
