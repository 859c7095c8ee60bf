"""The floor of fan-out: one Python process with uvloop and picows that sends what one client says to all the others, and nothing else."""

import sys
from typing import ClassVar

import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server  # pyright: ignore[reportUnknownVariableType] half typed


class Everyone(WSListener):
    """One client; `clients` are all of them."""

    clients: ClassVar[set[WSTransport]] = set()

    def on_ws_connected(self, transport: WSTransport) -> None:
        """One more."""
        self.clients.add(transport)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """One less."""
        self.clients.discard(transport)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """To all."""
        if frame.msg_type == WSMsgType.TEXT:
            message = frame.get_payload_as_bytes()
            for client in self.clients:
                client.send(WSMsgType.TEXT, message)


def one(_request: WSUpgradeRequest) -> Everyone:
    """Its listener."""
    return Everyone()


async def serve(port: int) -> None:
    """Until it is killed."""
    server = await ws_create_server(one, "127.0.0.1", port, read_buffer_init_size=2048, backlog=2048)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
