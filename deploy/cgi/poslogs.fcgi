#!/opt/poslogs/bin/python
"""poslogs for Apache's mod_fcgid, whose processes serve one request at a time: no streams, but a start only now and then.

It needs flup: /opt/poslogs/bin/pip install flup
"""

import os

from flup.server.fcgi_single import WSGIServer

os.chdir("/var/lib/poslogs")  # where .pos and clients.json are

from poslogs.wsgi import application  # noqa: E402

WSGIServer(application).run()
