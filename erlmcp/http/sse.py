"""The one thing about server-sent events that a connection must know: what may be put between two of them."""

__all__ = ["COMMENT"]

COMMENT = b":\n\n"
"""An empty comment (WHATWG HTML 9.2): readers skip it, proxies and peers that have gone notice it."""
