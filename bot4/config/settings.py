"""All sections in one."""

from __future__ import annotations

from bot4.config.control import ControlSettings
from bot4.config.failover import FailoverSettings
from bot4.config.features import FeaturesSettings
from bot4.config.golive import GoliveSettings
from bot4.config.reasoned import GateSettings, RegimeSettings, SignalsSettings, SizingSettings, StopsSettings
from bot4.config.section import Section
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
from bot4.config.venues import StreamSettings, VenuesSettings


class Settings(Section, frozen=True):
    """Every setting of bot4. Paper is the default; real orders take more than settings (docs/live.md)."""

    run: RunSettings = RunSettings()
    synthetic: SyntheticSettings = SyntheticSettings()
    paper: PaperSettings = PaperSettings()
    impact: ImpactSettings = ImpactSettings()
    features: FeaturesSettings = FeaturesSettings()
    strategy: StrategySettings = StrategySettings()
    signals: SignalsSettings = SignalsSettings()
    regime: RegimeSettings = RegimeSettings()
    gate: GateSettings = GateSettings()
    sizing: SizingSettings = SizingSettings()
    stops: StopsSettings = StopsSettings()
    risk: RiskSettings = RiskSettings()
    breaker: BreakerSettings = BreakerSettings()
    shard: ShardSettings = ShardSettings()
    journal: JournalSettings = JournalSettings()
    streams: StreamSettings = StreamSettings()
    venues: VenuesSettings = VenuesSettings()
    live: LiveSettings = LiveSettings()
    golive: GoliveSettings = GoliveSettings()
    failover: FailoverSettings = FailoverSettings()
    store: StoreSettings = StoreSettings()
    control: ControlSettings = ControlSettings()
