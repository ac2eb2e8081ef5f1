"""How long a million receipts take to verify, and in how much memory: `python -m load.verify [--receipts N]`.

Makes a file of receipts of the usual size (1.3 KiB) and its checkpoints, verifies it in a process of its own as
`erlmcp tcps receipt verify` does, then with one receipt edited near the end, and prints the figures as JSON.
"""

import argparse
import json
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Raw

from erlmcp.tcps import NO_RECEIPT, Checkpoint, Head, Receipt, line_of, sign, verify_file
from erlmcp.tcps.receipt import Body, seal

STORY = "The quick brown fox jumps over the lazy dog. " * 20


def receipts(count: int) -> Iterator[Receipt]:
    """A chain as long as that."""
    head = NO_RECEIPT
    for seq in range(1, count + 1):
        payload = Raw(
            msgspec.json.encode({"inputs": {"command": "work_order_create"}, "outputs": {"n": seq, "t": STORY}})
        )
        receipt = seal(
            Body(
                actor="load",
                at="2026-11-24T06:00:00.000Z",
                id=f"RCPT-{seq:018}",
                payload=payload,
                prev_hash=head.hash,
                seq=seq,
                sku_id=None,
                stage=None,
                type="work_order_create",
                work_order_id=f"WO-{seq:018}",
            )
        )
        head = Head(seq, receipt.hash)
        yield receipt


def write(path: Path, count: int, every: int) -> list[Checkpoint]:
    """The file, and a checkpoint each so many receipts and of the last one."""
    key, found = Ed25519PrivateKey.generate(), []
    with path.open("wb", buffering=1 << 20) as file:
        for receipt in receipts(count):
            file.write(line_of(receipt))
            if receipt.seq % every == 0 or receipt.seq == count:
                found.append(sign(key, Head(receipt.seq, receipt.hash), receipt.seq, receipt.at))
    return found


def edit(path: Path, near: int) -> None:
    """Another actor in the first line at or after this byte."""
    with path.open("r+b") as file:
        file.seek(near)
        file.readline()
        place = file.tell()
        file.seek(place + file.readline().index(b"load"))
        file.write(b"eve!")


def measure(path: Path, checkpoints: list[Checkpoint], answer: "multiprocessing.Queue[object]") -> None:
    """Verify, and put what came of it with seconds and peak memory."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    with path.open("rb", buffering=1 << 20) as file:
        outcome = verify_file(file, checkpoints)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer.put(
        {"seconds": round(seconds, 2), "peak_kib": peak, "grown_kib": peak - before, **msgspec.to_builtins(outcome)}
    )


def measured(path: Path, checkpoints: list[Checkpoint]) -> object:
    """The same in a fresh process."""
    context = multiprocessing.get_context("spawn")
    answer: multiprocessing.Queue[object] = context.Queue()
    process = context.Process(target=measure, args=(path, checkpoints, answer))
    process.start()
    figures = answer.get(timeout=600)
    process.join(60)
    return figures


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--receipts", type=int, default=1_000_000)
    parser.add_argument("--every", type=int, default=10_000, help="receipts between two checkpoints")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "receipts.jsonl"
        began = time.perf_counter()
        checkpoints = write(path, asked.receipts, asked.every)
        size = path.stat().st_size
        report = {"receipts": asked.receipts, "bytes": size, "made_in": round(time.perf_counter() - began, 2)}
        report["whole"] = measured(path, checkpoints)  # type: ignore[assignment]
        edit(path, size * 9 // 10)
        report["edited"] = measured(path, checkpoints)  # type: ignore[assignment]
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
