"""Limits of the served exchange: calendar windows, bans, unfilled orders, and where the figures come from."""

from __future__ import annotations

import pytest

from bot4.adapters.simulator.accounts import parse_account, read_accounts
from bot4.adapters.simulator.faults.chaos import Chaos
from bot4.adapters.simulator.faults.settings import FaultSettings, decode_faults
from bot4.adapters.simulator.wire.errors import ApiError
from bot4.adapters.simulator.wire.limits import Limits, read_limits
from bot4.adapters.simulator.wire.order_budget import OrderBudget
from bot4.adapters.simulator.wire.request_budget import ADDRESSES_MAX, RequestBudget
from bot4.domain.errors import ConfigError, NoInputError

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
NOON = 1_700_000_040 * SECOND // MINUTE * MINUTE


def refusal_of(call, *arguments) -> ApiError:
    with pytest.raises(ApiError) as refused:
        call(*arguments)
    return refused.value


class TestRequestBudget:
    def test_a_minute_begins_when_the_clock_says_so(self):
        budget = RequestBudget(Limits(weight_per_minute=10))
        budget.charge("a", 10, NOON + 59 * SECOND)
        assert refusal_of(budget.charge, "a", 1, NOON + 59 * SECOND).status == 429
        assert budget.charge("a", 10, NOON + 60 * SECOND).weight == 10

    def test_a_refusal_says_how_long_to_wait(self):
        budget = RequestBudget(Limits(weight_per_minute=10))
        refused = refusal_of(budget.charge, "a", 11, NOON + 20 * SECOND)
        assert (refused.status, refused.code, refused.retry_after_s) == (429, -1003, 40)
        assert refused.text.startswith("Too much request weight used; current limit is 10 request weight per 1 MINUTE.")
        assert refused.data == {"serverTime": (NOON + 20 * SECOND) // 10**6, "retryAfter": (NOON + MINUTE) // 10**6}

    def test_addresses_do_not_share_a_budget(self):
        budget = RequestBudget(Limits(weight_per_minute=10))
        refusal_of(budget.charge, "a", 11, NOON)
        budget.charge("b", 10, NOON)

    def test_who_does_not_heed_is_banned_and_each_ban_is_longer(self):
        budget = RequestBudget(Limits(weight_per_minute=1, refusals_before_ban=3, first_ban_s=120, longest_ban_s=300))
        at, lengths = NOON, []
        for _ in range(3):
            budget.charge("a", 1, at)
            statuses = [refusal_of(budget.charge, "a", 1, at).status for _ in range(4)]
            assert statuses == [429, 429, 429, 418]
            banned = refusal_of(budget.charge, "a", 1, at)
            assert banned.status == 418
            assert "IP banned until" in banned.text
            lengths.append(banned.retry_after_s)
            at = (at + banned.retry_after_s * SECOND) // MINUTE * MINUTE + MINUTE
        assert lengths == [120, 240, 300]

    def test_weight_that_was_not_used_is_given_back(self):
        budget = RequestBudget(Limits())
        budget.charge("a", 5, NOON)
        assert budget.give_back("a", 1, NOON).weight == 4

    def test_raw_requests_have_a_window_of_five_minutes(self):
        budget = RequestBudget(Limits(raw_requests_per_5_minutes=2))
        start = NOON // (5 * MINUTE) * (5 * MINUTE)
        budget.charge("a", 1, start)
        budget.charge("a", 1, start + MINUTE)
        assert refusal_of(budget.charge, "a", 1, start + 2 * MINUTE).status == 429
        budget.charge("a", 1, start + 5 * MINUTE)

    def test_connections_are_counted(self):
        budget = RequestBudget(Limits(connections_per_5_minutes=2))
        for _ in range(2):
            budget.charge_connection("a", 0, NOON)
        assert refusal_of(budget.charge_connection, "a", 0, NOON).code == -1034

    def test_memory_of_addresses_is_bounded_and_bans_outlive_it(self):
        budget = RequestBudget(Limits(weight_per_minute=1, refusals_before_ban=1))
        budget.charge("banned", 1, NOON)
        for _ in range(2):
            refusal_of(budget.charge, "banned", 1, NOON)
        for number in range(ADDRESSES_MAX + 10):
            budget.charge(f"a{number}", 1, NOON)
        assert len(budget._uses) <= ADDRESSES_MAX
        assert refusal_of(budget.charge, "banned", 1, NOON).status == 418


def order_budget(limits=None):
    figures = limits or Limits()
    return OrderBudget(figures.order_windows(), maker_credit=figures.maker_fill_credit, taker_credit=1)


class TestOrderBudget:
    """The examples of faqs/order_count_decrement.md."""

    def test_a_taking_order_takes_one_off_at_its_first_fill(self):
        budget = order_budget()
        counts = []
        for action in ("place", "place", "taker", "place", "place", "taker"):
            if action == "place":
                budget.add(1, NOON)
            else:
                budget.filled(is_maker=False, now_ns=NOON)
            counts.append(budget.counts[0])
        assert counts == [1, 2, 1, 2, 3, 2]

    def test_a_resting_order_takes_five_off_and_never_below_nothing(self):
        budget = order_budget()
        budget.add(5, NOON)
        budget.filled(is_maker=True, now_ns=NOON)
        assert budget.counts[0] == 0
        budget.add(2, NOON)
        budget.filled(is_maker=True, now_ns=NOON)
        assert (budget.counts[0], budget.counts[1]) == (0, 0)

    def test_a_day_goes_on_when_ten_seconds_are_over(self):
        budget = order_budget()
        budget.add(3, NOON)
        budget.roll(NOON + 10 * SECOND)
        assert (budget.counts[0], budget.counts[1]) == (0, 3)

    def test_too_many_are_refused_with_the_limit_and_the_window(self):
        budget = order_budget(Limits(orders_per_10_seconds=2))
        budget.add(2, NOON)
        refused = refusal_of(budget.check, 1, NOON)
        assert (refused.status, refused.code) == (429, -1015)
        assert refused.text == "Too many new orders; current limit is 2 orders per 10 SECOND."
        budget.check(1, NOON + 10 * SECOND)


class TestFiles:
    def test_limits_of_a_file_stand_beside_the_venues(self, tmp_path):
        path = tmp_path / "limits.toml"
        path.write_text("weight_per_minute = 5\n")
        assert read_limits(path) == Limits(weight_per_minute=5)

    @pytest.mark.parametrize("text", ["weight = 5", "weight_per_minute = 0", "weight_per_minute = '5'", "= 5"])
    def test_wrong_limits_are_refused(self, tmp_path, text):
        path = tmp_path / "limits.toml"
        path.write_text(text)
        with pytest.raises(ConfigError):
            read_limits(path)

    def test_a_file_that_is_not_there_is_named(self, tmp_path):
        with pytest.raises(NoInputError, match="no such file"):
            read_limits(tmp_path / "none.toml")

    def test_an_account_of_the_command_line(self):
        spec = parse_account("alice:KEY:SECRET:USDT=100,BTC=0.00000001")
        assert (spec.name, spec.keys[0].name, spec.keys[0].secret) == ("alice", "KEY", "SECRET")
        assert dict(spec.balances) == {"USDT": 100 * 10**8, "BTC": 1}

    @pytest.mark.parametrize("text", ["", "a:b", "a:b:c", ":k:s:USDT=1", "a:k:s:usdt=1", "a:k:s:USDT=-1", "a:k:s:USDT"])
    def test_a_wrong_account_is_refused_without_its_secret(self, text):
        with pytest.raises(ConfigError) as refused:
            parse_account(text)
        assert ":s:" not in str(refused.value)

    def test_accounts_of_a_file_have_all_kinds_of_keys(self, tmp_path):
        (tmp_path / "key.pem").write_text("-----BEGIN PUBLIC KEY-----\n")
        path = tmp_path / "accounts.toml"
        path.write_text(
            '[account.a]\nbalances = { USDT = "1.5" }\ntrade_group = 3\n'
            'keys = [{ name = "H", secret = "s" }, { name = "P", public_key_file = "key.pem", may_trade = false }]\n'
        )
        (spec,) = read_accounts(path)
        assert (spec.trade_group, dict(spec.balances)) == (3, {"USDT": 150_000_000})
        assert [(key.name, key.secret, key.may_trade) for key in spec.keys] == [("H", "s", True), ("P", None, False)]

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "[account]",
            "[account.a]\nkeys = []",
            '[account.a]\nkeys = [{ name = "x" }]',
            '[account.a]\nkeys = [{ name = "x", secret = "s", public_key = "p" }]',
            '[account.a]\nkeys = [{ name = "x", secret = "s", x = 1 }]',
            '[account.a]\nkeys = [{ name = "x", secret = "s" }]\nbalances = { USDT = "-1" }',
            '[account.a]\nkeys = [{ name = "x", secret = "s" }]\nbalances = { USDT = true }',
            '[account.a]\nkeys = [{ name = "x", secret = "s" }]\nbalances = { "" = "1" }',
            '[account.a]\nkeys = [{ name = "x", secret = "s" }]\nbalances = "1"',
            '[account.a]\nkeys = [{ name = "x", secret = "s" }]\ntrade_group = -2',
            '[account.a]\nkeys = [{ name = "x", secret = "s", may_trade = "yes" }]',
            '[account.a]\nkeys = [{ name = "x", secret = "s", may_withdraw = 1 }]',
            '[account.a]\nkeys = [{ name = "", secret = "s" }]',
            '[account.a]\nkeys = [{ secret = "s" }]',
            '[account.a]\nkeys = ["x"]',
            "account = 7",
        ],
    )
    def test_wrong_files_of_accounts_are_refused(self, tmp_path, text):
        path = tmp_path / "accounts.toml"
        path.write_text(text)
        with pytest.raises(ConfigError):
            read_accounts(path)

    def test_a_file_of_accounts_may_be_json_and_must_be_there(self, tmp_path):
        path = tmp_path / "accounts.json"
        path.write_text('{"account":{"a":{"keys":[{"name":"x","secret":"s"}]}}}')
        assert [spec.name for spec in read_accounts(path)] == ["a"]
        path.write_text("[]")
        with pytest.raises(ConfigError, match="must be a table"):
            read_accounts(path)
        with pytest.raises(NoInputError, match="cannot be read"):
            read_accounts(tmp_path / "absent.toml")


class TestFaultSettings:
    def test_nothing_asked_is_nothing_wrong(self):
        assert decode_faults(b"{}") == FaultSettings()

    @pytest.mark.parametrize(
        "text",
        [
            b"{",
            b"[]",
            b'{"unknown":1}',
            b'{"drop_diffs":1.5}',
            b'{"drop_diffs":0.6,"delay_diffs":0.6}',
            b'{"order_timeouts":-0.1}',
            b'{"outage_s":-1}',
            b'{"partial_fill_storm":0}',
            b'{"chaos_period_s":0}',
        ],
    )
    def test_wrong_faults_are_refused(self, text):
        with pytest.raises(ConfigError):
            decode_faults(text)

    def test_the_same_seed_gives_the_same_mixtures(self):
        def mixtures(seed):
            chaos = Chaos(FaultSettings(chaos_seed=seed))
            return [chaos.next() for _ in range(50)]

        assert mixtures(1) == mixtures(1)
        assert mixtures(1) != mixtures(2)
        assert len({str(item) for item in mixtures(1)}) > 10
