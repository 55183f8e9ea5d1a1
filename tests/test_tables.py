"""The catalogue holds together, and imports without Spark."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from retinue import registry, tables
from retinue.tables import CATALOGUE, Table


@pytest.mark.parametrize("table", CATALOGUE.values(), ids=lambda table: table.name)
def test_an_entry_names_its_own_columns(table: Table) -> None:
    names = table.column_names
    assert len(names) == len(set(names))
    assert table.layer in tables.LAYERS
    assert re.fullmatch(r"[a-z]+\.[a-z_]+", table.name)
    assert {*table.key, *table.cluster_by} <= set(names)
    assert all(column.meaning for column in table.columns)
    for condition in table.checks.values():
        assert any(re.search(rf"\b{name}\b", condition) for name in names)


def test_a_job_reads_and_writes_tables_of_the_catalogue_and_owns_what_it_writes() -> None:
    for name in registry.names():
        job = registry.find(name)
        assert {*job.READS, *job.WRITES} <= set(CATALOGUE)
        for written in job.WRITES:
            assert tables.find(written).owner in (name, "every job", name.replace("requeue", "ingest"))


def test_the_catalogue_imports_without_spark() -> None:
    look = "import sys, retinue.tables; sys.exit('pyspark' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", look], check=False).returncode == 0


CONTRACT = """
event_id visitor_id user_id occurred_at event_type event_name page category product_id query result_count
price_amount currency channel campaign_id referrer user_agent is_bot bot_reason source legal_basis
"""


def test_events_have_the_columns_that_every_source_maps_to() -> None:
    assert tables.find("silver.events").column_names == CONTRACT.split()
