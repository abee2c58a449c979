#!/opt/poslogs/bin/python
"""poslogs as a CGI program: a process for each request, so there are no streams. The page asks every five seconds."""

import os
from wsgiref.handlers import CGIHandler

os.chdir("/var/lib/poslogs")  # where .pos and clients.json are

from poslogs.wsgi import application  # noqa: E402

CGIHandler().run(application)
