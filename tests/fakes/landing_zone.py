"""A landing zone that answers like S3, and the cost center's API about what was put into it."""

import json
from typing import Any

import httpx

from shared.ids import deterministic_id

BUCKET = "landing"
TOTAL = {"currency": "USD", "raw_total": "1.000000000000000001", "curated_total": "1.000000000000000001"}


class LandingZone:
    """Keeps what is put, and judges each delivery at the `after`-th time it is asked."""

    def __init__(
        self, platform: Any, *, after: int = 1, status: str = "ingested", versioned: bool = True
    ) -> None:
        self.platform = platform
        self.after = after
        self.status = status
        self.versioned = versioned
        self.sources: list[str] = []
        self.files: dict[str, bytes] = {}
        self.lengths: list[str] = []
        self.asked: dict[str, int] = {}
        self.bills: dict[str, dict[str, Any]] = {}
        self.missing: list[str] = []
        """What every delivery waits for, if anything."""
        self.failure: dict[str, Any] | None = None
        """Why every attempt of `attempts` fails, one more each time it is asked."""

        platform.routes["POST", "/v1/cost-center/uploads"] = self.grant

    def grant(self, request: httpx.Request) -> httpx.Response:
        wanted = json.loads(request.content)
        self.sources.append(wanted["source"])
        upload = wanted.get("upload_id", f"u{len(self.sources)}")
        folder = f"delivery/{wanted['folder']}/".replace("//", "/") if "folder" in wanted else ""
        key = f"acme/{wanted['source']}/{upload}/{folder}{wanted['filename']}"
        self.platform.routes["PUT", f"/{BUCKET}/{key}"] = lambda put: self.put(key, put)
        return httpx.Response(
            201,
            json={
                "upload_id": upload,
                "bucket": BUCKET,
                "key": key,
                "url": f"http://s3.test/{BUCKET}/{key}?sig=1",
                "expires_at": "",
            },
        )

    def put(self, key: str, request: httpx.Request) -> httpx.Response:
        assert "authorization" not in request.headers, "the token must not go to S3"
        self.files[key] = request.read()
        self.lengths.append(request.headers["content-length"])
        identity = {"x-amz-version-id": "v1"} if self.versioned else {}
        delivery = deterministic_id(BUCKET, key, "v1" if self.versioned else "etag1")
        source, name = key.split("/")[1], key.split("/")[-1]
        self.bills[delivery] = {
            "bill_id": f"{source}.2026-09",
            "source": source,
            "format": "aws-cur-csv",
            "billing_period": "2026-09",
            "files": [name],
            "rows": 3,
            "totals": [{**TOTAL, "difference": "0"}],
            "status": self.status,
            "reasons": ["row 2: not a number"] if self.status == "rejected" else [],
            "published_at": "2026-11-20T09:00:00Z",
        }
        self.platform.routes["GET", f"/v1/cost-center/deliveries/{delivery}"] = lambda _: self.judge(delivery)
        return httpx.Response(200, headers={"etag": '"etag1"', **identity})

    def judge(self, delivery: str) -> httpx.Response:
        self.asked[delivery] = self.asked.get(delivery, 0) + 1
        if self.asked[delivery] < self.after:
            if self.asked[delivery] == 1:
                return httpx.Response(404, json={"detail": "no such delivery", "code": "NOT_FOUND"})
            return httpx.Response(200, json={"delivery_id": delivery, "status": "processing", "bills": []})
        if self.missing:
            waiting = {"reason": "some files are not there", "missing": self.missing}
            body = {"delivery_id": delivery, "status": "waiting", "bills": [], "waiting": waiting}
            return httpx.Response(200, json=body)
        if self.failure is not None:
            last = self.asked[delivery] - self.after + 1 >= self.failure["attempts"]
            body = {
                "delivery_id": delivery,
                "status": "failed" if last else "retrying",
                "bills": [],
                "failure": {**self.failure, "attempts": self.asked[delivery] - self.after + 1},
            }
            return httpx.Response(200, json=body)
        body = {"delivery_id": delivery, "status": "done", "bills": [self.bills[delivery]]}
        return httpx.Response(200, json=body)
