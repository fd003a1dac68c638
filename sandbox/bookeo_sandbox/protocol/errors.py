"""What an operation refuses, as the API would say it."""

from __future__ import annotations


class ApiError(Exception):
    """A refusal that becomes an answer with the API's error object.

    Args:
        status: HTTP status code.
        message: What is wrong, without keys or customer data.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def bad_request(message: str) -> ApiError:
    """Builds a 400.

    Args:
        message: What is wrong with the request.

    Returns:
        The error to raise.
    """
    return ApiError(400, message)
