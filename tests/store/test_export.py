import csv
import sys

import numpy as np
import polars
import pytest

from phasescope.errors import PhasescopeError
from phasescope.store.export import export_metrics

METRICS = {
    "train_loss": (np.array([0, 100, 200]), np.array([0.1 + 0.2, 1e-300, np.nan])),
    "gini": (np.array([100]), np.array([np.inf])),
}


def table(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_long_csv_reads_back_exactly(tmp_path):
    export_metrics(METRICS, tmp_path / "m.csv")
    rows = table(tmp_path / "m.csv")
    assert rows == [
        ["step", "name", "value"],
        ["0", "train_loss", "0.30000000000000004"],
        ["100", "gini", "inf"],
        ["100", "train_loss", "1e-300"],
        ["200", "train_loss", "nan"],
    ]
    assert float(rows[1][2]) == 0.1 + 0.2


def test_wide_csv_tells_nan_from_not_looked_at(tmp_path):
    export_metrics(METRICS, tmp_path / "m.csv", form="wide")
    assert (tmp_path / "m.csv").read_text().splitlines() == [
        "step,gini,train_loss",
        "0,,0.30000000000000004",
        "100,inf,1e-300",
        "200,,nan",
    ]


def test_names_with_commas_and_quotes_survive(tmp_path):
    export_metrics({'a,"b"\n': (np.array([0]), np.array([1.0]))}, tmp_path / "m.csv")
    assert table(tmp_path / "m.csv")[1] == ["0", 'a,"b"\n', "1.0"]


@pytest.mark.parametrize("form", ["long", "wide"])
def test_parquet_holds_the_same_table(tmp_path, form):
    export_metrics(METRICS, tmp_path / "m.parquet", form=form)
    frame = polars.read_parquet(tmp_path / "m.parquet")
    if form == "long":
        assert frame.schema == {"step": polars.Int64, "name": polars.String, "value": polars.Float64}
        assert frame["step"].to_list() == [0, 100, 100, 200]
        assert frame["value"].is_nan().to_list() == [False, False, False, True]
    else:
        assert frame.schema == {"step": polars.Int64, "gini": polars.Float64, "train_loss": polars.Float64}
        assert frame["gini"].to_list() == [None, float("inf"), None]
        assert frame["train_loss"].is_nan().to_list() == [False, False, True]


@pytest.mark.parametrize("form", ["long", "wide"])
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_run_without_metrics_gives_an_empty_table(tmp_path, form, ending):
    export_metrics({}, tmp_path / f"m.{ending}", form=form)
    assert (tmp_path / f"m.{ending}").stat().st_size > 0


def test_a_metric_may_be_called_name(tmp_path):
    export_metrics({"name": (np.array([0]), np.array([1.0]))}, tmp_path / "m.parquet", form="wide")
    assert polars.read_parquet(tmp_path / "m.parquet")["name"].to_list() == [1.0]
    with pytest.raises(PhasescopeError, match="in the long form"):
        export_metrics({"step": (np.array([0]), np.array([1.0]))}, tmp_path / "m.csv", form="wide")


def test_without_polars_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(PhasescopeError, match=r"pip install 'phasescope\[parquet\]'"):
        export_metrics(METRICS, tmp_path / "m.parquet")
    assert list(tmp_path.iterdir()) == []


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(PhasescopeError, match=r"\.csv or \.parquet; got m\.xlsx"):
        export_metrics(METRICS, tmp_path / "m.xlsx")
