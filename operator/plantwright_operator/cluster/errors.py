"""What can go wrong between the operator and the API server, as the rest of the operator sees it."""


class ApiError(Exception):
    """The API server did not do what was asked; `status` is the HTTP status, 0 where there was no answer."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class NotFoundError(ApiError):
    """There is no such object (404)."""


class ConflictError(ApiError):
    """The object is not the one that was meant: a precondition failed or it exists already (409)."""


class RefusedError(ApiError):
    """The API server will not take it as it is (400, 403, 422); trying again unchanged is of little use."""


class UnavailableError(ApiError):
    """No answer, or one that says to come again later (429, 5xx). `retry_after` in seconds is the server's wish."""

    def __init__(self, message: str, status: int = 0, retry_after: float | None = None) -> None:
        super().__init__(message, status)
        self.retry_after = retry_after


_BY_STATUS: dict[int, type[ApiError]] = {
    400: RefusedError,
    403: RefusedError,
    404: NotFoundError,
    409: ConflictError,
    410: NotFoundError,
    422: RefusedError,
}


def from_response(status: int, message: str, retry_after: str | None) -> ApiError:
    """The error for an answer that is no success."""
    if status == 429 or status >= 500:
        seconds = float(retry_after) if retry_after and retry_after.isdecimal() else None
        return UnavailableError(message, status, seconds)
    return _BY_STATUS.get(status, ApiError)(message, status)
