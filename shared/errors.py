"""One tree of errors. Each has a stable code, an HTTP status and a title; see RFC 9457 for the document.

A class is raised where the fault is found, and mapped once: to a problem document by the HTTP layer,
to a failure row by a consumer. Codes are part of the API: they never change their meaning.
"""
# The names say what is wrong, as HTTP's own do; an "Error" on each would say it twice.
# ruff: noqa: N818

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class OnyxError(Exception):
    """A fault of the platform itself, and the root of the tree.

    `detail` is for a person; `errors` are findings about fields, rows or columns. `code` may narrow
    the class's own code (for example BadRequest with INVALID_CURSOR).
    """

    code: str = "INTERNAL"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        errors: Sequence[Mapping[str, Any]] | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or type(self).code
        self.errors: list[dict[str, Any]] = [dict(each) for each in errors or ()]
        self.retry_after = retry_after
        """Seconds after which trying again makes sense, where that is known."""

    def to_problem(self, instance: str | None = None) -> dict[str, Any]:
        """The RFC 9457 document: type, title, status, detail, code, and errors and instance if any."""
        problem: dict[str, Any] = {
            "type": f"urn:onyx:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }
        if self.errors:
            problem["errors"] = self.errors
        if instance:
            problem["instance"] = instance
        return problem


def public_problem(error: OnyxError, instance: str | None = None) -> dict[str, Any]:
    """The document for a caller: what a server fault (500) says of the inside is left to the log."""
    problem = error.to_problem(instance)
    if error.status == 500:
        problem["detail"] = "the server failed; its log has the reason under the request id"
        problem.pop("errors", None)
    return problem


class BadRequest(OnyxError):
    """The request cannot be understood."""

    code = "BAD_REQUEST"
    status = 400
    title = "Bad request"


class Unauthenticated(OnyxError):
    """Who is calling is not known."""

    code = "UNAUTHENTICATED"
    status = 401
    title = "Not authenticated"


class Forbidden(OnyxError):
    """The caller is known and may not do this."""

    code = "FORBIDDEN"
    status = 403
    title = "Forbidden"


class NotFound(OnyxError):
    """Nothing of this name, or nothing that this caller may know of: the two read alike."""

    code = "NOT_FOUND"
    status = 404
    title = "Not found"


class MethodNotAllowed(OnyxError):
    """The path exists, the method on it does not."""

    code = "METHOD_NOT_ALLOWED"
    status = 405
    title = "Method not allowed"


class Conflict(OnyxError):
    """The state of the thing does not allow it (it exists already, for example)."""

    code = "CONFLICT"
    status = 409
    title = "Conflict"


class VersionConflict(Conflict):
    """Somebody else changed the thing since it was read: read again and retry."""

    code = "VERSION_CONFLICT"
    title = "Changed meanwhile"


class PayloadTooLarge(OnyxError):
    """More bytes than the receiver takes."""

    code = "PAYLOAD_TOO_LARGE"
    status = 413
    title = "Payload too large"


class UnsupportedMediaType(OnyxError):
    """A body in a format that the route does not read."""

    code = "UNSUPPORTED_MEDIA_TYPE"
    status = 415
    title = "Unsupported media type"


class Unprocessable(OnyxError):
    """Well formed, and wrong in what it says; `errors` says where."""

    code = "UNPROCESSABLE"
    status = 422
    title = "Unprocessable"


class TooManyRequests(OnyxError):
    """Over a limit; `retry_after` says for how long."""

    code = "TOO_MANY_REQUESTS"
    status = 429
    title = "Too many requests"


class Unavailable(OnyxError):
    """Something that is needed does not answer; trying again may help."""

    code = "UNAVAILABLE"
    status = 503
    title = "Unavailable"


class Timeout(OnyxError):
    """It took longer than it may."""

    code = "TIMEOUT"
    status = 504
    title = "Timed out"


class ConfigurationError(OnyxError):
    """The process was started with a bad environment; `detail` and `errors` name each variable."""

    code = "CONFIGURATION"
    status = 500
    title = "Bad configuration"


class PoisonMessage(OnyxError):
    """A message that will never be processed, however often it is delivered: it belongs in the DLQ."""

    code = "POISON_MESSAGE"
    status = 422
    title = "Message cannot be processed"


class UnknownEvent(PoisonMessage):
    """A well-formed event of a type or version that this consumer does not accept."""

    code = "UNKNOWN_EVENT"
    title = "Unknown event"
