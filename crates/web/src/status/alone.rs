//! The view where neither verdicts nor a store are kept: what our own traffic of the last minutes
//! tells of the providers. Of days before this one nobody knows anything, so they are gaps.

use clock::UnixMs;
use detection::{Certainty, Component, ComponentId, Condition};
use telemetry::Snapshot;

use super::view::{ComponentGroup, ComponentView, Ourselves, PageInfo, StatusView, Text, Uptime};
use crate::ReadyReport;
use crate::standing::{Health, ProviderStanding, Standing, Verdict};

const MINUTE_MS: u64 = 60_000;

/// What telemetry and readiness know of this moment.
pub(crate) fn view(snapshot: &Snapshot, report: &ReadyReport) -> StatusView {
    let standing = Standing::of(snapshot, report);
    let at = UnixMs::from_seconds(snapshot.unix_seconds);
    let components = standing.providers.iter().map(|provider| component(provider, at));
    let group = ComponentGroup {
        title: Text::both("Who answers us", "为我们应答的服务"),
        note: Some(Text::both(
            "As our own traffic met them in the last 15 minutes. A provider’s own page may say otherwise.",
            "以最近 15 分钟的自有流量为准，官方页的说法可能不同。",
        )),
        ours: false,
        components: components.collect(),
    };
    StatusView {
        page: PageInfo { id: "seawall".into(), name: "Seawall".into(), url: "".into() },
        at,
        ourselves: ourselves(standing.verdict),
        groups: vec![group],
        open: Vec::new(),
        past: Vec::new(),
        maintenances: Vec::new(),
        tide: None,
        answered: None,
        reports: Vec::new(),
        sources: Vec::new(),
    }
}

fn ourselves(verdict: Verdict) -> Ourselves {
    match verdict {
        Verdict::Idle => Ourselves::Idle,
        Verdict::Everything | Verdict::WithoutSome => Ourselves::Answering,
        Verdict::ReserveOnly => Ourselves::ReserveOnly,
        Verdict::Nobody => Ourselves::Silent,
    }
}

fn component(provider: &ProviderStanding, at: UnixMs) -> ComponentView {
    let condition = match provider.health {
        Health::Answers => Condition::Operational,
        Health::Partial => Condition::PartialOutage,
        Health::Major => Condition::MajorOutage,
        Health::NoData | Health::Loading | Health::Limited | Health::Unusable => Condition::Unknown,
    };
    let state = match provider.health {
        Health::Loading => Some(Text::both("Loading", "正在载入")),
        Health::Limited => Some(Text::both("At our limit", "已达我们的限额")),
        Health::Unusable => Some(Text::both("Not in use", "未启用")),
        Health::Answers | Health::Partial | Health::Major | Health::NoData => None,
    };
    let name = provider.name.as_str();
    // Nobody keeps when it changed; a whole minute leaves the bytes equal for as long.
    let minute = UnixMs::new(at.as_millis() / MINUTE_MS * MINUTE_MS);
    ComponentView {
        component: Component {
            id: ComponentId::new(name),
            name: name.into(),
            provider: name.into(),
            capability: None,
            parent: None,
        },
        name: Text::plain(name),
        condition,
        certainty: Certainty::Clear,
        state,
        note: provider.reserve.then(|| Text::both("The model on board.", "内置的小模型。")),
        days: Vec::new(),
        uptime: Uptime::default(),
        created_at: minute,
        updated_at: minute,
    }
}
