"""The one error of the language."""


class ExpressionError(ValueError):
    """An expression that cannot be used. `position` counts characters from 1; `message` says what is wrong and the cure."""

    def __init__(self, position: int, message: str) -> None:
        super().__init__(f"position {position}: {message}")
        self.position = position
        self.message = message
