"""kill -9 of workers under load: who notices?

    python load/chaos.py [--workers N] [--kills N] [--connections N] [--within S]

Starts `erlmcp serve` on free ports, keeps connections busy with tools/call, kills workers one after another, and prints
JSON. A request in flight on a killed worker is lost to a client that does not retry; everything else must be unharmed:
no connection refused, nothing lost on the other workers, nothing lost to a client that retries once on a new
connection, and each time a new worker that serves within S seconds. Exit code 1 when that does not hold.
"""

import argparse
import asyncio
import json
import os
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.messages import POST  # noqa: E402 - found through the line above when run as a file
from bench.servers import free_port  # noqa: E402

PATIENCE = 10.0  # seconds for one answer
START = 30.0
STOP = 35.0
ASK_HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"


@dataclass
class Tally:
    """What the clients saw."""

    answered: int = 0
    lost_with_killed_worker: int = 0  # a client without retry loses these
    lost_on_other_workers: int = 0
    refused: int = 0
    lost_after_one_retry: int = 0
    wrong_answers: int = 0
    connections_of_killed: list[int] = field(default_factory=list)
    restarts_ms: list[int] = field(default_factory=list)

    def faults(self, kills: int, within: float) -> list[str]:
        """What should not have happened, in words."""
        found = [
            f"{name}: {count}"
            for name in ("lost_on_other_workers", "refused", "lost_after_one_retry", "wrong_answers")
            if (count := getattr(self, name))
        ]
        late = [took for took in self.restarts_ms if took > within * 1000]
        if len(self.restarts_ms) < kills:
            found.append(f"{kills - len(self.restarts_ms)} of {kills} killed workers were not replaced")
        if late:
            found.append(f"new workers took {late} ms to serve")
        return found


class Connection:
    """One keep-alive connection, and the worker that it ended up with."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.worker = 0

    @classmethod
    async def open(cls, port: int) -> "Connection":
        """Connect and ask who answers. OSError when refused or lost."""
        connection = cls(*await asyncio.open_connection("127.0.0.1", port))
        connection.worker = json.loads((await connection.ask(ASK_HEALTH))[1])["worker"]["pid"]
        return connection

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the answer. OSError when the connection is lost on the way."""
        self._writer.write(request)
        try:
            head = await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), PATIENCE)
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            return int(head[9:12]), await asyncio.wait_for(self._reader.readexactly(length), PATIENCE)
        except asyncio.IncompleteReadError as cut:
            raise ConnectionResetError("the answer was cut off") from cut

    def close(self) -> None:
        self._writer.close()


class Chaos:
    """Clients and killer around one node."""

    def __init__(self, port: int, log: Path) -> None:
        self.port, self.log = port, log
        self.tally = Tally()
        self.crowd: Counter[int] = Counter()  # connections by worker
        self.killed: set[int] = set()
        self.over = False

    async def client(self) -> None:
        """Ask until it is over; on a loss, once more on a new connection."""
        connection: Connection | None = None
        while not self.over:
            try:
                connection = connection or await self._connect()
            except ConnectionRefusedError:
                self.tally.refused += 1
                await asyncio.sleep(0.05)
                continue
            except OSError:  # accepted by a worker that died before its first answer
                self.tally.lost_with_killed_worker += 1
                continue
            if not await self._ask(connection):
                self._part(connection)
                connection = await self._again()
        if connection is not None:
            connection.close()

    async def _connect(self) -> Connection:
        connection = await Connection.open(self.port)
        self.crowd[connection.worker] += 1
        return connection

    def _part(self, connection: Connection) -> None:
        self.crowd[connection.worker] -= 1
        connection.close()

    async def _ask(self, connection: Connection) -> bool:
        try:
            status, body = await connection.ask(POST)
        except (OSError, TimeoutError):
            if connection.worker in self.killed:
                self.tally.lost_with_killed_worker += 1
            else:
                self.tally.lost_on_other_workers += 1
            return False
        self._judge(status, body)
        return True

    async def _again(self) -> Connection | None:
        try:
            connection = await self._connect()
            self._judge(*await connection.ask(POST))
        except ConnectionRefusedError:
            self.tally.refused += 1
        except (OSError, TimeoutError):
            self.tally.lost_after_one_retry += 1
        else:
            return connection
        return None

    def _judge(self, status: int, body: bytes) -> None:
        if status == 200 and b'"text":"5"' in body:
            self.tally.answered += 1
        else:
            self.tally.wrong_answers += 1

    async def killer(self, kills: int) -> None:
        """Kill a worker, wait for the next one, and so on."""
        for _ in range(kills):
            await asyncio.sleep(0.5)  # let the load settle on all workers
            served = self.serving()
            victim = self._busiest()
            self.tally.connections_of_killed.append(self.crowd[victim])
            self.killed.add(victim)
            os.kill(victim, signal.SIGKILL)
            started = time.monotonic()
            if await within(START, lambda served=served: self.serving() > served):
                self.tally.restarts_ms.append(round((time.monotonic() - started) * 1000))
        self.over = True

    def _busiest(self) -> int:
        living = {worker: count for worker, count in self.crowd.items() if worker not in self.killed}
        return max(living, key=living.__getitem__)

    def serving(self) -> int:
        """How many workers have reported so far that they serve: the arbiter logs it."""
        return len(re.findall(r'"worker-\d+ serves"', self.log.read_text()))


async def within(seconds: float, true: Callable[[], bool]) -> bool:
    """Ask until it is so."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return True
        await asyncio.sleep(0.01)
    return False


async def run(asked: argparse.Namespace) -> int:
    """The whole experiment; its exit code."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="erlmcp-chaos-") as folder:
        log = Path(folder) / "log"
        log.touch()
        command = ["-m", "erlmcp", "serve", "bench.app:app", "--workers", str(asked.workers), "--port", str(port)]
        command += ["--metrics-port", str(free_port()), "--data-dir", folder]
        environment = os.environ | {
            "ERLMCP_LOG__FILE": str(log),
            "ERLMCP_LOG__FORMAT": "json",
            "ERLMCP_LOG__ACCESS": "false",
            "ERLMCP_NODE__MAX_RESTARTS": str(asked.kills + 1),
        }
        arbiter = await asyncio.create_subprocess_exec(
            sys.executable, *command, cwd=ROOT, env=environment, stdout=asyncio.subprocess.DEVNULL
        )
        chaos = Chaos(port, log)
        try:
            if not await within(START, lambda: chaos.serving() == asked.workers):
                print("error: the server does not answer", file=sys.stderr)
                return 1
            clients = [chaos.client() for _ in range(asked.connections)]
            await asyncio.gather(chaos.killer(asked.kills), *clients)
        finally:
            arbiter.terminate()
            await asyncio.wait_for(arbiter.wait(), STOP)
    faults = chaos.tally.faults(asked.kills, asked.within)
    print(
        json.dumps({"kills": asked.kills, "workers": asked.workers, **asdict(chaos.tally), "faults": faults}, indent=2)
    )
    return 1 if faults else 0


def main() -> int:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=4, help="worker processes (default 4)")
    parser.add_argument("--kills", type=int, default=5, help="how many are killed, one after another (default 5)")
    parser.add_argument("--connections", type=int, default=40, help="busy connections (default 40)")
    parser.add_argument(
        "--within", type=float, default=1.0, help="seconds in which a new worker must serve (default 1)"
    )
    return asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
