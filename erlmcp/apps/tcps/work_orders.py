"""The tools `work_order_*` and the resource of a work order. Methods carry the tools' names; the line decides."""

from typing import Final

from erlmcp import App
from erlmcp.apps.tcps.desk import JSON, Answer, Desk
from erlmcp.apps.tcps.hints import CHANGES, LOOKS, UNDOES
from erlmcp.tcps import (
    AddDependency,
    Bucket,
    Cancel,
    Complete,
    CreateWorkOrder,
    Filter,
    Metadata,
    Priority,
    Pull,
    PullNext,
    Release,
    RemoveDependency,
    SignalType,
    StartWorkOrder,
    Status,
    UpdateWorkOrder,
    WorkOrder,
)

__all__ = ["WorkOrders"]


class WorkOrders:
    """Work orders at one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk: Final = desk

    def offer(self, app: App) -> None:
        """Register the tools and the resource."""
        app.tool(title="Create a work order", annotations=CHANGES)(self.work_order_create)
        app.tool(title="Get a work order", annotations=LOOKS)(self.work_order_get)
        app.tool(title="List work orders", annotations=LOOKS)(self.work_order_list)
        app.tool(title="Start a work order", annotations=CHANGES)(self.work_order_start)
        app.tool(title="Pull work from a bucket", annotations=CHANGES)(self.work_order_pull)
        app.tool(title="Pull the next work", annotations=CHANGES)(self.work_order_pull_next)
        app.tool(title="Complete a work order", annotations=CHANGES)(self.work_order_complete)
        app.tool(title="Give a work order back", annotations=CHANGES)(self.work_order_release)
        app.tool(title="Cancel a work order", annotations=UNDOES)(self.work_order_cancel)
        app.tool(title="Make a work order depend on another", annotations=CHANGES)(self.work_order_add_dependency)
        app.tool(title="Remove a dependency", annotations=CHANGES)(self.work_order_remove_dependency)
        app.tool(title="Update a work order", annotations=CHANGES)(self.work_order_update)
        app.resource("tcps://work-orders/{id}", name="work-order", title="Work order", mime_type=JSON)(self.read)

    async def work_order_create(  # noqa: PLR0913 - the arguments of the tool (tcps.md §9)
        self,
        *,
        signal_type: SignalType,
        title: str,
        description: str = "",
        source: str = "",
        labels: tuple[str, ...] = (),
        bucket: Bucket | None = None,
        priority: Priority | None = None,
        dependencies: tuple[str, ...] = (),
        assignee: str | None = None,
        metadata: Metadata | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Make a work order from a signal, the outside event that justifies the work. It is queued in a bucket: a cve
        in security (and a notice, an andon that stops nothing, tells everybody), a refund in reliability, an install in
        features, a github_issue by its labels, an internal one in the bucket you ask for. While it depends on orders
        that are not completed it is blocked.

        Args:
            signal_type: What kind of event asks for this work.
            title: One line that says what is to be made; at most 200 characters.
            description: What is to be made, and why.
            source: Where the signal came from, like a URL or the number of an advisory.
            labels: The labels of the signal. They route a github_issue (security, bug, compliance, refactor,
                performance) and set its priority (critical, high, medium).
            bucket: Only with signal_type internal: the bucket to queue it in; features when left out.
            priority: Only with signal_type internal: 1 to 10, 10 highest, or critical (10), high (7), medium (5),
                low (3); the bucket's usual one when left out.
            dependencies: The ids, WO-…, of work orders that must be completed before this one can start; at most 50.
            assignee: Who is to make it.
            metadata: A JSON object without decimals that is kept with the signal.
            idempotency_key: Any text of your own. The same call with the same key within 24 hours is carried out once.
        """
        command = CreateWorkOrder(
            signal_type=signal_type,
            title=title,
            description=description,
            source=source,
            labels=labels,
            bucket=bucket,
            priority=priority,
            assignee=assignee,
            metadata=metadata or {},
            dependencies=dependencies,
        )
        return await self._desk.execute(command, idempotency_key)

    async def work_order_get(self, id: str) -> Answer:  # noqa: A002 - the argument's name is API
        """Look at one work order: its status, bucket, priority, deadline and how it stands to it (sla), assignee,
        version, what it depends on (dependencies; blocked_by are those not completed), and the sku that is made for it.

        Args:
            id: The id of the work order, WO-….
        """
        return {"work_order": await self._desk.look(self._desk.views.work_order(id))}

    async def work_order_list(
        self,
        status: Status | None = None,
        bucket: Bucket | None = None,
        assignee: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Answer:
        """List work orders, the newest first.

        Args:
            status: Only orders with this status.
            bucket: Only orders of this bucket.
            assignee: Only orders of this person or agent.
            limit: How many at most, 1 to 200.
            cursor: The next_cursor of the page before; leave it out for the first page.
        """
        return await self._desk.look(self._desk.views.work_orders(Filter(status, bucket, assignee), limit, cursor))

    async def work_order_start(
        self,
        id: str,  # noqa: A002 - the argument's name is API
        assignee: str | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Start this queued work order. It takes one of its bucket's slots and opens its sku, the thing that is made:
        take that through its gates next (gate_submit, sku_advance). Refused when no slot is free (wip_limit), while it
        depends on orders that are not completed (blocked_by_dependencies), or while a stop is open (line_stopped).

        Args:
            id: The id of the work order, WO-….
            assignee: Who makes it; who it was assigned to when left out.
            idempotency_key: Any text of your own. The same call with the same key within 24 hours is carried out once.
        """
        return await self._desk.execute(StartWorkOrder(id, assignee), idempotency_key)

    async def work_order_pull(
        self, bucket: Bucket, assignee: str | None = None, idempotency_key: str | None = None
    ) -> Answer:
        """Start the first work order that waits in a bucket: the highest priority, then the oldest; it opens its sku.
        Refused when the bucket has no free slot (wip_limit), nothing waits in it (not_found), or only stops are in the
        way (line_stopped).

        Args:
            bucket: The bucket to pull from.
            assignee: Who makes it; who it was assigned to when left out.
            idempotency_key: Any text of your own. The same call with the same key within 24 hours is carried out once.
        """
        return await self._desk.execute(Pull(bucket, assignee), idempotency_key)

    async def work_order_pull_next(self, assignee: str | None = None, idempotency_key: str | None = None) -> Answer:
        """Start the next work order, whichever bucket it is in: the first of heijunka_schedule that can start. It opens
        the order's sku: take that through its gates next (gate_submit, sku_advance). Refused when nothing waits
        (not_found), no bucket with work has a free slot (wip_limit), or only stops are in the way (line_stopped).

        Args:
            assignee: Who makes it; who it was assigned to when left out.
            idempotency_key: Any text of your own. The same call with the same key within 24 hours is carried out once.
        """
        return await self._desk.execute(PullNext(assignee), idempotency_key)

    async def work_order_complete(
        self,
        id: str,  # noqa: A002 - the argument's name is API
        idempotency_key: str | None = None,
    ) -> Answer:
        """Say that a work order in progress is made. It frees its slot and the orders that depend on it. Refused unless
        its sku has passed gates 1 to 7 and gate 8 has run (gate_failed, gate_not_run), and while a stop is open
        (line_stopped). Its sku is published afterwards: sku_advance to marketplace_validation, then sku_publish.

        Args:
            id: The id of the work order, WO-….
            idempotency_key: Any text of your own. The same call with the same key within 24 hours is carried out once.
        """
        return await self._desk.execute(Complete(id), idempotency_key)

    async def work_order_release(
        self,
        id: str,  # noqa: A002 - the argument's name is API
        reason: str,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Give a work order in progress back: it is queued again, without assignee, and its slot is free. Its sku stays
        in its stage with all its verdicts, and whoever starts the order next goes on there.

        Args:
            id: The id of the work order, WO-….
            reason: Why; it is kept in the receipt.
            idempotency_key: Any text of your own. The same call with the same key within 24 hours is carried out once.
        """
        return await self._desk.execute(Release(id, reason), idempotency_key)

    async def work_order_cancel(
        self,
        id: str,  # noqa: A002 - the argument's name is API
        reason: str,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Cancel a work order that is queued, blocked or in progress: it will not be made, and its sku is aborted. What
        depends on it stays blocked. This cannot be taken back.

        Args:
            id: The id of the work order, WO-….
            reason: Why; the work order shows it.
            idempotency_key: Any text of your own. The same call with the same key within 24 hours is carried out once.
        """
        return await self._desk.execute(Cancel(id, reason), idempotency_key)

    async def work_order_add_dependency(
        self,
        id: str,  # noqa: A002 - the argument's name is API
        depends_on: str,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Have a work order that is queued or blocked wait for another one: it is blocked until that is completed.
        Refused when the two would wait for each other (circular_dependency) or that one was cancelled (invalid).

        Args:
            id: The id of the work order that waits, WO-….
            depends_on: The id of the work order that must be completed first, WO-….
            idempotency_key: Any text of your own. The same call with the same key within 24 hours is carried out once.
        """
        return await self._desk.execute(AddDependency(id, depends_on), idempotency_key)

    async def work_order_remove_dependency(
        self,
        id: str,  # noqa: A002 - the argument's name is API
        depends_on: str,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Let a work order go on without another one. When that was the last it waited for, it is queued.

        Args:
            id: The id of the work order that waits, WO-….
            depends_on: The id of the work order that it shall not wait for any more, WO-….
            idempotency_key: Any text of your own. The same call with the same key within 24 hours is carried out once.
        """
        return await self._desk.execute(RemoveDependency(id, depends_on), idempotency_key)

    async def work_order_update(  # noqa: PLR0913 - the arguments of the tool (tcps.md §9)
        self,
        *,
        id: str,  # noqa: A002 - the argument's name is API
        version: int,
        title: str | None = None,
        description: str | None = None,
        priority: Priority | None = None,
        assignee: str | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Change title, description, priority or assignee of a work order that is queued, blocked or in progress. What
        is left out stays. Refused (conflict) when somebody changed it after you read it.

        Args:
            id: The id of the work order, WO-….
            version: The version that you read, from work_order_get.
            title: One line that says what is to be made; at most 200 characters.
            description: What is to be made, and why.
            priority: 1 to 10, 10 highest, or critical (10), high (7), medium (5), low (3).
            assignee: Who makes it; an empty text for nobody.
            idempotency_key: Any text of your own. The same call with the same key within 24 hours is carried out once.
        """
        command = UpdateWorkOrder(id, version, title, description, priority, assignee)
        return await self._desk.execute(command, idempotency_key)

    async def read(self, id: str) -> WorkOrder:  # noqa: A002 - the variable of the URI
        """One work order, as work_order_get shows it."""
        return await self._desk.read(f"tcps://work-orders/{id}", self._desk.views.work_order(id))
