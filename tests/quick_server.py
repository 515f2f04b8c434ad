"""An HTTP server that costs a test no time when it ends."""

import asyncio
import socket

import uvicorn


class QuickServer(uvicorn.Server):
    """Ends as soon as it is told to and all is answered: uvicorn's own looks ten times a second, and rests."""

    async def main_loop(self) -> None:
        """Until it is told."""
        await self.on_tick(0)  # the headers that every answer has
        while not self.should_exit:
            await asyncio.sleep(0.005)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what was asked, and nothing more."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        while self.server_state.connections or self.server_state.tasks:
            await asyncio.sleep(0.005)
