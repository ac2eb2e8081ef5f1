"""Completions: the ids that are on the board, the buckets, the gates, the last receipts."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from erlmcp import App
from erlmcp.apps.tcps.desk import Desk
from erlmcp.tcps import Board, Bucket, Gate, KaizenPeriod

__all__ = ["Completions"]

LAST: Final = 20  # receipts that are suggested

Complete = Callable[[str], Awaitable[list[str]]]


class Completions:
    """Completions at one desk. What is not on the board any more has to be known by its id."""

    def __init__(self, desk: Desk) -> None:
        self._desk: Final = desk

    def offer(self, app: App) -> None:
        """Register them."""
        app.completion(prompt="five_whys", argument="andon_id")(self._from(_andons))
        app.completion(prompt="gate_failed", argument="sku_id")(self._from(_skus))
        app.completion(prompt="gate_failed", argument="gate")(_gates)
        app.completion(prompt="kaizen_review", argument="period")(_periods)
        app.completion(resource="tcps://work-orders/{id}", argument="id")(self._from(_orders))
        app.completion(resource="tcps://skus/{id}", argument="id")(self._from(_skus))
        app.completion(resource="tcps://andons/{id}", argument="id")(self._from(_andons))
        app.completion(resource="tcps://receipts/{seq}", argument="seq")(self._from(_receipts))
        app.completion(resource="tcps://kanban/{bucket}", argument="bucket")(_buckets)

    def _from(self, those: Callable[[Board], Iterable[str]]) -> Complete:
        async def complete(value: str) -> list[str]:
            return _beginning(value, those(await self._desk.look(self._desk.views.board())))

        return complete


async def _gates(value: str) -> list[str]:
    return _beginning(value, Gate)


async def _buckets(value: str) -> list[str]:
    return _beginning(value, Bucket)


async def _periods(value: str) -> list[str]:
    return _beginning(value, KaizenPeriod)


def _andons(board: Board) -> Iterable[str]:
    return (andon.id for andon in board.andons)


def _orders(board: Board) -> Iterable[str]:
    return (card.id for card in (*board.in_progress, *board.queued, *board.completed))


def _skus(board: Board) -> Iterable[str]:
    return (card.sku_id for card in (*board.in_progress, *board.completed) if card.sku_id)


def _receipts(board: Board) -> Iterable[str]:
    return map(str, range(board.head.seq, max(board.head.seq - LAST, 0), -1))


def _beginning(value: str, words: Iterable[str]) -> list[str]:
    return [str(word) for word in words if word.startswith(value)]
