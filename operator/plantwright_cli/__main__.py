"""`python -m plantwright_cli` is `plantwright`."""

from plantwright_cli.app import main

if __name__ == "__main__":
    main()
