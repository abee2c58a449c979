"""poslogs: platformOS logs, streamed."""

__version__ = "1.0.0"
