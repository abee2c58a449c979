"""What mod_wsgi loads. poslogs' settings stand here: Apache's SetEnv comes too late for them."""

import os

os.environ["POSLOGS_HEARTBEAT_SECONDS"] = "15"

from poslogs.wsgi import application  # noqa: E402, F401
