"""``python -m bot4``: the command where no script was installed."""

from bot4.entrypoints.cli.main import main

if __name__ == "__main__":
    main(prog_name="bot4")
