"""The last messages of a hub, bounded in number and in bytes: a link that was away for a moment misses none."""

from collections import deque

from erlmcp.otp.remote_wire import Message


class Ring:
    """Numbers what is published from 1, keeps the newest, and the last of each topic that was published to be kept."""

    def __init__(self, capacity: int, most_bytes: int) -> None:
        self.sequence = 0
        self._capacity, self._most_bytes = capacity, most_bytes
        self._messages: deque[Message] = deque()
        self._bytes = 0
        self._kept: dict[str, Message] = {}

    def add(self, topic: str, payload: bytes, *, keep: bool = False) -> Message:
        """Number a message and remember it, at the price of the oldest."""
        self.sequence += 1
        message = Message(self.sequence, topic, payload)
        self._messages.append(message)
        self._bytes += len(payload)
        while len(self._messages) > self._capacity or self._bytes > self._most_bytes:
            self._bytes -= len(self._messages.popleft().payload)
        if keep:
            self._kept[topic] = message
        return message

    def since(self, seen: int) -> list[Message] | None:
        """Everything after the message `seen`. None: some of it is gone, or `seen` is none of ours."""
        missing = self.sequence - seen
        if not 0 <= missing <= len(self._messages):
            return None
        return list(self._messages)[len(self._messages) - missing :]

    def kept(self, topic: str) -> Message | None:
        """The last message that was to be kept for those who come later."""
        return self._kept.get(topic)
