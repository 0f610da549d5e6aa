"""`python -m curator` is the same as the `curator` command."""

from curator.cli.main import app

if __name__ == "__main__":
    app()
