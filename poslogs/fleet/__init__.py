"""The fleet: what several processes of poslogs share through Redis, and all that knows Redis."""
