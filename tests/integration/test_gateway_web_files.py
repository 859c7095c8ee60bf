"""The browser SDK over HTTP: compressed, not sent again to who has it, and under a name without a version."""

import gzip
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from parlour.cli.embedded.launch import free_port
from parlour.gateway.api import web_files
from parlour.gateway.settings import GatewaySettings
from parlour.gateway.wiring import build
from parlour.runtime.settings import load

SCRIPT = b"var ZegoExpressEngine = function () {};\n" * 200
NAMED = "/sdk/ZegoExpressWebRTC-3.12.0.js"


@pytest.fixture
async def http(environment: Any, tmp_path: Path) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of a gateway with an SDK of its own; bodies come as they were sent."""
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "ZegoExpressWebRTC-3.12.0.js").write_bytes(SCRIPT)
    (tmp_path / "dist" / "package.tgz").write_bytes(gzip.compress(SCRIPT, mtime=0))
    port = free_port()
    own = {
        "PARLOUR_GATEWAY_PORT": str(port),
        "PARLOUR_GATEWAY_WEB_ROOT": str(tmp_path),
        "PARLOUR_GATEWAY_DOCS_ROOT": str(tmp_path / "site"),
    }
    async with (
        build(load(GatewaySettings, environment("gateway") | own)),
        aiohttp.ClientSession(f"http://127.0.0.1:{port}", auto_decompress=False) as client,
    ):
        yield client


@pytest.mark.parametrize("accepted", ["gzip", "br;q=1.0, GZIP;q=0.5", "*", "deflate, x-gzip"])
async def test_the_sdk_is_compressed_for_who_takes_it(http: aiohttp.ClientSession, accepted: str) -> None:
    async with http.get(NAMED, headers={"accept-encoding": accepted}) as answer:
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.headers["vary"].lower() == "accept-encoding"
        assert gzip.decompress(await answer.read()) == SCRIPT


@pytest.mark.parametrize("accepted", ["identity", "", "br", "gzip;q=0", "*, gzip; q=0.000"])
async def test_the_sdk_is_plain_for_who_takes_no_gzip(http: aiohttp.ClientSession, accepted: str) -> None:
    async with http.get(NAMED, headers={"accept-encoding": accepted}) as answer:
        assert "content-encoding" not in answer.headers
        assert answer.headers["vary"].lower() == "accept-encoding"
        assert await answer.read() == SCRIPT


@pytest.mark.parametrize("accepted", ["gzip", "identity"])
async def test_a_version_that_a_browser_has_is_not_sent_again(http: aiohttp.ClientSession, accepted: str) -> None:
    coding = {"accept-encoding": accepted}
    async with http.get(NAMED, headers=coding) as first:
        tag = first.headers["etag"]
    assert tag.startswith('"')
    for known in (tag, f"W/{tag}", f'"another", {tag}', "*"):
        async with http.get(NAMED, headers=coding | {"if-none-match": known}) as again:
            assert (again.status, await again.read(), again.headers["etag"]) == (304, b"", tag)
            assert again.headers["cache-control"] == "no-cache"
    async with http.get(NAMED, headers=coding | {"if-none-match": '"another"'}) as other:
        assert other.status == 200


async def test_each_coding_and_each_version_has_a_tag_of_its_own(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    async def tag(accepted: str) -> str:
        async with http.get(NAMED, headers={"accept-encoding": accepted}) as answer:
            return answer.headers["etag"]

    before = {await tag("gzip"), await tag("identity")}
    (tmp_path / "dist" / "ZegoExpressWebRTC-3.12.0.js").write_bytes(SCRIPT + b"\n")
    assert len(before | {await tag("gzip"), await tag("identity")}) == 4


async def test_the_sdk_has_a_name_without_a_version(http: aiohttp.ClientSession) -> None:
    async with http.get("/sdk/ZegoExpressWebRTC.js", headers={"accept-encoding": "identity"}) as answer:
        assert (answer.status, await answer.read()) == (200, SCRIPT)
        assert answer.content_type == "text/javascript"


async def test_the_name_without_a_version_is_the_latest_version(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    (tmp_path / "dist" / "ZegoExpressWebRTC-3.9.0.js").write_bytes(b"older")
    (tmp_path / "dist" / "ZegoExpressWebRTC-next.js").write_bytes(b"no version")
    async with http.get("/sdk/ZegoExpressWebRTC.js", headers={"accept-encoding": "identity"}) as answer:
        assert await answer.read() == SCRIPT


async def test_a_file_that_memory_should_not_hold_is_sent_from_the_disk(
    http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    large = SCRIPT * (web_files.LARGEST_IN_MEMORY // len(SCRIPT) + 1)
    (tmp_path / "dist" / "large.js").write_bytes(large)
    async with http.get("/sdk/large.js", headers={"accept-encoding": "gzip"}) as answer:
        assert (answer.status, await answer.read()) == (200, large)
        assert "content-encoding" not in answer.headers


async def test_files_in_memory_stay_below_a_number_of_bytes(tmp_path: Path) -> None:
    limit = 10 * len(SCRIPT)
    files = web_files.WebFiles(limit)
    paths = [tmp_path / f"{number}.js" for number in range(30)]
    for number, path in enumerate(paths):
        path.write_bytes(SCRIPT + str(number).encode())
        assert (await files.load(path, 1)).plain == path.read_bytes()
        assert len(SCRIPT) <= files.cache.weight <= limit
    assert await files.load(paths[-1], 1) is await files.load(paths[-1], 1)


@pytest.mark.parametrize(("name", "whole"), [(NAMED, SCRIPT), ("/sdk/package.tgz", gzip.compress(SCRIPT, mtime=0))])
async def test_a_part_of_a_file_is_answered_with_the_whole(
    http: aiohttp.ClientSession, name: str, whole: bytes
) -> None:
    asked = {"accept-encoding": "identity", "range": "bytes=0-9"}
    async with http.get(name, headers=asked) as answer:
        assert (answer.status, await answer.read()) == (200, whole)
        assert "accept-ranges" not in answer.headers


async def test_what_is_compressed_already_goes_as_it_is(http: aiohttp.ClientSession) -> None:
    async with http.get("/sdk/package.tgz", headers={"accept-encoding": "gzip"}) as answer:
        assert "content-encoding" not in answer.headers
        assert gzip.decompress(await answer.read()) == SCRIPT


async def test_the_documentation_is_served_once_it_is_built(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    async with http.get("/docs/") as before:
        assert before.status == 404
    (tmp_path / "site" / "how-to").mkdir(parents=True)
    (tmp_path / "site" / "index.html").write_text("<!doctype html>first")
    (tmp_path / "site" / "how-to" / "audit.html").write_text("<!doctype html>audit")
    async with http.get("/docs", allow_redirects=False) as folder:
        assert (folder.status, folder.headers["location"]) == (308, "/docs/")
    for path, body in {"/docs/": b"<!doctype html>first", "/docs/how-to/audit.html": b"<!doctype html>audit"}.items():
        async with http.get(path, headers={"accept-encoding": "identity"}) as page:
            assert (page.status, page.content_type, await page.read()) == (200, "text/html", body)
            assert "script-src 'self'" in page.headers["content-security-policy"]
    for path in ("/docs/nothing.html", "/docs/how-to", "/docs/%2e%2e/dist/package.tgz", "/docs//etc/passwd"):
        async with http.get(path) as absent:
            assert absent.status == 404, path
