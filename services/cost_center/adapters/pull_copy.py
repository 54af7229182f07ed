"""From a customer's bucket to landing, checked byte by byte and never in memory as a whole.

The bytes are counted against what S3 announced, and hashed: against the source's ETag where that is an MD5
(an object put in one piece and not encrypted with KMS), against its stored checksum by botocore where it has
one, and on the way in S3 compares a SHA-256 of each part with what arrived. What does not agree is not
landed: the upload is aborted, or was never begun.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from services.cost_center.domain.connection import AccountRefused, PullFailed
from shared import aws
from shared.errors import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PART = 16 << 20
"""Bytes of a part: 10,000 of them (S3's limit) make 156 GiB."""
_MD5 = re.compile(r"[0-9a-f]{32}")
_REFUSED = frozenset({"AccessDenied", "NoSuchBucket", "AllAccessDisabled", "403", "PermanentRedirect"})


@contextmanager
def refusals_told(what: str) -> Iterator[None]:
    """The customer's bucket, where it does not give `what`: AccountRefused, PullFailed or Unavailable."""
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in _REFUSED:
            raise AccountRefused(f"{what} cannot be read in the customer's account ({code})") from None
        if code in {"NoSuchKey", "404"}:
            raise PullFailed(f"{what} is named by the manifest and is not there") from None
        raise Unavailable(f"{what}: S3 answered {code}") from None
    except BotoCoreError as error:
        raise Unavailable(f"{what}: S3 did not answer to the end ({type(error).__name__})") from None


class LandingCopier:
    """Writes to the landing bucket what a GET of a customer's object answers."""

    def __init__(self, bucket: str, client: "S3Client | None" = None, part: int = PART) -> None:
        self._bucket = bucket
        self._given = client
        self._part = part

    @property
    def _client(self) -> "S3Client":
        return self._given or aws.client("s3")

    def copy(
        self,
        name: str,
        answer: Mapping[str, Any],
        key: str,
        time_is_up: Callable[[], bool],
        metadata: Mapping[str, str] | None = None,
    ) -> int | None:
        """The bytes that were landed; None when time was up. PullFailed when they are not those announced."""
        body = _Checked(name, answer, self._part)
        parts = body.parts()
        first = next(parts, b"")
        if len(first) < self._part:
            body.check()
            self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=first,
                ChecksumSHA256=_sha256(first),
                Metadata=dict(metadata or {}),
            )
            return body.read
        return self._multipart(key, first, parts, body, time_is_up)

    def _multipart(
        self,
        key: str,
        first: bytes,
        rest: Iterator[bytes],
        body: "_Checked",
        time_is_up: Callable[[], bool],
    ) -> int | None:
        which: Any = {"Bucket": self._bucket, "Key": key}
        upload = self._client.create_multipart_upload(**which, ChecksumAlgorithm="SHA256")["UploadId"]
        which["UploadId"] = upload
        whole = False
        try:
            done: list[Any] = []
            part = first
            while part:
                if time_is_up():
                    return None
                number, digest = len(done) + 1, _sha256(part)
                put = self._client.upload_part(**which, PartNumber=number, Body=part, ChecksumSHA256=digest)
                done.append({"PartNumber": number, "ETag": put["ETag"], "ChecksumSHA256": digest})
                part = next(rest, b"")
            body.check()
            self._client.complete_multipart_upload(**which, MultipartUpload={"Parts": done})
            whole = True
        finally:
            if not whole:
                self._client.abort_multipart_upload(**which)
        return body.read


class _Checked:
    """The stream of one GET, counted and hashed as it is read."""

    def __init__(self, name: str, answer: Mapping[str, Any], part: int) -> None:
        self._name = name
        self._body = answer["Body"]
        self._announced = int(answer["ContentLength"])
        self._etag = str(answer["ETag"]).strip('"')
        self._encrypted = str(answer.get("ServerSideEncryption", "")).startswith("aws:kms")
        self._part = part
        self._md5 = hashlib.md5(usedforsecurity=False)
        self.read = 0

    def parts(self) -> Iterator[bytes]:
        with refusals_told(self._name):
            while piece := self._body.read(self._part):
                while len(piece) < self._part and (more := self._body.read(self._part - len(piece))):
                    piece += more
                self._md5.update(piece)
                self.read += len(piece)
                yield piece

    def check(self) -> None:
        """PullFailed unless these were the bytes that the provider says it has."""
        if self.read != self._announced:
            raise PullFailed(
                f"{self._name}: expected {self._announced} bytes, as S3 announced, found {self.read}"
            )
        if _MD5.fullmatch(self._etag) and not self._encrypted and self._md5.hexdigest() != self._etag:
            raise PullFailed(f"{self._name}: the bytes that came do not have the checksum {self._etag}")


def _sha256(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()
