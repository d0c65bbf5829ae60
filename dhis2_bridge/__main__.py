"""`python -m dhis2_bridge`: the command line."""

from dhis2_bridge.cli import main

main()
