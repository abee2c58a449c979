"""`python -m poslogs`: the command line."""

from poslogs.cli import main

main()
