"""A port that speaks mutual TLS, in front of the engine of this machine."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from support.certificates import Authority, Certificate

CHUNK = 1 << 16


@contextmanager
def tls_front(target: str, authority: Authority, own: Certificate) -> Iterator[int]:
    """Forward a loopback port to the Unix socket `target`, for who shows a certificate of
    `authority`; gives the port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority.cert))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(own.cert, own.key)
    loop = asyncio.new_event_loop()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_unix_connection(target)
        ways = (_pump(reader, far_writer), _pump(far_reader, writer))
        # Cancelled at the end: the streams' own callback would call that an error.
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*ways, return_exceptions=True)

    server = loop.run_until_complete(asyncio.start_server(accept, "127.0.0.1", 0, ssl=context))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


async def _end(server: asyncio.Server) -> None:
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.gather(*others, return_exceptions=True), 5)


def engine_folder(folder: Path, authority: Authority, own: Certificate) -> Path:
    """What DOCKER_CERT_PATH names: the files under the names that Docker gives them."""
    folder.mkdir()
    for name, source in (("ca", authority.cert), ("cert", own.cert), ("key", own.key)):
        (folder / f"{name}.pem").write_bytes(source.read_bytes())
    return folder
