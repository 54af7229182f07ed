"""The guide's provider, put into a folder of its own: it is found, and its bills are read."""

import json
import re
import subprocess
import sys
from pathlib import Path

GUIDE = Path(__file__).parents[4] / "docs" / "guides" / "add-a-provider.md"

BILL = """\
day,acme_account,month_start,month_end,currency,acme_cost,service,labels,colour
2026-09-01,a-1,2026-09-01,2026-10-01,EUR,0.100000000000000001,Compute,"{""env"": ""prod""}",red
2026-09-02,a-1,2026-09-01,2026-10-01,EUR,2e-1,,,
"""

# A process of its own: the registry looks for providers once, when it is imported.
RUN = """
import json, sys
from pathlib import Path
import polars as pl
from services.cost_center.domain import providers

folder = Path(sys.argv[1])
providers.__path__.append(str(folder / "more"))
from tests.fakes.cost_center_reading import prepare, raw_frame

prepared = prepare(folder, folder / sys.argv[2])
if prepared.rejection:
    print(json.dumps({"refused": [each.column for each in prepared.rejection.findings]}))
else:
    rows = pl.read_parquet(prepared.bills[0].charges.paths[0])
    print(json.dumps({
        "format": prepared.format,
        "raw": raw_frame(prepared)["colour"].to_list(),
        "charges": rows.select("BilledCost", "ServiceName", "Tags", "BillingPeriodEnd", "x_BillId",
                               "CommitmentDiscountId").rows(),
    }, default=str))
"""


def run(folder: Path, bill: str) -> dict[str, object]:
    [code] = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    package = folder / "more" / "acme"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(code)
    (folder / "bill.csv").write_text(bill)
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(folder), "bill.csv"],
        capture_output=True,
        text=True,
        check=False,
        cwd=GUIDE.parents[2],
    )
    assert done.returncode == 0, done.stderr
    said: dict[str, object] = json.loads(done.stdout)
    return said


def test_a_folder_is_all_that_a_provider_needs(tmp_path: Path) -> None:
    assert run(tmp_path, BILL) == {
        "format": "acme-csv",
        "raw": ["red", None],
        "charges": [
            ["0.100000000000000001", "Compute", {"env": "prod"}, "2026-10-01 00:00:00", "aws.2026-09", None],
            ["0.200000000000000000", "Acme", None, "2026-10-01 00:00:00", "aws.2026-09", None],
        ],
    }


def test_its_missing_columns_are_named(tmp_path: Path) -> None:
    assert run(tmp_path, BILL.replace("month_end", "until").replace("acme_cost", "cost")) == {
        "refused": ["acme_cost", "month_end"]
    }
