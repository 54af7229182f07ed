"""The generator's manifests in every layout, as the product's own reader of manifests takes them."""

import csv
import gzip
import io
import zipfile
from pathlib import Path

import polars as pl
import pytest

from infra.demo.spec import BillFormat, Container, Versioning
from services.cost_center.domain.bill import DeliveryKind
from services.cost_center.domain.gathering import kind_of, manifests_of
from services.cost_center.domain.manifest import places, read_manifest
from services.cost_center.domain.naming import athena_name
from services.cost_center.domain.providers.registry import manifest_forms
from tests.fakes.demo_bills import written

FORMS = manifest_forms()


@pytest.mark.parametrize("fmt", list(BillFormat))
@pytest.mark.parametrize("container", list(Container))
@pytest.mark.parametrize("versioning", list(Versioning))
@pytest.mark.parametrize("prefix", ["bills", "a/b"])
def test_a_manifest_leads_to_its_files_and_they_to_it(
    tmp_path: Path, fmt: BillFormat, container: Container, versioning: Versioning, prefix: str
) -> None:
    bill = written(
        tmp_path, format=fmt, container=container, versioning=versioning, prefix=prefix,
        rows=40, months=1, files=2,
    )  # fmt: skip
    base = "acme/aws/"
    files = [base + str(path.relative_to(tmp_path)) for path in bill.files]

    for path in bill.manifests:
        key = base + str(path.relative_to(tmp_path))
        form, manifest = read_manifest(key, path.read_bytes(), FORMS)
        assert kind_of(key, FORMS) is DeliveryKind.MANIFEST
        assert [places(form, key, each.path) for each in manifest.files] == [[file] for file in files]
        assert manifest.period == "2026-08"
        told = list(manifest.columns)
        if (fmt, container) == (BillFormat.CUR, Container.PARQUET):
            told = [athena_name(each) for each in told]
        assert told == header(bill.files[0])
        # A parquet report's files do not lie below the period's folder: they are taken for overwritten.
        below = (fmt, container) != (BillFormat.CUR, Container.PARQUET)
        assert manifest.own_files is (versioning is Versioning.CREATE_NEW and below)
        if fmt is not BillFormat.CUR:
            assert manifest.created is not None
        for file in files:
            assert kind_of(file, FORMS) is DeliveryKind.PART
            assert key in manifests_of(file, FORMS)


def header(file: Path) -> list[str]:
    if file.suffix == ".parquet":
        return list(pl.read_parquet_schema(file))
    data = file.read_bytes()
    if file.suffix == ".zip":
        with zipfile.ZipFile(file) as archive:
            data = archive.read(archive.namelist()[0])
    text = gzip.decompress(data) if file.suffix == ".gz" else data
    return next(csv.reader(io.StringIO(text.decode())))
