"""`bot4 calibrate` as a command, on a capture made by the synthetic market and on recorded ones."""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from itertools import takewhile

import pytest
from click.testing import CliRunner

from bot4.adapters.recordings.catalog import InstrumentCatalog
from bot4.adapters.synthetic.market import SyntheticMarket
from bot4.domain.errors import ConfigError
from bot4.domain.instrument import Market
from bot4.entrypoints.cli.main import main
from bot4.quant.market_model import load_market_model

START_NS = 1_767_225_600_000_000_000


def write_capture(path, *, seconds, seed=3):
    instrument = InstrumentCatalog().require("binance", Market.SPOT, "BTCUSDT")
    market = SyntheticMarket(
        instrument, seed=seed, start_ns=START_NS, start_price=Decimal(60_000), volatility_annual=0.6, messages_per_s=60
    )
    until = START_NS + int(seconds * 1e9)
    lines = [
        b"%d %b\n" % (stamped.recv_ns, stamped.frame)
        for stamped in takewhile(lambda stamped: stamped.recv_ns < until, market)
    ]
    path.write_bytes(b"".join(lines))
    return path


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    return write_capture(tmp_path_factory.mktemp("captures") / "btcusdt.txt", seconds=90)


def calibrate(*arguments):
    return CliRunner().invoke(main, ["calibrate", *map(str, arguments)])


def test_a_capture_becomes_a_parameter_file_with_scores(capture, tmp_path):
    result = calibrate(capture, "--out", tmp_path / "market.json", "--seconds", 60, "--json", tmp_path / "scores.json")
    assert result.exit_code == 0, result.output
    model = load_market_model(tmp_path / "market.json")
    assert model.origin.symbol == "BTCUSDT"
    assert model.origin.span_s == pytest.approx(90, abs=5)
    # The synthetic market sends 60 messages a second, a fifth of them prints: one taker each.
    assert model.takers.per_s == pytest.approx(12, rel=0.15)
    assert sum(regime.share for regime in model.regimes) == pytest.approx(1)
    scores = json.loads((tmp_path / "scores.json").read_bytes())
    assert {row["name"] for row in scores["scores"][0]["rows"]} >= {"spread, ticks", "takers/s", "volatility"}
    assert set(scores["goodness"]) == set(model.goodness)
    assert "lots of a taker" in result.output


def test_the_parameter_file_goes_alone_to_stdout(capture):
    result = calibrate(capture, "--out", "-", "--seconds", 60)
    assert result.exit_code == 0
    assert json.loads(result.stdout)["origin"]["symbol"] == "BTCUSDT"


@pytest.mark.untraced
def test_the_same_capture_and_seed_give_the_same_file(capture, tmp_path):
    for name in ("one.json", "two.json"):
        assert calibrate(capture, "--out", tmp_path / name, "--seconds", 60).exit_code == 0
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


def test_plots_are_drawn_and_are_the_same_each_time(capture, tmp_path):
    pytest.importorskip("matplotlib")
    for name in ("one", "two"):
        result = calibrate(capture, "--out", tmp_path / "m.json", "--seconds", 60, "--plot", tmp_path / name)
        assert result.exit_code == 0, result.output
    drawn = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert drawn == [
        f"{name}.svg" for name in ("depth", "latency", "moves", "rates", "spread", "taker_sizes", "volatility")
    ]
    for name in drawn:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_plots_without_matplotlib_are_refused_before_the_work(capture, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = calibrate(capture, "--out", tmp_path / "m.json", "--plot", tmp_path / "plots")
    assert result.exit_code == 78
    assert "--plot needs matplotlib: pip install 'bot4[plots]'" in result.output
    assert not (tmp_path / "m.json").exists()


def test_a_capture_too_short_is_bad_data_and_says_what_is_missing(tmp_path):
    result = calibrate(write_capture(tmp_path / "short.txt", seconds=10), "--out", tmp_path / "m.json")
    assert result.exit_code == 65
    assert "seconds with a live book, at least 30 are needed" in result.output
    assert not (tmp_path / "m.json").exists()


def test_diffs_without_their_snapshot_are_named(capture, tmp_path):
    torn = tmp_path / "torn.txt"
    lines = capture.read_bytes().splitlines(keepends=True)
    torn.write_bytes(b"".join(line for line in lines if b"lastUpdateId" not in line))
    result = calibrate(torn, "--out", tmp_path / "m.json")
    assert result.exit_code == 65
    assert "torn.txt: depth diffs without the snapshot they continue" in result.output


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["{capture}", "--symbol", "ETHUSDT"], 65, "symbols seen are BTCUSDT; name one of them with --symbol"),
        (["{capture}", "--seconds", "60", "--out", "/nowhere/m.json"], 73, "/nowhere/m.json cannot be written"),
        (["/nowhere/capture.gz"], 66, "/nowhere/capture.gz"),
        (["{capture}", "--out", "-", "--json", "-"], 2, "cannot both have stdout"),
        ([], 2, "Missing argument"),
    ],
)
def test_wrong_use_has_its_exit_code_and_words(capture, tmp_path, monkeypatch, arguments, code, words):  # noqa: PLR0917
    monkeypatch.chdir(tmp_path)
    result = calibrate(*(part.format(capture=capture) for part in arguments))
    assert result.exit_code == code, result.output
    assert words in result.output


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda model: model | {"format": 9}, "is of format 9"),
        (lambda model: model | {"surprise": 1}, "unknown field `surprise`"),
        (lambda model: model | {"buckets": model["buckets"][:3]}, "adds_per_s must be 20 numbers, were 3"),
        (lambda model: model | {"takers": model["takers"] | {"persistence": 2.0}}, "persistence"),
    ],
)
def test_a_parameter_file_that_is_none_is_refused_by_name(tmp_path, change, words):
    model = json.loads(load_market_model().to_json())
    path = tmp_path / "market.json"
    path.write_text(json.dumps(change(model)))
    with pytest.raises(ConfigError, match=words):
        load_market_model(path)


@pytest.mark.real_data
def test_recorded_days_are_fitted_and_scored(shared_data, tmp_path):
    folder = shared_data / "ws_captures" / "hftbacktest" / "spot"
    result = calibrate(
        folder / "btcusdt_20240808.gz", "--score", folder / "btcusdt_20240809.gz", "--out", tmp_path / "m.json",
        "--json", tmp_path / "s.json", "--seconds", 300,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    scores = json.loads((tmp_path / "s.json").read_bytes())["scores"]
    assert [(score["one"], score["other"]) for score in scores] == [
        ("recorded", "generated"), ("other recording", "generated"), ("recorded", "other recording"),
    ]  # fmt: skip
    model = load_market_model(tmp_path / "m.json")
    bundled = load_market_model()
    # The bundled parameters are this fit, whatever was generated beside it.
    assert model.buckets == bundled.buckets
    assert model.regimes == bundled.regimes
    assert model.takers == bundled.takers
    assert -1_290 < model.latency.offset_ms < -1_260  # the recorder's clock ran 1.27 s behind
