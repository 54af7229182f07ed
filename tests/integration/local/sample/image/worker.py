"""A queue worker: writes what it received into the table."""

import json
import os
import signal
import sys
import types

import boto3

stopping = False


def stop(number: int, frame: types.FrameType | None) -> None:
    global stopping
    stopping = True


signal.signal(signal.SIGTERM, stop)
queue, table = boto3.client("sqs"), boto3.client("dynamodb")
sys.stdout.write("working\n")
while not stopping:
    answer = queue.receive_message(QueueUrl=os.environ["QUEUE_URL"], WaitTimeSeconds=1)
    for message in answer.get("Messages", []):
        landed = json.loads(message["Body"])["detail"]["object"]
        item = {"pk": {"S": f"landed#{landed['key']}"}, "version": {"S": landed["version-id"]}}
        table.put_item(TableName="sample-table", Item=item)
        queue.delete_message(QueueUrl=os.environ["QUEUE_URL"], ReceiptHandle=message["ReceiptHandle"])
sys.stdout.write("stopped cleanly\n")
