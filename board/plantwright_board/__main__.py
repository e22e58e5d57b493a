"""`python -m plantwright_board`."""

from plantwright_board.main import main

if __name__ == "__main__":
    main()
