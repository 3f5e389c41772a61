"""Code location *analytics*: what the flights say. Its inputs are assets of the location *ingest*."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import partita as pt
from partita.demo.archive import DAYS, MONTHS

Vector = NDArray[np.float64]
Frames = pd.DataFrame | dict[str, pd.DataFrame]
"""One day's table, or several by day when a run writes several."""

ON_TIME = 15
"""Minutes: the Department of Transportation counts an arrival as late from here on."""

HOLD_OUT = 4
"""Every fourth day is kept from the fit and used to measure its error."""

FEATURES = ("hour", "precip", "wind_speed", "visib", "temp", "distance")
"""Columns the model fits, beside one constant per carrier."""


@dataclass(frozen=True)
class DelayModel:
    """Minutes of departure delay as a linear function of hour, weather, distance and carrier."""

    carriers: tuple[str, ...]
    coefficients: tuple[float, ...]
    rmse: float
    """Root of the mean squared error in minutes, on the days held out."""
    rmse_of_mean: float
    """The same for a guess that always says the mean."""

    def predict(self, flights: pd.DataFrame) -> Vector:
        """Expected delay of each flight, in minutes."""
        expected: Vector = design(flights, self.carriers) @ np.array(self.coefficients)
        return expected


def design(flights: pd.DataFrame, carriers: tuple[str, ...]) -> Vector:
    """The matrix of the model: the features, then one column per carrier."""
    by_carrier = [(flights["carrier"] == carrier).to_numpy(float) for carrier in carriers]
    return np.column_stack([*(flights[name].to_numpy(float) for name in FEATURES), *by_carrier])


def _join(flights: pd.DataFrame, weather: pd.DataFrame) -> pd.DataFrame:
    columns = ["origin", "time_hour", "temp", "wind_speed", "precip", "visib"]
    return flights.merge(weather[columns], on=["origin", "time_hour"], how="left")


@pt.asset(partitions=DAYS, group="joined", kinds=["parquet"], backfill=pt.Backfill.runs_of(10))
def flights_weather(context: pt.AssetContext, flights: Frames, weather: Frames) -> Frames:
    """Each flight with the weather at its airport in the hour it was to leave."""
    if isinstance(flights, dict) and isinstance(weather, dict):
        joined = {day: _join(flights[day], weather[day]) for day in context.partition_keys}
        context.add_metadata({"rows": sum(map(len, joined.values()))})
        return joined
    assert isinstance(flights, pd.DataFrame)
    assert isinstance(weather, pd.DataFrame)
    frame = _join(flights, weather)
    context.add_metadata({"rows": len(frame), "with weather": int(frame["temp"].notna().sum())})
    return frame


@pt.asset_check(asset=flights_weather)
def weather_is_known(flights_weather: Frames) -> pt.CheckResult:
    """Nearly every flight should find its hour of weather; the 31st of December finds none, so this warns."""
    frame = pd.concat(flights_weather.values()) if isinstance(flights_weather, dict) else flights_weather
    share = float(frame["temp"].notna().mean()) if len(frame) else 1.0
    return pt.CheckResult(passed=share >= 0.95, severity=pt.Severity.WARN, metadata={"share with weather": share})


@pt.asset(partitions=MONTHS, group="marts", kinds=["parquet"], owners=["team:analytics"])
def carrier_punctuality(context: pt.AssetContext, flights_weather: dict[str, pd.DataFrame], airlines: pd.DataFrame) -> pd.DataFrame:
    """By carrier and month: flights, mean departure delay in minutes, share that arrived on time, share that never left."""
    frame = pd.concat(flights_weather.values())
    frame["on_time"] = frame["arr_delay"] < ON_TIME
    frame["canceled"] = frame["dep_time"].isna()
    table = frame.groupby("carrier").agg(
        flights=("flight", "size"),
        departed=("dep_delay", "count"),
        delay_minutes=("dep_delay", "sum"),
        mean_delay=("dep_delay", "mean"),
        on_time=("on_time", "mean"),
        canceled=("canceled", "mean"),
    )
    named = table.reset_index().merge(airlines, on="carrier", how="left").sort_values("flights", ascending=False, ignore_index=True)
    rows = [{str(name): value for name, value in row.items()} for row in named.round(4).to_dict("records")]
    context.add_metadata({"carriers": len(named), "flights": int(named["flights"].sum()), "table": pt.Table(rows)})
    return named


@pt.asset_check(asset=carrier_punctuality, blocking=True)
def shares_are_shares(carrier_punctuality: pd.DataFrame) -> pt.CheckResult:
    """A share outside 0 to 1 means the table is wrong."""
    shares = carrier_punctuality[["on_time", "canceled"]]
    return pt.CheckResult(passed=bool(((shares >= 0) & (shares <= 1)).all().all()), metadata={"carriers": len(carrier_punctuality)})


def fit(frame: pd.DataFrame) -> tuple[DelayModel, int, int]:
    """The model of least squares over the known flights, and how many flights it was fitted to and tested on."""
    known = frame.dropna(subset=["dep_delay", *FEATURES])
    held_out = known["day"] % HOLD_OUT == 0
    train, test = known[~held_out], known[held_out]
    carriers = tuple(sorted(known["carrier"].unique()))
    delay = train["dep_delay"].to_numpy(float)
    coefficients, *_ = np.linalg.lstsq(design(train, carriers), delay, rcond=None)
    actual = test["dep_delay"].to_numpy(float)
    rmse = _rms(design(test, carriers) @ coefficients - actual)
    model = DelayModel(carriers, tuple(map(float, coefficients)), rmse=rmse, rmse_of_mean=_rms(delay.mean() - actual))
    return model, len(train), len(test)


def _rms(errors: Vector) -> float:
    return float(np.sqrt(np.mean(errors**2)))


@pt.asset(group="marts", kinds=["model"], owners=["team:analytics"])
def delay_model(context: pt.AssetContext, flights_weather: dict[str, pd.DataFrame]) -> DelayModel:
    """A linear model of departure delays over all days, with its error on days it has not seen."""
    model, fitted, tested = fit(pd.concat(flights_weather.values()))
    context.add_metadata({"rmse": model.rmse, "rmse of the mean": model.rmse_of_mean, "flights fitted": fitted, "flights tested": tested})
    context.log.info("error %.2f minutes against %.2f for the mean", model.rmse, model.rmse_of_mean)
    return model


@pt.asset_check(asset=delay_model)
def beats_the_mean(delay_model: DelayModel) -> pt.CheckResult:
    """A model that is worse than saying the mean is none."""
    return pt.CheckResult(
        passed=delay_model.rmse < delay_model.rmse_of_mean, metadata={"rmse": delay_model.rmse, "rmse of the mean": delay_model.rmse_of_mean}
    )


punctuality = pt.asset_job("punctuality", selection="carrier_punctuality")

analytics = pt.Repository(
    "analytics",
    assets=[
        # What *ingest* defines: named here, owned there.
        pt.AssetSpec("flights"),
        pt.AssetSpec("weather"),
        pt.AssetSpec("raw/airlines"),
        flights_weather,
        carrier_punctuality,
        delay_model,
    ],
    checks=[weather_is_known, shares_are_shares, beats_the_mean],
    jobs=[punctuality, pt.asset_job("marts", selection="group:marts")],
    schedules=[pt.partition_schedule(punctuality, day_of_month=2, hour=6)],
)
