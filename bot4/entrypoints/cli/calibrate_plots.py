"""Plots of a calibration, with matplotlib loaded only here (extra ``plots``)."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np

from bot4._core.sim.market_measure import MeasureKind
from bot4.domain.errors import ConfigError, OutputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bot4.quant.calibration import Calibration
    from bot4.quant.market_statistics import MarketStatistics


def load_plotter() -> Callable[[Calibration, Path], list[Path]]:
    """Return what draws a calibration.

    Raises
    ------
    ConfigError
        matplotlib is not installed.

    """
    try:
        matplotlib = importlib.import_module("matplotlib")
        matplotlib.use("svg")
        # The same calibration gives the same bytes: no time, no random names.
        matplotlib.rcParams["svg.hashsalt"] = "bot4"
        pyplot = importlib.import_module("matplotlib.pyplot")
    except ImportError:
        raise ConfigError("--plot needs matplotlib: pip install 'bot4[plots]'") from None

    def draw(calibration: Calibration, folder: Path) -> list[Path]:
        return _draw(pyplot, calibration, folder)

    return draw


def _draw(pyplot: Any, calibration: Calibration, folder: Path) -> list[Path]:
    markets = [("recorded", calibration.fitted), ("generated", calibration.generated)]
    if calibration.other is not None:
        markets.insert(1, ("other recording", calibration.other))
    plots: dict[str, Callable[[Any, list[tuple[str, MarketStatistics]]], None]] = {
        "spread": _spread,
        "depth": _depth,
        "rates": _rates,
        "taker_sizes": _taker_sizes,
        "moves": _moves,
        "volatility": _volatility,
        "latency": _latency,
    }
    drawn = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, plot in plots.items():
            figure, axes = pyplot.subplots(figsize=(7, 4.5), layout="constrained")
            plot(axes, markets)
            axes.legend()
            axes.set_title(f"{calibration.model.origin.symbol}: {name.replace('_', ' ')}")
            path = folder / f"{name}.svg"
            figure.savefig(path, metadata={"Date": None})
            pyplot.close(figure)
            drawn.append(path)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {(error.strerror or str(error)).lower()}") from None
    return drawn


def _spread(axes: Any, markets: list[tuple[str, MarketStatistics]]) -> None:
    for name, market in markets:
        ticks = sorted(market.spreads)
        beyond = 1.0 - np.cumsum([market.spreads[value] for value in ticks])
        axes.step(ticks, np.maximum(beyond, 1e-6), where="post", label=name)
    axes.set(xscale="log", yscale="log", xlabel="spread, ticks", ylabel="share of the time with a wider one")


def _depth(axes: Any, markets: list[tuple[str, MarketStatistics]]) -> None:
    for name, market in markets:
        lots = np.cumsum(market.depth)
        axes.plot(2.0 ** np.arange(len(lots)), lots, marker=".", label=name)
    axes.set(xscale="log", yscale="log", xlabel="nearer to the best price than, ticks", ylabel="mean lots of a side")


def _rates(axes: Any, markets: list[tuple[str, MarketStatistics]]) -> None:
    for name, market in markets:
        for what, style in (("adds", "-"), ("cancels", "--")):
            per_s = market.totals[what] / market.span_s
            axes.plot(2.0 ** np.arange(len(per_s)), np.maximum(per_s, 1e-4), style, label=f"{what}, {name}")
    axes.set(xscale="log", yscale="log", xlabel="nearer to the best price than, ticks", ylabel="a second, both sides")


def _taker_sizes(axes: Any, markets: list[tuple[str, MarketStatistics]]) -> None:
    _tails(axes, [(name, market.taker_lots) for name, market in markets])
    axes.set(xlabel="lots of a taker", ylabel="share that is larger")


def _moves(axes: Any, markets: list[tuple[str, MarketStatistics]]) -> None:
    _tails(axes, [(name, np.abs(market.moves) / 2.0) for name, market in markets])
    axes.set(xlabel="move of the mid between two depth messages, ticks", ylabel="share that is larger")


def _volatility(axes: Any, markets: list[tuple[str, MarketStatistics]]) -> None:
    for name, market in markets:
        squares = np.sort(market.windows["b"].astype(float))
        axes.plot(np.linspace(0.0, 1.0, len(squares)), np.sqrt(squares) / 2.0 + 0.1, label=name)
    axes.set(yscale="log", xlabel="share of the seconds", ylabel="volatility of a second, ticks (0.1 is none)")


def _latency(axes: Any, markets: list[tuple[str, MarketStatistics]]) -> None:
    for name, market in markets:
        found = market.of_kind(MeasureKind.MEASURE_LATENCY)
        held = np.sort(found["a"][found["b"] == 0].astype(float) / 1e6)
        if len(held) and held[-1] > held[0]:
            axes.plot(held - held[0] + 1.0, 1.0 - np.arange(len(held)) / len(held), label=name)
    axes.set(
        xscale="log", yscale="log", xlabel="feed latency above its least, ms, plus 1", ylabel="share that is later"
    )


def _tails(axes: Any, samples: list[tuple[str, Any]]) -> None:
    for name, sample in samples:
        if len(sample):
            axes.plot(np.sort(sample), 1.0 - np.arange(len(sample)) / len(sample), label=name)
    axes.set(xscale="log", yscale="log")
