"""Bill files on their way in: uploaded to where the API says, then watched until Onyx has judged them."""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol

import httpx

from infra.commands.api import Api, ApiError
from infra.commands.errors import CommandError, usage
from shared.ids import deterministic_id

SUFFIXES = (".csv", ".csv.gz", ".parquet")
CHUNK_BYTES = 1 << 20
UPLOAD_TIMEOUT_SECONDS = 300.0
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS, WAIT_GROWTH = 0.2, 2.0, 1.4
CHANNEL = "LandedBills"
"""Where the messages of landed bills are, as `onyx dlq` names it."""
_SOURCE_LENGTH = 63
_DATE = re.compile(
    r"(?<!\d)(?:19|20)\d{2}(?:[-_.]?(?:0[1-9]|1[0-2])(?:[-_.]?(?:0[1-9]|[12]\d|3[01]))?)?(?:t\d{4,6}z?)?(?!\d)"
)


class Progress(Protocol):
    """Is told what happens; shows it, or does not."""

    def name(self, file: Path) -> str: ...

    def uploading(self, file: Path, sent: int, total: int) -> None: ...

    def waiting(self, file: Path) -> None: ...

    def retrying(self, file: Path, why: str) -> None: ...

    def done(self, file: Path, outcome: str) -> None: ...


@dataclass(frozen=True)
class Delivery:
    file: Path
    id: str


@dataclass
class Together:
    """The delivery of the files of a folder: what its first upload was given, once there was one."""

    folder: Path
    upload_id: str | None = None


def why_failed(delivery: Mapping[str, Any]) -> str:
    """What the API says of a delivery that is retrying or failed, in a line."""
    failure = delivery.get("failure") or {}
    tried = failure.get("attempts")
    times = f" (tried {tried} {'time' if tried == 1 else 'times'})" if tried else ""
    return f"{failure.get('code', 'UNKNOWN')}: {failure.get('reason', 'no reason was told')}{times}"


def bill_files(paths: Sequence[Path]) -> list[Path]:
    """The files that were named, and of a folder the bill files below it, in order of their names.

    A file that was named is taken whatever its suffix: Onyx says what is wrong with it.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            found = sorted(
                file
                for file in path.rglob("*")
                if file.is_file() and file.name.lower().endswith(SUFFIXES) and not _hidden(file, path)
            )
            if not found:
                raise CommandError(f"{path}: no bill in this folder ({', '.join(SUFFIXES)}).")
            files += found
        elif path.is_file():
            files.append(path)
        else:
            raise CommandError(f"{path}: no such file or folder.")
    return list(dict.fromkeys(files))


def _hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(folder).parts)


def source_of(file: Path) -> str:
    """The file's name without suffixes and dates, as a source: acme-cur-2026-09.csv.gz -> acme-cur.

    So next month's file of the same export is a delivery of the same source.
    """
    name = file.name.lower()
    while (
        suffix := next((one for one in (*SUFFIXES, ".gz", ".zip") if name.endswith(one)), None)
    ) is not None:
        name = name[: -len(suffix)]
    words = re.sub(r"[^a-z0-9]+", "-", _DATE.sub("-", name)).strip("-")
    return words[:_SOURCE_LENGTH].rstrip("-") or "bill"


def check_source(source: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", source):
        raise usage(
            f"--source is 1 to {_SOURCE_LENGTH} lower case letters, digits and hyphens, not {source!r}."
        )
    return source


class Landing:
    """`put` speaks to the presigned URL (S3), `api` to Onyx."""

    def __init__(
        self,
        api: Api,
        put: httpx.Client,
        progress: Progress,
        *,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api = api
        self._put = put
        self._progress = progress
        self._sleep = sleep
        self._monotonic = monotonic
        self._told: dict[str, str] = {}

    def upload(self, file: Path, source: str, together: Together | None = None) -> Delivery:
        """Streams the file to the landing bucket; the id of its delivery follows from what S3 answers.

        `together` is the file's place in a delivery of several; what the first is given holds for the others.
        """
        try:
            return self._upload(file, source, file.stat().st_size, together)
        except FileNotFoundError:
            raise CommandError(f"{file}: it is not there any more. Nothing of it was uploaded.") from None
        except OSError as error:
            raise CommandError(f"{file}: it cannot be read: {error.strerror or error}") from None

    def _upload(self, file: Path, source: str, size: int, together: Together | None) -> Delivery:
        wanted = {"source": source, "filename": file.name}
        if together is not None:
            wanted["folder"] = "/".join(file.relative_to(together.folder).parts[:-1])
            wanted |= {"upload_id": together.upload_id} if together.upload_id else {}
        granted = self._api.post("/v1/cost-center/uploads", wanted)
        if together is not None:
            together.upload_id = granted["upload_id"]
        try:
            answer = self._put.put(
                granted["url"],
                content=self._chunks(file, size),
                # A presigned PUT must say its length: S3 takes no chunked transfer.
                headers={"content-length": str(size), **granted.get("headers", {})},
            )
        except httpx.TransportError as error:
            raise CommandError(f"{file}: the upload failed: {error or type(error).__name__}") from None
        if not answer.is_success:
            raise CommandError(
                f"{file}: the upload was refused: HTTP {answer.status_code} {_s3_code(answer)}"
            )
        version = answer.headers.get("x-amz-version-id") or answer.headers.get("etag", "").strip('"')
        self._progress.waiting(file)
        return Delivery(file, deterministic_id(granted["bucket"], granted["key"], version))

    def wait(self, deliveries: Sequence[Delivery], timeout: float) -> list[dict[str, Any]]:
        """The bills of all deliveries, in their order.

        CommandError at once where one is given up, with the reason; and after `timeout`, with the files that
        were not done.
        """
        deadline = self._monotonic() + timeout
        bills: dict[str, list[dict[str, Any]]] = {}
        pause = FIRST_WAIT_SECONDS
        while True:
            for delivery in deliveries:
                found = None if delivery.id in bills else self._outcome(delivery)
                if found is not None:
                    bills[delivery.id] = found
                    self._progress.done(
                        delivery.file, ", ".join(bill["status"] for bill in found) or "no bill"
                    )
            open_files = [self._progress.name(each.file) for each in deliveries if each.id not in bills]
            if not open_files:
                return [bill for delivery in deliveries for bill in bills[delivery.id]]
            left = deadline - self._monotonic()
            if left <= 0:
                raise CommandError(
                    f"Not done after {timeout:g} s: {', '.join(open_files)}. Onyx goes on with them: "
                    "`onyx bills` shows the outcome."
                )
            self._sleep(min(pause, left))
            pause = min(pause * WAIT_GROWTH, LONGEST_WAIT_SECONDS)

    def _outcome(self, delivery: Delivery) -> list[dict[str, Any]] | None:
        try:
            found = self._api.get(f"/v1/cost-center/deliveries/{delivery.id}")
        except ApiError as error:
            if error.status == HTTPStatus.NOT_FOUND:  # its event is still on the way
                return None
            raise
        if found["status"] == "failed":
            raise CommandError(
                f"{delivery.file}: failed: {why_failed(found)}. Onyx has given it up: `onyx dlq show "
                f"{CHANNEL}` shows its message, and once the cause is mended `onyx dlq redrive {CHANNEL}` "
                "tries it again."
            )
        if found["status"] == "waiting":
            # Everything was put before it, so nothing is on its way any more.
            waits = found.get("waiting") or {}
            named = ", ".join(waits.get("missing") or [])
            raise CommandError(
                f"{delivery.file}: {waits.get('reason', 'it waits for other files')}: {named}. Onyx takes "
                "the delivery when they have come: ingest the whole folder once they are in it."
            )
        if found["status"] == "retrying":
            self._tell_retry(delivery, why_failed(found))
        return list(found["bills"]) if found["status"] == "done" else None

    def _tell_retry(self, delivery: Delivery, why: str) -> None:
        """Each failure once."""
        if self._told.get(delivery.id) != why:
            self._told[delivery.id] = why
            self._progress.retrying(delivery.file, why)

    def _chunks(self, file: Path, size: int) -> Iterator[bytes]:
        sent = 0
        with file.open("rb") as content:
            while chunk := content.read(CHUNK_BYTES):
                yield chunk
                sent += len(chunk)
                self._progress.uploading(file, sent, size)


def _s3_code(answer: httpx.Response) -> str:
    found = re.search(r"<Code>(\w+)</Code>", answer.text)
    return found.group(1) if found else ""
