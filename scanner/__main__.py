"""`python -m scanner` is the command `approval-watch`."""

from scanner.cli import main

if __name__ == "__main__":
    main()
