"""`python -m dhis2_bridge`: the command line."""

from dhis2_bridge.cli import main

if __name__ == "__main__":  # processes that it starts import this module too
    main()
