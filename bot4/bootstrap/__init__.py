"""The one place that joins adapters to what uses them. Each function builds what it returns; imports are lazy."""

from bot4.bootstrap.archive import import_market_data, list_market_data, open_archive
from bot4.bootstrap.backtest import TrialRunner, load_strategy
from bot4.bootstrap.backtest_input import BacktestInput
from bot4.bootstrap.control import kill_switch
from bot4.bootstrap.exchange import serve_exchange
from bot4.bootstrap.explain import explain_order
from bot4.bootstrap.failover import OpenStandby, open_standby
from bot4.bootstrap.features import feature_table, list_features
from bot4.bootstrap.golive_evidence import gather_evidence
from bot4.bootstrap.host import examine_host
from bot4.bootstrap.parity import parity_outcomes, serve_lockstep_exchange, through_lockstep
from bot4.bootstrap.recordings import calibrate_recordings, check_recordings, open_recording
from bot4.bootstrap.session import OpenSession, open_session
from bot4.bootstrap.trials import TrialBook, parameters_digest
from bot4.bootstrap.watchdog import watch_runs

__all__ = [
    "BacktestInput",
    "OpenSession",
    "OpenStandby",
    "TrialBook",
    "TrialRunner",
    "calibrate_recordings",
    "check_recordings",
    "examine_host",
    "explain_order",
    "feature_table",
    "gather_evidence",
    "import_market_data",
    "kill_switch",
    "list_features",
    "list_market_data",
    "load_strategy",
    "open_archive",
    "open_recording",
    "open_session",
    "open_standby",
    "parameters_digest",
    "parity_outcomes",
    "serve_exchange",
    "serve_lockstep_exchange",
    "through_lockstep",
    "watch_runs",
]
