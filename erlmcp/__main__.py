"""`python -m erlmcp` is `erlmcp`."""

from erlmcp.cli import main

if __name__ == "__main__":
    main()
