"""`python -m lift3d` is the command `lift3d`."""

from .cli.main import main

if __name__ == "__main__":
    main()
