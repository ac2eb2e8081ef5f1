"""Reading and writing without holding the loop up: over pipes and sockets on the loop, over files in a thread."""

import asyncio
import os
import socket

import pytest

from erlmcp.pipes import Inlet, Outlet

pytestmark = pytest.mark.both_loops
WITHIN = 10.0  # seconds; bounds a wait


class Ears:
    """A receiver that remembers, and wakes who waits for the end."""

    def __init__(self):
        self.heard = []
        self.over = asyncio.Event()
        self.any = asyncio.Event()

    def hear(self, line):
        self.heard.append(line)
        self.any.set()

    def too_long(self, reason):
        self.heard.append(reason)

    def ended(self):
        assert not self.over.is_set()
        self.over.set()


async def within(awaitable):
    return await asyncio.wait_for(awaitable, WITHIN)


@pytest.fixture(params=["pipe", "socket", "pipe in a thread"])
def channel(request):
    """Both ends of something to read from and to write to, as files, and whether a loop may wait for them."""
    if request.param == "socket":
        ours, theirs = socket.socketpair()
        ends = ours.detach(), theirs.detach()
    else:
        ends = os.pipe()
    files = [os.fdopen(fd, "rb" if fd == ends[0] else "wb", buffering=0) for fd in ends]
    yield *files, request.param != "pipe in a thread"
    for file in files:
        file.close()


async def test_lines_arrive_in_order_and_the_end_once(channel):
    read, write, pollable = channel
    ears = Ears()
    Inlet(read.fileno(), 100, ears, pollable=pollable).start()
    write.write(b"one\r\ntwo\nthr")
    await within(ears.any.wait())
    write.write(b"ee")
    write.close()
    await within(ears.over.wait())
    assert ears.heard == [b"one", b"two", b"three"]


async def test_a_held_inlet_tells_nothing_until_it_may_go_on(channel):
    read, write, pollable = channel
    ears = Ears()
    inlet = Inlet(read.fileno(), 100, ears, pollable=pollable)

    class Holding(Ears):
        def hear(self, line):
            super().hear(line)
            inlet.hold()

    holding = Holding()
    inlet._receiver = holding
    inlet.start()
    write.write(b"one\ntwo\n")
    write.close()
    await within(holding.any.wait())
    assert holding.heard == [b"one"]
    holding.any.clear()
    inlet.go_on()
    inlet.go_on()
    await within(holding.any.wait())
    assert holding.heard == [b"one", b"two"]
    assert not holding.over.is_set()
    inlet.go_on()
    await within(holding.over.wait())


async def test_a_line_that_its_receiver_chokes_on_does_not_stop_the_next(channel):
    read, write, pollable = channel
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)

    class Choking(Ears):
        def hear(self, line):
            if line == b"bad":
                raise ValueError(line)
            super().hear(line)

    ears = Choking()
    Inlet(read.fileno(), 100, ears, pollable=pollable).start()
    write.write(b"bad\ngood\n")
    write.close()
    await within(ears.over.wait())
    assert ears.heard == [b"good"]


async def test_a_file_is_read_to_its_end(tmp_path):
    (tmp_path / "said").write_bytes(b"one\n" + b"x" * 200 + b"\ntwo")
    fd = os.open(tmp_path / "said", os.O_RDONLY)
    ears = Ears()
    Inlet(fd, 100, ears, pollable=False).start()
    await within(ears.over.wait())
    os.close(fd)
    assert ears.heard == [b"one", "a line is longer than 100 bytes", b"two"]


async def test_a_file_is_written_whole(tmp_path):
    fd = os.open(tmp_path / "said", os.O_WRONLY | os.O_CREAT)
    outlet = Outlet(fd, 10, lambda: None, pollable=False)
    for number in range(1000):
        outlet.write(b"%d" % number)
    await within(outlet.drained())
    outlet.stop()
    os.close(fd)
    assert (tmp_path / "said").read_text().split() == [str(number) for number in range(1000)]


async def test_what_a_reader_does_not_take_waits_and_arrives_in_order(channel):
    read, write, pollable = channel
    outlet = Outlet(write.fileno(), 1000, lambda: None, pollable=pollable)
    sent = [b"%07d" % number * 100 for number in range(2000)]  # more than pipes and sockets hold
    for line in sent:
        outlet.write(line)
    assert outlet.full
    assert outlet.overfull
    room = outlet.room()
    await asyncio.sleep(0)
    assert not room.done()
    got = await asyncio.to_thread(_read, read, sum(map(len, sent)) + len(sent))
    await within(room)
    await within(outlet.drained())
    assert got.split() == sent
    assert (outlet.unsent, outlet.full) == (0, False)
    outlet.stop()


def _read(file, size):
    got = bytearray()
    while len(got) < size and (piece := file.read(65536)):
        got += piece
    return bytes(got)


async def test_lines_of_one_turn_leave_together(channel):
    read, write, pollable = channel
    outlet = Outlet(write.fileno(), 1000, lambda: None, pollable=pollable)
    outlet.write(b"one")
    outlet.write(b"two")
    assert await asyncio.to_thread(read.read, 100) == b"one\ntwo\n"
    outlet.stop()


@pytest.mark.parametrize("pollable", [True, False])
async def test_a_reader_who_leaves_ends_the_waiting(pollable):
    read, write = os.pipe()
    gone = asyncio.Event()
    outlet = Outlet(write, 10, gone.set, pollable=pollable)
    outlet.write(b"x" * 200_000)
    room = outlet.room()
    drained = asyncio.ensure_future(outlet.drained())
    await asyncio.sleep(0)
    os.close(read)
    await within(gone.wait())
    await within(room)
    await within(drained)
    outlet.write(b"nobody hears this")
    assert outlet.unsent == 0
    os.close(write)


async def test_a_reader_who_leaves_is_noticed_though_nothing_is_written():
    read, write = os.pipe()
    gone = asyncio.Event()
    outlet = Outlet(write, 10, gone.set, pollable=True)
    os.close(read)
    await within(gone.wait())
    outlet.stop()
    os.close(write)


async def test_the_limit_is_where_full_begins(channel):
    _, write, pollable = channel
    outlet = Outlet(write.fileno(), 10, lambda: None, pollable=pollable)
    outlet.write(b"12345678")
    assert not outlet.full
    outlet.write(b"")
    assert outlet.full
    assert not outlet.overfull
    outlet.write(b"x" * 29)
    assert outlet.overfull
    await within(outlet.drained())
    outlet.stop()
