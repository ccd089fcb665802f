"""Error tables: every documented code is there, and what the transport says comes first."""

from __future__ import annotations

import pytest

from bot4.adapters.venues.binance.errors import explain, translate
from bot4.adapters.venues.binance.errors_spot import SPOT_ERRORS
from bot4.adapters.venues.binance.errors_usdm import USDM_ERRORS
from bot4.domain.errors import Certainty, RejectReason
from bot4.ports.venue_outcome import Reject, Unknown

# errors.md of 2026-07-21.
DOCUMENTED_SPOT = """
1000 1001 1002 1003 1006 1007 1008 1013 1014 1015 1016 1020 1021 1022 1033 1034 1035 1100 1101 1102 1103 1104 1105 1106
1108 1111 1112 1114 1115 1116 1117 1118 1119 1120 1121 1122 1125 1127 1128 1130 1134 1135 1139 1145 1151 1152 1153 1155
1158 1160 1161 1165 1166 1168 1169 1170 1171 1172 1173 1174 1175 1176 1177 1178 1179 1180 1181 1182 1183 1184 1185 1186
1187 1188 1189 1190 1191 1194 1196 1197 1198 1199 1210 1211 1220 1221 1222 1223 1224 1225 2010 2011 2013 2014 2015 2016
2026 2035 2036 2039 2042 2043 2021 2022 1010 2038
"""
DOCUMENTED_USDM = """
1000 1001 1002 1003 1004 1005 1006 1007 1008 1010 1011 1013 1014 1015 1016 1020 1021 1022 1023 1099 1100 1101 1102 1103
1104 1105 1106 1108 1109 1110 1111 1112 1113 1114 1115 1116 1117 1118 1119 1120 1121 1122 1125 1126 1127 1128 1130 1136
2010 2011 2012 2013 2014 2015 2016 2017 2018 2019 2020 2021 2022 2023 2024 2025 2026 2027 2028 4000 4001 4002 4003 4004
4005 4006 4007 4008 4009 4010 4011 4012 4013 4014 4015 4016 4017 4018 4019 4020 4021 4022 4023 4024 4025 4026 4027 4028
4029 4030 4031 4032 4033 4044 4045 4046 4047 4048 4049 4050 4051 4052 4053 4054 4055 4056 4057 4058 4059 4060 4061 4062
4063 4064 4065 4066 4067 4068 4069 4070 4071 4072 4073 4074 4075 4076 4077 4078 4079 4080 4081 4082 4083 4084 4085 4086
4087 4088 4104 4109 4114 4115 4116 4117 4118 4120 4131 4135 4137 4138 4139 4140 4141 4142 4144 4161 4164 4165 4167 4168
4169 4170 4171 4172 4183 4184 4192 4202 4203 4205 4206 4208 4209 4210 4211 4400 4401 4402 4403 5021 5022 5024 5025 5026
5027 5028 5029 5037 5038 5039 5040 5041 5043
"""


@pytest.mark.parametrize(("table", "text"), [(SPOT_ERRORS, DOCUMENTED_SPOT), (USDM_ERRORS, DOCUMENTED_USDM)])
def test_every_documented_code_has_its_meaning(table, text):
    documented = {-int(code) for code in text.split()}
    assert documented <= set(table)
    assert all(
        isinstance(rule.certainty, Certainty) and isinstance(rule.reason, RejectReason) for rule in table.values()
    )
    unknown = {code for code, rule in table.items() if rule.certainty is Certainty.UNKNOWN}
    assert {-1000, -1001, -1006, -1007} <= unknown


@pytest.mark.parametrize("table", [SPOT_ERRORS, USDM_ERRORS])
def test_what_is_not_in_the_table_is_unknown(table):
    for code in (-9999, 0, 7, None):
        assert explain(table, code, "").certainty is Certainty.UNKNOWN
        assert isinstance(translate(table, status=400, code=code, message="?"), Unknown)


@pytest.mark.parametrize("table", [SPOT_ERRORS, USDM_ERRORS])
def test_any_5xx_leaves_the_execution_unknown_but_for_marked_codes(table):
    for code, rule in table.items():
        outcome = translate(table, status=503, code=code, message=rule.name)
        assert isinstance(outcome, Reject) is rule.holds_at_5xx, code
    assert isinstance(translate(table, status=502, code=None, message="<html>"), Unknown)


@pytest.mark.parametrize(
    ("code", "spot", "usdm"),
    [
        (-2021, RejectReason.UNCLEAR, RejectReason.WOULD_TRIGGER),
        (-2022, RejectReason.NO_CHANGE, RejectReason.REDUCE_ONLY),
        (-2026, RejectReason.NO_CHANGE, RejectReason.REDUCE_ONLY),
        (-1008, RejectReason.UNCLEAR, RejectReason.RATE_LIMITED),
    ],
)
def test_the_same_number_means_another_thing_on_the_other_market(code, spot, usdm):
    assert SPOT_ERRORS[code].reason is spot
    assert USDM_ERRORS[code].reason is usdm


@pytest.mark.parametrize(
    ("code", "message", "reason"),
    [
        (-2010, "Account has insufficient balance for requested action.", RejectReason.INSUFFICIENT_FUNDS),
        (-2010, "Order would immediately match and take.", RejectReason.WOULD_TAKE_LIQUIDITY),
        (-2010, "Order would trigger immediately.", RejectReason.WOULD_TRIGGER),
        (-2010, "Market is closed.", RejectReason.VENUE_HALTED),
        (-2010, "something new", RejectReason.INVALID_REQUEST),
        (-2011, "Unknown order sent.", RejectReason.UNKNOWN_ORDER),
        (-2011, "Order was not canceled due to cancel restrictions.", RejectReason.NO_CHANGE),
        (-2038, "The requested action would change no state; rejecting.", RejectReason.NO_CHANGE),
        (-1013, "Filter failure: LOT_SIZE", RejectReason.FILTER_VIOLATION),
        (-2015, "Invalid API-key, IP, or permissions for action.", RejectReason.AUTH_FAILED),
        (-1021, "Timestamp for this request is outside of the recvWindow.", RejectReason.CLOCK_SKEW),
    ],
)
def test_refusals_are_named_in_our_words(code, message, reason):
    outcome = translate(SPOT_ERRORS, status=400, code=code, message=message)
    assert isinstance(outcome, Reject)
    assert outcome.reason is reason
    assert outcome.code == code


def test_a_filter_is_named():
    assert "LOT_SIZE" in translate(SPOT_ERRORS, status=400, code=-1013, message="Filter failure: LOT_SIZE").message


def test_an_id_that_is_there_already_is_no_refusal_but_a_reason_to_look():
    for table, code, message in ((SPOT_ERRORS, -2010, "Duplicate order sent."), (USDM_ERRORS, -4116, "duplicated")):
        assert explain(table, code, message).certainty is Certainty.YES
        assert isinstance(translate(table, status=400, code=code, message=message), Unknown)


def test_limits_carry_when_to_come_back():
    limited = translate(SPOT_ERRORS, status=429, code=-1003, message="", retry_after_s=7.0)
    assert (limited.reason, limited.retry_after_s) == (RejectReason.RATE_LIMITED, 7.0)
    banned = translate(SPOT_ERRORS, status=418, code=-1003, message="", retry_after_s=120.0)
    assert (banned.reason, banned.retry_after_s) == (RejectReason.BANNED, 120.0)
    assert translate(SPOT_ERRORS, status=403, code=None, message="<html>").reason is RejectReason.RATE_LIMITED


def test_texts_of_the_venue_are_cut_and_cleaned():
    outcome = translate(SPOT_ERRORS, status=400, code=-1100, message='x\n{"level":\x1b[31m' + "y" * 1_000)
    assert "\n" not in outcome.message
    assert "\x1b" not in outcome.message
    assert len(outcome.message) < 250
