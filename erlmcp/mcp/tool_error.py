"""What an author's function raises to answer no. Any other exception is a crash, and answered without details."""


class ToolError(Exception):
    """The tool ran and the answer is no: `message` is written for the model that called it.

    `data`, when given, is a JSON object for programs: it becomes the result's `structuredContent`.
    """

    def __init__(self, message: str, data: dict[str, object] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.data = data


class ResourceNotFound(Exception):
    """No resource has this URI."""

    def __init__(self, uri: str) -> None:
        super().__init__(f"no resource has the URI {uri!r}")
        self.uri = uri
