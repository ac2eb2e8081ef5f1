"""Chains of receipts for the tests: made, edited, and hashed anew."""

import msgspec

from erlmcp.tcps import NO_RECEIPT
from erlmcp.tcps.receipt import Body, seal


def body(seq, prev_hash, text="x"):
    return Body(
        actor="ana",
        at="2026-03-02T08:00:00.000Z",
        id=f"RCPT-{seq}",
        payload=msgspec.Raw(msgspec.json.encode({"inputs": {"n": text}, "outputs": {}})),
        prev_hash=prev_hash,
        seq=seq,
        sku_id=None,
        stage=None,
        type="work_order_create",
        work_order_id=f"WO-{seq}",
    )


def chain(length, after=NO_RECEIPT):
    receipts = []
    for seq in range(after.seq + 1, after.seq + length + 1):
        receipts.append(seal(body(seq, receipts[-1].hash if receipts else after.hash, str(seq))))
    return receipts


def rehashed(receipt, **changes):
    fields = {name: getattr(receipt, name) for name in Body.__struct_fields__}
    return seal(Body(**{**fields, **changes}))


def edited(receipt, **changes):
    return msgspec.structs.replace(receipt, **changes)
