"""An SMTP server that takes every mail, delivers none and counts them in a file.

`python smtp_sink.py FD FILE`: FD is a listening socket, FILE gets the count after every message.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from pathlib import Path


class Sink:
    """Counts the messages of all connections."""

    def __init__(self, count_file: Path) -> None:
        self.count_file = count_file
        self.count = 0
        self._save()

    def _save(self) -> None:
        # Renaming keeps a reader from seeing half a number.
        partial = self.count_file.with_suffix(".part")
        partial.write_text(f"{self.count}\n")
        os.replace(partial, self.count_file)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak SMTP with one client."""

        async def say(line: str) -> None:
            writer.write(line.encode() + b"\r\n")
            await writer.drain()

        try:
            await say("220 odoo-lab sink")
            while line := await reader.readline():
                verb = line.strip().upper().partition(b" ")[0]
                if verb == b"DATA":
                    await say("354 go on")
                    while (await reader.readline()) not in (b".\r\n", b""):
                        pass
                    self.count += 1
                    self._save()
                    await say("250 counted")
                elif verb == b"QUIT":
                    await say("221 bye")
                    break
                else:
                    await say("250 ok")
        except ConnectionError:
            pass
        finally:
            writer.close()


async def main(descriptor: int, count_file: Path) -> None:
    """Serve until the process is ended."""
    sink = Sink(count_file)
    # A mail may hold one line as long as itself: do not let the reader's limit refuse it.
    server = await asyncio.start_server(sink.serve, sock=socket.socket(fileno=descriptor), limit=64 << 20)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2])))
