"""The data check of files with a labelled column each, as collectors write them."""

from __future__ import annotations

import pytest
from builders.data_check import check, found, put

DEPTH_HEADER = "TimestampOfReceive,Stream,EventType,EventTime,Symbol,FirstUpdateId,FinalUpdateId,IsAsk,Price,Quantity"


def labelled_depth(count: int = 12) -> list[str]:
    rows = [DEPTH_HEADER]
    for i in range(count):
        start = (
            f"{1741046400062959 + i * 100000},trxusdt@depth@100ms,depthUpdate,{1741046400062507 + i * 100000},TRXUSDT"
        )
        rows += [
            f"{start},{100 + 2 * i},{101 + 2 * i},0,0.23{i % 10}1,804627.7",
            f"{start},{100 + 2 * i},{101 + 2 * i},1,0.2413,0.0",
        ]
    return rows


def labelled(tmp_path, rows: list[str]):
    path = put(
        tmp_path / "x_binance_difference_depth_stream_spot_trxusdt_04-03-2025.csv", "\n".join(rows).encode() + b"\n"
    )
    return check(path)


def test_a_clean_labelled_file_is_clean(tmp_path):
    report = labelled(tmp_path, ["# a comment", *labelled_depth()])
    assert (report.exit_code, report.files[0].messages, report.files[0].lines) == (0, 12, 26)


@pytest.mark.parametrize(
    ("row", "old", "new", "kind"),
    [
        (9, ",108,109,", ",107,109,", "out_of_order"),
        (9, "1741046400462507", "0", "refused"),
        (9, "1741046400462507", "1741046400362506", "venue_backwards"),
        (9, "1741046400462959", "1741046400362958", "recv_backwards"),
        (9, "depthUpdate", "trade", "inconsistent_rows"),
        (9, "trxusdt@", "btcusdt@", "inconsistent_rows"),
        (9, ",0,0.2341,", ",2,0.2341,", "refused"),
        (9, "0.2341", "-0.2341", "refused"),
        (9, "0.2341", "0.23415", "off_grid"),
        (9, "804627.7", "abc", "refused"),
        (9, "804627.7", "1e-abc", "refused"),
        (9, "1741046400462959", "0", "refused"),
        (9, ",804627.7", "", "bad_line"),
    ],
)
def test_a_defect_planted_in_a_labelled_file_is_found(tmp_path, row, old, new, kind):
    rows = labelled_depth()
    assert old in rows[row]
    rows[row] = rows[row].replace(old, new, 1)
    if kind in ("out_of_order", "venue_backwards", "recv_backwards") or (old == "1741046400462507" and new == "0"):
        rows[row + 1] = rows[row + 1].replace(old, new, 1)
    report = labelled(tmp_path, rows)
    assert kind in {defect.kind for defect in report.defects}
    assert all(row <= defect.line <= row + 4 for defect in report.defects)


@pytest.mark.parametrize(("quantity", "is_clean"), [("2e-01", True), ("2E+1", True), ("e-5", False), ("1e-05", True)])
def test_a_quantity_in_powers_of_ten_is_read_exactly(tmp_path, quantity, is_clean):
    rows = [row.replace("804627.7", quantity) for row in labelled_depth()]
    report = labelled(tmp_path, rows)
    refused = [defect for defect in report.defects if defect.kind == "refused"]
    assert (not refused) is is_clean


def test_a_labelled_file_without_a_column_is_refused(tmp_path):
    rows = labelled_depth()
    rows[0] = rows[0].replace("Quantity", "Qty")
    report = labelled(tmp_path, rows)
    assert (report.exit_code, "has no column Quantity" in report.files[0].error) == (65, True)


def test_rows_of_one_message_that_disagree_are_told(tmp_path):
    rows = labelled_depth()
    rows[10] = rows[10].replace("1741046400462959", "1741046400462958")
    assert ("inconsistent_rows", 11) in found(labelled(tmp_path, rows))


def test_a_snapshot_received_before_it_was_asked_for_is_told(tmp_path):
    rows = ["TimestampOfReceive,TimestampOfRequest,LastUpdateId,IsAsk,Price,Quantity"]
    rows += [f"1744588800258,1744588800{400 if bad else 180},{7 + bad},0,0.2301,5.0" for bad in (0, 1)]
    path = put(tmp_path / "x_depth_snapshot_spot_trxusdt_14-04-2025.csv", "\n".join(rows).encode() + b"\n")
    assert ("clock", 3) in found(check(path))


def test_labelled_trades_are_checked_by_their_ids(tmp_path):
    header = (
        "TimestampOfReceive,Stream,EventType,EventTime,TransactionTime,Symbol,TradeId,Price,Quantity,IsBuyerMarketMaker,"
        "MUnknownParameter"
    )
    rows = [header]
    rows += [
        f"17410464012{i:02d}286,trxusdt@trade,trade,17410464012{i:02d}000,17410464012{i:02d}000,TRXUSDT,{50 + i},"
        "0.2312,2.4,1,True"
        for i in range(9)
    ]
    path = tmp_path / "x_binance_trade_stream_spot_trxusdt_04-03-2025.csv"
    assert check(put(path, "\n".join(rows).encode() + b"\n")).exit_code == 0
    assert found(check(put(path, "\n".join(rows[:4] + rows[5:]).encode() + b"\n"))) == [("trade_id_gap", 5)]
    unsure = [*rows[:4], rows[4].replace(",1,True", ",maybe,True"), *rows[5:]]
    assert found(check(put(path, "\n".join(unsure).encode() + b"\n"))) == [("refused", 5), ("trade_id_gap", 6)]
