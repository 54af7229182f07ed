"""The bill generator: one made-up truth, written as AWS legacy CUR, CUR 2.0 and FOCUS, with its answer
key.

How a bill is made: a preset builds a `World` (accounts, meters, commitments, planted anomalies);
`ledger` turns its meters into line items, a chunk at a time; `month` adds what a month's end brings
(fees, credits, tax); the writers under `formats` say each line in their own format; `answer_key` sums
the truth, not the files. Nothing here knows how Onyx reads a bill.
"""
