"""The claim on the standard streams, in processes of their own: nobody else's words get onto the wire."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import ctypes, os, subprocess, sys, threading
from erlmcp.pipes import Claim

claim = Claim()
print("printed by Python")
os.write(1, b"written to descriptor 1\\n")
ctypes.CDLL(None).puts(b"printed by C")
ctypes.CDLL(None).fflush(None)
subprocess.run([sys.executable, "-c", "import sys; print('printed by a child'); print(repr(sys.stdin.read()))"])
os.system("echo printed by a shell")
if os.fork() == 0:
    try:
        os.write(claim.sink, b"written by a fork\\n")
    except OSError:
        print("a fork can not write", flush=True)
    os._exit(0)
os.wait()
os.write(claim.sink, b"wire:" + os.read(claim.source, 100))
flags = [os.get_inheritable(claim.source), os.get_inheritable(claim.sink)]
shared = os.dup(claim.sink)
os.set_blocking(claim.sink, False)
claim.release()
claim.release()
os.write(shared, b"%r %r" % (flags, os.get_blocking(shared)))
print("printed at the end")
"""


def test_only_the_claimant_reaches_the_wire():
    script = SCRIPT.replace("os.read(claim.source, 100)", "os.read(claim.source, 6)")
    done = subprocess.run(
        [sys.executable, "-c", script], input=b"hello\nagain\n", capture_output=True, timeout=30, check=True
    )
    assert done.stdout == b"wire:hello\n[False, False] True"
    said = done.stderr.decode().splitlines()
    assert {
        "printed by Python",
        "written to descriptor 1",
        "printed by C",
        "printed by a child",
        "''",
        "printed by a shell",
        "a fork can not write",
        "printed at the end",
    } <= set(said)


@pytest.mark.parametrize(
    ("redirection", "pollable"), [("cat | {} | cat", True), ("{} < /dev/null > /dev/null", False), ("{} 2>&1", False)]
)
def test_pipes_are_waited_for_on_the_loop_and_files_are_not(redirection, pollable, tmp_path):
    script = (
        f"from erlmcp.pipes import Claim; c = Claim(); open({str(tmp_path / 'found')!r}, 'w').write"
        "(str(c.pollable(c.sink)))"
    )
    command = redirection.format(f'"{sys.executable}" -c "{script}"')
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    subprocess.run(["sh", "-c", command], stdin=subprocess.DEVNULL, timeout=30, check=True, env=environment)
    assert (tmp_path / "found").read_text() == str(pollable)
