"""Limits that several panels share. Where an alert has the same limit, both say the same."""

from typing import Final

from plantwright_dashboards.kit import Limit

OEE: Final = (
    Limit(
        "red", None, "less than 40 % of what the planned time could give: look at A, E and Q for which of them it is"
    ),
    Limit("yellow", 0.4, "common where nobody has looked yet"),
    Limit("green", 0.65, "good; over 85 % is rare outside of continuous lines"),
)
AVAILABILITY: Final = (
    Limit("red", None, "less than 70 % of the planned busy time is production: look at stops and setup"),
    Limit("yellow", 0.7, "stops or setup take more than a tenth"),
    Limit("green", 0.9, "as planned"),
)
EFFECTIVENESS: Final = (
    Limit("red", None, "slower than 70 % of the planned run time per item: slow cycles, minor stops, or a wrong plan"),
    Limit("yellow", 0.7, "somewhat slower than planned"),
    Limit("green", 0.9, "as planned"),
    Limit("purple", 1.05, "faster than planned: the profile's planned run time per item is too long"),
)
QUALITY: Final = (
    Limit("red", None, "more than 5 % of the parts are rejected"),
    Limit("yellow", 0.95, "more than 1 % of the parts are rejected"),
    Limit("green", 0.99, "as planned"),
)
COVERAGE: Final = (
    Limit("red", None, "less than 90 %, where PlantwrightKpiCoverageLow warns: the KPIs say nothing about the rest"),
    Limit("yellow", 0.9, "some of the time is unknown"),
    Limit("green", 0.99, "the KPIs rest on all of the time"),
)
SHARE: Final = (
    Limit("red", None, "more than one in ten is not: a common cause is likely"),
    Limit("yellow", 0.9, "single machines are not"),
    Limit("green", 1.0, "all are"),
)
BEHIND: Final = (
    Limit("green", None, "the MES is up to date"),
    Limit("yellow", 60.0, "more than a minute behind"),
    Limit(
        "red",
        900.0,
        "a quarter of an hour behind, where PlantwrightDeliveryBehind warns; nothing is lost while there is room",
    ),
)
FULL: Final = (
    Limit("green", None, "room enough"),
    Limit("yellow", 0.5, "half full: an outage goes on"),
    Limit("red", 0.8, "PlantwrightBufferNearlyFull fires; the overflow policy decides what happens when it is full"),
)
NONE_WANTED: Final = (Limit("green", None, "none"), Limit("red", 1.0, "look at what they are and why"))
SOME_HELD: Final = (Limit("green", None, "none"), Limit("yellow", 1.0, "kept, and waiting for somebody to look"))
SCRAP: Final = (
    Limit("green", None, "less than 1 % rejected"),
    Limit("yellow", 0.01, "more than 1 % rejected"),
    Limit("red", 0.05, "more than 5 % rejected"),
)
FIRST_PASS: Final = (
    Limit("red", None, "more than a tenth is not right at the first pass: scrap or rework, see which"),
    Limit("yellow", 0.9, "more than 3 % is scrapped or reworked"),
    Limit("green", 0.97, "nearly everything is right at the first pass"),
)
CERTIFICATE: Final = (
    Limit("red", None, "ended, or ends within 14 days, where PlantwrightCertificateEndsSoon warns"),
    Limit("yellow", 14 * 86400.0, "ends within 30 days"),
    Limit("green", 30 * 86400.0, "long enough"),
)
