"""What PythonAnywhere loads: the text for its WSGI configuration file, /var/www/NAME_pythonanywhere_com_wsgi.py.

    mkvirtualenv poslogs --python=python3.11 && pip install poslogs-*.whl

Name that virtualenv on the Web tab. Its servers answer one request at a time, so there are no streams, and the page
asks every five seconds.
"""

import os

os.chdir("/home/NAME/poslogs")  # where .pos and clients.json are

from poslogs.wsgi import application  # noqa: E402, F401
