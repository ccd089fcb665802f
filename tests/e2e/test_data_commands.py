"""`bot4 data check` and `bot4 doctor` from the command line's side."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from builders.recordings import BinanceWriter, binance_capture, kraken_capture, trades_csv
from click.testing import CliRunner

from bot4.entrypoints.cli.data import data
from bot4.entrypoints.cli.doctor import doctor

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def capture(tmp_path):
    path = tmp_path / "btcusdt.gz"
    path.write_bytes(gzip.compress(binance_capture()))
    return path


def check(*arguments):
    return CliRunner().invoke(data, ["check", *map(str, arguments)])


def run(code: str, *arguments, text: bool = True) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=text,
        timeout=60,
        check=False,
    )


def test_a_clean_file_is_told_with_its_book(capture):
    result = check(capture)
    assert result.exit_code == 0
    assert "frames with an integer stamp (gzip), binance spot: BTCUSDT" in result.stdout
    assert "book: live" in result.stdout
    assert result.stdout.rstrip().endswith("1 file: clean")


def test_a_dump_of_a_header_alone_is_refused(tmp_path):
    path = tmp_path / "BTCUSDT-trades-2025-01-01.csv"
    path.write_bytes(trades_csv(0, header=True))
    result = check(path)
    assert result.exit_code == 65
    assert f"{path} holds a header and no row" in result.stdout


def test_every_row_of_a_dump_that_begins_with_a_byte_order_mark_is_read(tmp_path):
    path = tmp_path / "BTCUSDT-trades-2025-01-01.csv"
    path.write_bytes(b"\xef\xbb\xbf" + trades_csv(50))
    result = check(path)
    assert "50 lines, 50 messages" in result.stdout


def test_whether_a_file_may_be_read_is_found_out_by_reading_it(capture, monkeypatch):
    """Asked of the system beforehand, the answer ended with code 2, usage, where 66 is documented."""
    monkeypatch.setattr("os.access", lambda *_, **__: False)
    assert check(capture).exit_code == 0


def test_defects_are_lines_with_file_and_line_and_exit_1(tmp_path):
    parts = BinanceWriter().session(10).lines
    path = tmp_path / "gap"
    path.write_bytes(b"\n".join(parts[:20] + parts[24:]) + b"\n")
    result = check(path)
    assert result.exit_code == 1
    assert re.search(rf"^{path}:2\d: sequence_gap: BTCUSDT: U \d+ after u \d+", result.stdout, re.MULTILINE)
    assert re.search(rf"^{path}:2\d: trade_id_gap: BTCUSDT: ", result.stdout, re.MULTILINE)
    assert "defects" in result.stdout.splitlines()[-1]


def test_json_to_stdout_is_json_and_nothing_else(capture, tmp_path):
    result = check(capture, tmp_path / "nowhere", "--json", "-")
    report = json.loads(result.stdout)
    assert (result.exit_code, report["exit_code"], report["clean"]) == (66, 66, False)
    assert report["instruments"][0]["symbol"] == "BTCUSDT"
    assert len(report["instruments"][0]["bids"]) == 10


def test_json_to_a_file_comes_beside_the_text(capture, tmp_path):
    result = check(capture, "--json", tmp_path / "report.json")
    assert (result.exit_code, "1 file: clean" in result.stdout) == (0, True)
    assert json.loads((tmp_path / "report.json").read_text())["files"][0]["messages"] == 61


def test_a_report_that_cannot_be_written_is_exit_73(capture, tmp_path):
    result = check(capture, "--json", tmp_path / "no" / "such" / "folder.json")
    assert result.exit_code == 73
    assert "cannot be written" in result.stderr


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("empty", b"", 65),
        ("text", b"hello\n", 65),
        ("bitmex", b'1626993367.8: {"table":"trade","data":[]}\n', 65),
        ("unnamed.csv", trades_csv(), 78),
    ],
)
def test_what_cannot_be_checked_has_its_exit_code_and_a_reason(tmp_path, name, content, code):
    path = tmp_path / name
    path.write_bytes(content)
    result = check(path)
    assert result.exit_code == code
    assert "1 file: 0 defects, 1 could not be checked" in result.stdout


def test_a_directory_and_a_missing_file_are_exit_66(tmp_path):
    assert check(tmp_path).exit_code == 66
    assert check(tmp_path / "nowhere").exit_code == 66


def test_rules_that_cannot_be_read_stop_the_check_with_one_line(capture, tmp_path):
    (tmp_path / "bad.toml").write_text("[[instrument]]\nfoo = 1\n")
    result = check(capture, "--instrument", tmp_path / "bad.toml")
    assert (result.exit_code, result.stdout) == (78, "")
    assert "unknown key 'foo'" in result.stderr


def test_a_wrong_option_is_a_usage_error(capture):
    assert check(capture, "--market", "moon").exit_code == 2
    assert check().exit_code == 2


def test_the_list_of_defects_is_bounded_and_says_what_is_left_out(tmp_path):
    parts = [line for i, line in enumerate(BinanceWriter().session(30).lines) if b'"trade"' not in line or i % 2]
    path = tmp_path / "a"
    path.write_bytes(b"\n".join(parts) + b"\n")
    result = check(path, "--list-max", "2")
    assert sum("trade_id_gap: BTCUSDT" in line for line in result.stdout.splitlines()) == 2
    assert "more defects" in result.stdout


def test_market_overrules_what_the_file_says(tmp_path):
    path = tmp_path / "kline"
    bar = (
        '"t":1723161240000,"T":1723161299999,"s":"BTCUSDT","i":"1m","f":1,"L":2,"o":"1.0","c":"1.0","h":"1.0","l":"1.0",'
        '"v":"1.000","n":2,"x":true,"q":"1.0","V":"0.500","Q":"0.5","B":"0"'
    )
    path.write_text(f'1723161300000 {{"e":"kline","E":1723161300000,"s":"BTCUSDT","k":{{{bar}}}}}\n')
    assert "taken as spot" in check(path).stdout
    assert "BTCUSDT (binance usdm)" in check(path, "--market", "usdm").stdout


def test_lines_are_never_wrapped_when_the_output_is_no_terminal(tmp_path):
    folder = tmp_path / ("long" * 40)
    folder.mkdir()
    parts = kraken_capture().splitlines()
    (folder / "k").write_bytes(b"\n".join([*parts[:2], *parts[3:]]) + b"\n")
    code = "from bot4.entrypoints.cli.data import data; data()"
    result = run(code, "check", folder / "k")
    assert result.returncode == 1
    assert sum(line.startswith(str(folder / "k:")) for line in result.stdout.splitlines()) >= 30
    assert result.stderr == ""


def test_help_needs_none_of_the_heavy_modules():
    code = (
        "import sys\n"
        "from bot4.entrypoints.cli.data import data\n"
        "from bot4.entrypoints.cli.doctor import doctor\n"
        "for command in (data, doctor):\n"
        "    command.main(['--help'], standalone_mode=False)\n"
        "heavy = {'numpy', 'rich', 'orjson', 'bot4.bootstrap', 'bot4._core.wire.scan'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)\n"
    )
    result = run(code)
    assert (result.returncode, result.stderr) == (0, "")


def test_doctor_tells_each_thing_on_a_line_and_exits_0(tmp_path):
    result = CliRunner().invoke(doctor, ["--data-dir", str(tmp_path)])
    assert result.exit_code == 0
    assert "bot4 can run here" in result.stdout
    for name in (
        "python",
        "core",
        "allocator",
        "clock source",
        "cores",
        "data directory",
        "disk",
        "redis",
        "postgresql",
    ):
        assert any(line[9:].startswith(name) for line in result.stdout.splitlines())


def test_doctor_json_is_json_and_nothing_else(tmp_path):
    result = CliRunner().invoke(doctor, ["--json", "--data-dir", str(tmp_path)])
    report = json.loads(result.stdout)
    assert report["usable"] is True
    assert {item["health"] for item in report["items"]} <= {"ok", "warn", "missing"}


def test_doctor_fails_where_the_data_cannot_be_written():
    result = CliRunner().invoke(doctor, ["--json", "--data-dir", "/proc/nowhere"])
    items = {item["name"]: item for item in json.loads(result.stdout)["items"]}
    assert (result.exit_code, items["data directory"]["health"]) == (1, "failed")
