"""What Passenger loads, in /var/lib/poslogs, as a hosting panel has it: one request at a time, so no streams.

Where you may configure Apache and Passenger, ../apache/poslogs-passenger.conf starts poslogs' own server, with streams.
"""

from poslogs.wsgi import application  # noqa: F401
