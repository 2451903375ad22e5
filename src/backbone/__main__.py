"""``python -m backbone`` is the ``backbone`` command."""

from backbone.cli import main

if __name__ == "__main__":
    main()
