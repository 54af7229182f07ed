"""An HTTP server with the container contract: PORT, HOST, a health route, SIGTERM."""

import json
import os
import signal
import subprocess
import sys
import types
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
from botocore.exceptions import ClientError


def attempt() -> str:
    """What IAM says to a call that the role does not allow."""
    try:
        boto3.client("dynamodb").get_item(TableName="sample-table", Key={"pk": {"S": "x"}})
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        route = self.path.partition("?")[0]
        status, kind = (
            (422, "application/problem+json") if route.endswith("/problem") else (200, "application/json")
        )
        if route.endswith("/forbidden"):
            content = json.dumps({"refused": attempt()})
        elif route.endswith("/grandchild"):
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
            content = json.dumps({"pid": child.pid})
        else:
            content = json.dumps(
                {
                    "pid": os.getpid(),
                    "path": self.path,
                    "method": self.command,
                    "length": len(body),
                    "plain": os.environ.get("PLAIN"),
                    "key": len(os.environ.get("API_KEY", "")),
                    "cwd": str(Path.cwd()),
                }
            )
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("retry-after", "7")
        self.send_header("set-cookie", "a=1")
        self.send_header("set-cookie", "b=2")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content.encode())

    do_GET = do_POST = do_DELETE = answer  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        return None


def stop(number: int, frame: types.FrameType | None) -> None:
    sys.stdout.write("stopped cleanly\n")
    sys.exit(0)


signal.signal(signal.SIGTERM, stop)
sys.stdout.write("serving\n")
ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
