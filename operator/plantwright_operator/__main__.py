"""`python -m plantwright_operator`."""

from plantwright_operator.handlers.main import main

if __name__ == "__main__":
    main()
