"""Ray's HAProxy as our command starts it, with the options that Ray gives it."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import openai
import pytest

from deployments.haproxy import PAGE, command_in
from tests.ports import free_port

OPTIONS = """
defaults
    mode http
    timeout connect 5s
    timeout client 3600s
    timeout server 3600s
    option abortonclose
    option splice-request
    option splice-response
    option redispatch 1
    retry-on conn-failure
    retries 1
    errorfile 502 {page}
    errorfile 503 {page}
    errorfile 504 {page}
"""
"""Of `ray/serve/_private/haproxy_templates.py`, what matters to a client that leaves, and to one that is left."""
RAYS_PAGE = (
    "HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain\r\nContent-Length: 21\r\n\r\nInternal Server Error"
)
CLIENTS = 12


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """Where HAProxy listens, and where it looks for its server."""
    front, back = free_port(), free_port()
    config, page = tmp_path / "haproxy.cfg", tmp_path / PAGE
    page.write_text(RAYS_PAGE)
    sides = f"frontend f\n    bind 127.0.0.1:{front}\n    default_backend b\nbackend b\n    server s 127.0.0.1:{back}\n"
    config.write_text(f"global\n    nbthread 2\n{OPTIONS.format(page=page)}{sides}")
    command = [str(command_in(tmp_path)), "-q", "-db", "-f", str(config)]
    with subprocess.Popen(command) as process:
        yield front, back
        process.terminate()


async def test_every_client_that_leaves_is_noticed(ports: tuple[int, int]) -> None:
    """Though its body came apart from its head, and nothing was answered yet. Without `-dS` it is one in four."""
    front, back = ports
    left: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n" + b"x" * 20)
        with suppress(ConnectionError):
            await reader.read()
        left.append(1)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", back):
        await asyncio.gather(*(_leave(front) for _ in range(CLIENTS)))
        async with asyncio.timeout(10):
            while len(left) < CLIENTS:
                await asyncio.sleep(0.05)


@pytest.mark.parametrize("dies", [True, False], ids=["dies with the request", "is not there"])
async def test_a_replica_that_is_gone_is_said_in_openais_format(ports: tuple[int, int], dies: bool) -> None:
    """The client reads a code, and that it may try again."""
    front, back = ports

    async def die(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()

    (await _connected(front)).close()
    client = openai.AsyncOpenAI(base_url=f"http://127.0.0.1:{front}/v1", api_key="local", max_retries=0)
    server = await asyncio.start_server(die, "127.0.0.1", back) if dies else None
    with pytest.raises(openai.InternalServerError) as caught:
        await client.models.list()
    if server:
        server.close()
    assert (caught.value.status_code, caught.value.code) == (503, "replica_unavailable")
    assert caught.value.response.headers["retry-after"] == "1"


async def _leave(port: int) -> None:
    writer = await _connected(port)
    writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 20\r\n\r\n")
    await writer.drain()
    await asyncio.sleep(0.05)
    writer.write(b"x" * 20)
    await writer.drain()
    await asyncio.sleep(0.3)
    writer.close()


async def _connected(port: int) -> asyncio.StreamWriter:
    """Once HAProxy listens."""
    async with asyncio.timeout(10):
        while True:
            try:
                return (await asyncio.open_connection("127.0.0.1", port))[1]
            except OSError:
                await asyncio.sleep(0.05)
