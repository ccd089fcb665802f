"""Settings: defaults, then ``bot4.toml``, then environment, then the command line; typed, validated, immutable.

A key is written ``section.name`` (``risk.open_orders_max``). In the environment it is ``BOT4_SECTION__NAME``
(``BOT4_RISK__OPEN_ORDERS_MAX``). An unknown key or a value out of range raises `ConfigError`, which names the key, the
value and the rule; the command line turns that into exit code 78.
"""

from bot4.config.control import ControlSettings
from bot4.config.failover import FailoverSettings
from bot4.config.features import FeaturesSettings
from bot4.config.golive import GoliveSettings
from bot4.config.loading import (
    DEFAULT_FILE,
    ENV_PREFIX,
    load_settings,
    override_settings,
    settings_keys,
    settings_to_dict,
)
from bot4.config.reasoned import (
    GateSettings,
    RegimeSettings,
    SignalsSettings,
    SizingSettings,
    StopsSettings,
)
from bot4.config.section import Section, require_positive, require_url
from bot4.config.settings import Settings
from bot4.config.trading import (
    BreakerSettings,
    ImpactSettings,
    JournalSettings,
    LiveSettings,
    PaperSettings,
    RiskSettings,
    RunSettings,
    ShardSettings,
    StoreSettings,
    StrategySettings,
    SyntheticSettings,
)
from bot4.config.venues import (
    BinanceSettings,
    BybitSettings,
    CoinbaseSettings,
    KrakenSettings,
    OkxSettings,
    PublicVenueSettings,
    StreamSettings,
    VenuesSettings,
)

__all__ = [
    "DEFAULT_FILE",
    "ENV_PREFIX",
    "BinanceSettings",
    "BreakerSettings",
    "BybitSettings",
    "CoinbaseSettings",
    "ControlSettings",
    "FailoverSettings",
    "FeaturesSettings",
    "GateSettings",
    "GoliveSettings",
    "ImpactSettings",
    "JournalSettings",
    "KrakenSettings",
    "LiveSettings",
    "OkxSettings",
    "PaperSettings",
    "PublicVenueSettings",
    "RegimeSettings",
    "RiskSettings",
    "RunSettings",
    "Section",
    "Settings",
    "ShardSettings",
    "SignalsSettings",
    "SizingSettings",
    "StopsSettings",
    "StoreSettings",
    "StrategySettings",
    "StreamSettings",
    "SyntheticSettings",
    "VenuesSettings",
    "load_settings",
    "override_settings",
    "require_positive",
    "require_url",
    "settings_keys",
    "settings_to_dict",
]
