//! The status page of an invented firm at 14:40 UTC on 4 June 2024, when ChatGPT's app was down for
//! the second time that day, and on a quiet day two weeks before. Outage minutes of ChatGPT's app
//! sum to those that its page had for the ninety days; what no source tells is made up.

use std::sync::Arc;

use clock::UnixMs;
use detection::{
    Affected, Author, Capability, Cause, CauseClass, Certainty, Component, ComponentId, Condition,
    Family, Impact, Incident, IncidentId, IncidentUpdate, Light, LightState, Maintenance,
    MaintenancePhase, OfficialPost, Phase,
};
use web::view::{
    Answered, ComponentGroup, ComponentView, Day, IncidentView, IncidentZh, Ourselves, PageInfo,
    ReportBucket, ReportSeries, Said, SourceAge, SourceState, StatusView, Testimony, Text, Tide,
    TidePoint, Uptime,
};

const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 86_400_000;
/// 00:00 UTC of 4 June 2024.
const JUNE_4: u64 = 1_717_459_200_000;

/// A time of that day.
pub(crate) fn at(hour: u64, minute: u64) -> UnixMs {
    UnixMs::new(JUNE_4 + (hour * 60 + minute) * MINUTE_MS)
}

/// What is recorded of a day: stone from 0 to 89, minutes slow, partial, major and planned.
type Recorded = (usize, u32, u32, u32, u32);

struct Draft {
    id: &'static str,
    name: Text,
    capability: Option<Capability>,
    condition: Condition,
    certainty: Certainty,
    note: Text,
    recorded: &'static [Recorded],
    known_from: usize,
    uptime: Uptime,
}

impl Draft {
    fn new(id: &'static str, en: &str, zh: &str) -> Self {
        Self {
            id,
            name: Text::both(en, zh),
            capability: None,
            condition: Condition::Operational,
            certainty: Certainty::Clear,
            note: Text::plain(""),
            recorded: &[],
            known_from: 0,
            uptime: Uptime::default(),
        }
    }

    fn view(self) -> ComponentView {
        let mut days = vec![Day { known: true, ..Day::default() }; 90 - self.known_from];
        for (stone, slow_min, partial_min, major_min, planned_min) in self.recorded {
            let day = Day {
                known: true,
                slow_min: *slow_min,
                partial_min: *partial_min,
                major_min: *major_min,
                planned_min: *planned_min,
                incidents: if *stone == 89 { 2 } else { 1 },
            };
            *days.get_mut(stone - self.known_from).expect("it is one of the ninety") = day;
        }
        let own = self.uptime.own_requests;
        let uptime = Uptime {
            spans: [own.map(|_| 1.0), own, own, own],
            first_words_ms: [own.map(|_| 412.0), own.map(|_| 428.0), None, None],
            ..self.uptime
        };
        ComponentView {
            component: Component {
                id: ComponentId::new(self.id),
                name: self.name.en.clone(),
                provider: self.id.split('/').next().expect("it has a first part").into(),
                capability: self.capability,
                parent: None,
            },
            name: self.name,
            condition: self.condition,
            certainty: self.certainty,
            state: None,
            note: Some(self.note),
            days,
            uptime,
            created_at: UnixMs::new(JUNE_4 - 90 * DAY_MS),
            updated_at: at(14, 16),
        }
    }
}

fn requests(share: f64) -> Uptime {
    Uptime { own_requests: Some(share), ..Uptime::default() }
}

fn products() -> ComponentGroup {
    let ask = Draft {
        note: Text::both(
            "Busy: 42 % more questions than on a usual Tuesday.",
            "繁忙：提问比平常的星期二多 42%。",
        ),
        recorded: &[(45, 0, 130, 0, 0), (46, 13, 0, 0, 0), (53, 15, 0, 0, 0)],
        uptime: requests(0.9997),
        ..Draft::new("ask", "Ask Exemplar", "Ask Exemplar")
    };
    let claims = Draft {
        note: Text::both("Summaries for claims handlers.", "为理赔人员生成摘要。"),
        recorded: &[(25, 33, 0, 0, 0)],
        uptime: requests(0.9999),
        ..Draft::new("claims", "Claims summary", "理赔摘要")
    };
    let letters = Draft {
        note: Text::both(
            "Since 14:31 some letters are written by Gemini instead of Perplexity.",
            "14:31 起，部分信函由 Gemini 代替 Perplexity 起草。",
        ),
        recorded: &[
            (6, 19, 0, 0, 0),
            (31, 36, 0, 0, 0),
            (49, 0, 46, 0, 0),
            (63, 0, 0, 0, 30),
            (71, 41, 0, 0, 0),
        ],
        uptime: requests(0.9993),
        ..Draft::new("letters", "Letter desk", "信函起草")
    };
    let search = Draft {
        note: Text::both(
            "Answers on the public site. In service since 20 March.",
            "公共网站上的问答。自 3 月 20 日起提供服务。",
        ),
        recorded: &[(39, 25, 0, 0, 0)],
        known_from: 13,
        uptime: requests(0.9998),
        ..Draft::new("search", "Site search", "站内搜索")
    };
    ComponentGroup {
        title: Text::both("Our products, ninety days", "我们的产品，九十天"),
        note: None,
        ours: true,
        components: [ask, claims, letters, search].map(Draft::view).into(),
    }
}

fn chatgpt() -> Draft {
    let total = 90.0 * 1_440.0;
    Draft {
        capability: Some(Capability::App),
        condition: Condition::MajorOutage,
        certainty: Certainty::Confirmed,
        // 389 minutes major and 1,200 partial.
        recorded: &[
            (3, 0, 41, 0, 0),
            (17, 0, 167, 0, 0),
            (34, 0, 206, 0, 0),
            (35, 0, 0, 18, 0),
            (37, 0, 158, 0, 0),
            (45, 0, 0, 12, 0),
            (48, 0, 171, 0, 0),
            (50, 0, 74, 0, 0),
            (55, 0, 0, 10, 0),
            (62, 0, 95, 0, 0),
            (64, 0, 126, 0, 0),
            (65, 0, 0, 11, 0),
            (69, 0, 0, 9, 0),
            (77, 0, 162, 0, 0),
            (89, 0, 0, 329, 0),
        ],
        uptime: Uptime {
            own_minutes: Some(1.0 - 1_589.0 / total),
            official_weighted: Some(1.0 - (389.0 + 0.3 * 1_200.0) / total),
            official_strict: Some(1.0 - 1_589.0 / total),
            ..Uptime::default()
        },
        note: Text::both("Nothing of ours is sent there.", "我们不向它发送请求。"),
        ..Draft::new("openai/app", "ChatGPT’s app", "ChatGPT 应用")
    }
}

fn providers() -> ComponentGroup {
    let openai = Draft {
        capability: Some(Capability::Chat),
        note: Text::both(
            "Not part of today’s outage: 81 % of our requests are answered here.",
            "未受今日故障影响：我们 81% 的请求由它应答。",
        ),
        recorded: &[
            (1, 42, 0, 0, 0),
            (12, 0, 35, 0, 0),
            (29, 0, 0, 68, 0),
            (34, 0, 106, 0, 0),
            (55, 0, 122, 0, 0),
            (66, 0, 23, 0, 0),
        ],
        uptime: Uptime {
            official_weighted: Some(0.999_33),
            official_strict: Some(0.998_81),
            ..requests(0.998_81)
        },
        ..Draft::new("openai/chat", "OpenAI’s interface", "OpenAI 接口")
    };
    let claude_app = Draft {
        capability: Some(Capability::App),
        certainty: Certainty::Suspected,
        condition: Condition::DegradedPerformance,
        note: Text::both("Reports only so far; see above.", "目前仅有用户报告；见上。"),
        recorded: &[(7, 0, 0, 42, 0), (14, 0, 94, 0, 0), (48, 26, 0, 0, 0), (89, 10, 0, 0, 0)],
        uptime: Uptime { own_minutes: Some(0.9971), ..Uptime::default() },
        ..Draft::new("anthropic/app", "Claude’s app", "Claude 应用")
    };
    let anthropic = Draft {
        capability: Some(Capability::Chat),
        note: Text::both("10 % of our requests.", "承担我们 10% 的请求。"),
        recorded: &[(17, 52, 0, 0, 0), (35, 0, 139, 0, 0), (53, 0, 28, 0, 0), (88, 0, 104, 0, 0)],
        uptime: requests(0.9994),
        ..Draft::new("anthropic/chat", "Anthropic’s interface", "Anthropic 接口")
    };
    let perplexity = Draft {
        capability: Some(Capability::Chat),
        condition: Condition::PartialOutage,
        certainty: Certainty::Confirmed,
        note: Text::both(
            "Over capacity since 14:31. Nothing of ours waits for it.",
            "14:31 起超出容量。我们没有请求在等它。",
        ),
        recorded: &[(5, 0, 80, 0, 0), (28, 0, 123, 0, 0), (39, 25, 0, 0, 0), (89, 0, 9, 0, 0)],
        uptime: requests(0.9978),
        ..Draft::new("perplexity/chat", "Perplexity’s interface", "Perplexity 接口")
    };
    let gemini = Draft {
        capability: Some(Capability::Chat),
        condition: Condition::Unknown,
        note: Text::both("Not asked lately.", "最近没有请求。"),
        known_from: 90,
        ..Draft::new("gemini/chat", "Gemini’s interface", "Gemini 接口")
    };
    let drafts = [chatgpt(), openai, claude_app, anthropic, perplexity, gemini];
    ComponentGroup {
        title: Text::both("What they stand on", "它们所依靠的服务"),
        note: Some(Text::both(
            "As we measure it, not as their pages report it.",
            "以我们的测量为准，而非官方页所报。",
        )),
        ours: false,
        components: drafts.map(Draft::view).into(),
    }
}

fn light(family: Family, state: LightState, lit_at: Option<UnixMs>, reading: &str) -> Light {
    Light { family, state, lit_at, reading: reading.into() }
}

fn update(
    id: &str,
    at: UnixMs,
    phase: Phase,
    body: &str,
    affected: Vec<Affected>,
) -> IncidentUpdate {
    let id = IncidentId::new(id);
    IncidentUpdate { id, at, phase, body: body.into(), author: Author::Seawall, affected }
}

fn change(component: &str, from: Condition, to: Condition) -> Affected {
    Affected { component: ComponentId::new(component), from, to }
}

fn chatgpt_down() -> IncidentView {
    let down = change("openai/app", Condition::Operational, Condition::MajorOutage);
    let incident = Incident {
        id: IncidentId::new("2024-06-04-chatgpt-2"),
        title: "ChatGPT’s app does not load for anyone".into(),
        phase: Phase::Identified,
        impact: Impact::Critical,
        certainty: Certainty::Confirmed,
        cause: Cause {
            class: CauseClass::ProviderOutage,
            confidence: 0.97,
            why: "Confirmed at 14:16 by two independent kinds of evidence. OpenAI’s programming interface, which our products use, is not affected.".into(),
        },
        started_at: at(14, 14),
        opened_at: at(14, 15),
        resolved_at: None,
        components: vec![ComponentId::new("openai/app")],
        updates: vec![
            update("u1", at(14, 15), Phase::Investigating, "The app does not load. We are **looking into it**; the interface answers.", vec![down]),
            update("u2", at(14, 33), Phase::Identified, "OpenAI’s page now says so too: [their report](https://status.openai.com/incidents/rs49lmsh6xxw).", Vec::new()),
        ],
        lights: [
            light(Family::Probe, LightState::Lit, Some(at(14, 15)), "18 of 18 page loads failed, from three places"),
            light(Family::Traffic, LightState::DoesNotApply, None, "we send nothing to ChatGPT’s app"),
            light(Family::Reports, LightState::Lit, Some(at(14, 16)), "412 in 15 minutes; usual at this hour: 6"),
            light(Family::OfficialPage, LightState::Lit, Some(at(14, 33)), "said all was well for the first 19 minutes"),
        ],
        official: Some(OfficialPost {
            posted_at: at(14, 33),
            title: "ChatGPT is unavailable for some users".into(),
            url: Some("https://status.openai.com/incidents/rs49lmsh6xxw".into()),
            resolved_at: None,
        }),
        deeds: vec![
            (at(14, 16), "Set a third of our room at Anthropic aside for two hours: people who leave ChatGPT may arrive there next.".into()),
            (at(14, 22), "Read the rise in visits to Ask Exemplar (42 % above usual) as a crowd, not an attack. Nobody was turned away.".into()),
            (at(14, 31), "Perplexity stopped accepting requests. Its 6 % moved to Gemini, two requests a second at first, so as not to push Gemini over.".into()),
        ],
        by_hand: detection::ByHand::default(),
    };
    let zh = IncidentZh {
        title: "ChatGPT 应用对所有人都无法打开".into(),
        why: "14:16 由两种独立证据确认。我们产品所用的 OpenAI 编程接口未受影响。".into(),
        readings: vec![
            "三地 18 次页面加载全部失败".into(),
            "我们不向 ChatGPT 应用发送请求".into(),
            "15 分钟 412 份；此时平常为 6 份".into(),
            "最初 19 分钟显示一切正常".into(),
        ],
        deeds: vec![
            "为 Anthropic 预留三分之一余量，为期两小时：离开 ChatGPT 的人可能接着涌向那里。".into(),
            "判定 Ask Exemplar 的访问增长（高于平常 42%）是人潮，不是攻击。没有人被拒绝。".into(),
            "Perplexity 停止接收请求。它承担的 6% 转到 Gemini，起初每秒两个请求，以免把 Gemini 压垮。".into(),
        ],
        bodies: vec![
            (IncidentId::new("u1"), "应用无法打开，我们正在**调查**；接口应答正常。".into()),
            (IncidentId::new("u2"), "OpenAI 官方页也已[公告](https://status.openai.com/incidents/rs49lmsh6xxw)。".into()),
        ],
    };
    IncidentView { incident, zh: Some(zh), testimonies: of_the_afternoon().into() }
}

/// What evidence said of ChatGPT's second failure.
fn of_the_afternoon() -> Vec<Testimony> {
    vec![
        spoken(
            Family::Probe,
            said(
                14,
                15,
                2.1,
                "3 probes failed in a row: no answer in time",
                "连续 3 次探测失败：未及时应答",
            ),
            Some(said(
                14,
                17,
                8.0,
                "18 probes failed in a row: no answer in time",
                "连续 18 次探测失败：未及时应答",
            )),
            None,
        ),
        spoken(
            Family::Reports,
            said(
                14,
                16,
                5.4,
                "288 in this quarter of an hour; usual at this hour: 6",
                "本刻钟 288 份；该时段平常为 6 份",
            ),
            None,
            None,
        ),
        spoken(
            Family::OfficialPage,
            said(14, 34, 7.0, "the page tells of a major outage", "官方页称重大故障"),
            None,
            None,
        ),
    ]
}

/// And of its first.
fn of_the_morning() -> Vec<Testimony> {
    vec![
        spoken(
            Family::Probe,
            said(
                6,
                50,
                2.1,
                "3 probes failed in a row: no answer in time",
                "连续 3 次探测失败：未及时应答",
            ),
            Some(said(
                6,
                53,
                8.0,
                "21 probes failed in a row: no answer in time",
                "连续 21 次探测失败：未及时应答",
            )),
            Some(at(11, 9)),
        ),
        spoken(
            Family::Reports,
            said(
                6,
                51,
                5.4,
                "94 in this quarter of an hour; usual at this hour: 4",
                "本刻钟 94 份；该时段平常为 4 份",
            ),
            None,
            Some(at(11, 29)),
        ),
        spoken(
            Family::OfficialPage,
            said(7, 22, 7.0, "the page tells of a major outage", "官方页称重大故障"),
            None,
            Some(at(11, 45)),
        ),
    ]
}

/// What a family said at that time, in both languages.
fn said(hour: u64, minute: u64, nats: f64, en: &str, zh: &str) -> Said {
    Said { at: at(hour, minute), nats, why: Text::both(en, zh) }
}

fn spoken(
    family: Family,
    first: Said,
    strongest: Option<Said>,
    ended_at: Option<UnixMs>,
) -> Testimony {
    let strongest = strongest.unwrap_or_else(|| first.clone());
    Testimony { family, first, strongest, ended_at }
}

fn claude_suspected() -> IncidentView {
    let incident = Incident {
        id: IncidentId::new("2024-06-04-claude"),
        title: "Claude’s app shows an internal error to many".into(),
        phase: Phase::Investigating,
        impact: Impact::Minor,
        certainty: Certainty::Suspected,
        cause: Cause {
            class: CauseClass::FleeingUsers,
            confidence: 0.71,
            why: "Most likely the people who left ChatGPT. One kind of evidence is not enough to confirm; a second would be.".into(),
        },
        started_at: at(14, 30),
        opened_at: at(14, 31),
        resolved_at: None,
        components: vec![ComponentId::new("anthropic/app")],
        updates: Vec::new(),
        lights: [
            light(Family::Probe, LightState::Unlit, None, "2 of 6 page loads failed; 4 would light it"),
            light(Family::Traffic, LightState::Unlit, None, "Anthropic’s interface answers; first words 18 % slower than usual"),
            light(Family::Reports, LightState::Lit, Some(at(14, 31)), "57 in 15 minutes; usual at this hour: 2"),
            light(Family::OfficialPage, LightState::Unlit, None, "no post yet"),
        ],
        official: None,
        deeds: Vec::new(),
        by_hand: detection::ByHand::default(),
    };
    let zh = IncidentZh {
        title: "Claude 应用对许多人显示内部错误".into(),
        why: "最可能是离开 ChatGPT 的人潮所致。仅一类证据不足以确认，再有一类即可。".into(),
        readings: vec![
            "6 次页面加载失败 2 次；达到 4 次才亮".into(),
            "Anthropic 接口有应答；首字比平常慢 18%".into(),
            "15 分钟 57 份；此时平常为 2 份".into(),
            "尚无公告".into(),
        ],
        ..IncidentZh::default()
    };
    let reports = said(
        14,
        31,
        4.2,
        "57 in this quarter of an hour; usual at this hour: 2",
        "本刻钟 57 份；该时段平常为 2 份",
    );
    let testimonies = [spoken(Family::Reports, reports, None, None)];
    IncidentView { incident, zh: Some(zh), testimonies: testimonies.into() }
}

fn morning() -> IncidentView {
    let mut view = chatgpt_down();
    let incident = &mut view.incident;
    incident.id = IncidentId::new("2024-06-04-chatgpt-1");
    incident.title = "ChatGPT’s app failed for everyone".into();
    incident.phase = Phase::Postmortem;
    incident.started_at = at(6, 49);
    incident.opened_at = at(6, 50);
    incident.resolved_at = Some(at(11, 10));
    incident.cause.why = "Confirmed here at 06:51; OpenAI’s page followed 30 minutes later. Our products answered throughout.".into();
    incident.updates = vec![
        update("m1", at(6, 50), Phase::Investigating, "The app does not load.", Vec::new()),
        update(
            "m2",
            at(11, 10),
            Phase::Resolved,
            "It loads again.",
            vec![change("openai/app", Condition::MajorOutage, Condition::Operational)],
        ),
    ];
    view.testimonies = of_the_morning().into();
    incident.lights[0].lit_at = Some(at(6, 50));
    incident.lights[2].lit_at = Some(at(6, 51));
    incident.lights[3].lit_at = Some(at(7, 21));
    incident.lights[3].reading = "said all was well for the first 32 minutes".into();
    incident.official.as_mut().expect("it has a post").posted_at = at(7, 21);
    incident.deeds.clear();
    incident.by_hand.postmortem = Some("A database could not be reached after traffic had surged.\n\n* All traffic was blocked, then let in again step by step.\n* Our products were **not** touched.".into());
    view.zh = Some(IncidentZh {
        title: "ChatGPT 应用对所有人失效".into(),
        why: "本页 06:51 确认，OpenAI 官方页晚 30 分钟。我们的产品始终应答。".into(),
        ..IncidentZh::default()
    });
    view
}

fn opus() -> IncidentView {
    let mut view = morning();
    let incident = &mut view.incident;
    incident.id = IncidentId::new("2024-06-03-opus");
    incident.title = "Claude 3 Opus returned errors".into();
    incident.phase = Phase::Resolved;
    incident.impact = Impact::Major;
    incident.started_at = at(14, 14).minus_ms(DAY_MS);
    incident.opened_at = at(14, 16).minus_ms(DAY_MS);
    incident.resolved_at = Some(at(15, 58).minus_ms(DAY_MS));
    incident.components = vec![ComponentId::new("anthropic/chat")];
    incident.cause.why = "Letters that wanted Opus were written by another model.".into();
    incident.updates.clear();
    view.testimonies = Arc::default();
    incident.official = None;
    incident.lights[3].lit_at = None;
    incident.lights[3].state = LightState::Unlit;
    incident.by_hand.postmortem = None;
    view.zh = None;
    view
}

fn may() -> IncidentView {
    let mut view = opus();
    let incident = &mut view.incident;
    incident.id = IncidentId::new("2024-05-17-letters");
    incident.title = "Letters were slow".into();
    incident.impact = Impact::Minor;
    let started_at = UnixMs::new(JUNE_4 - 18 * DAY_MS + (9 * 60 + 12) * MINUTE_MS);
    incident.started_at = started_at;
    incident.opened_at = started_at;
    incident.resolved_at = Some(started_at.plus_ms(41 * MINUTE_MS));
    incident.components = vec![ComponentId::new("letters")];
    incident.cause.why =
        "Perplexity answered late; after four minutes its letters were written by Gemini.".into();
    incident.lights[3].state = LightState::DoesNotApply;
    view.zh = Some(IncidentZh {
        title: "信函起草变慢".into(),
        why: "Perplexity 应答迟缓；四分钟后改由 Gemini 起草。".into(),
        ..IncidentZh::default()
    });
    view
}

fn maintenances() -> Vec<Maintenance> {
    let work = |id: &str, title: &str, phase, starts_at: UnixMs, minutes: u64| Maintenance {
        id: IncidentId::new(id),
        title: title.into(),
        phase,
        created_at: starts_at.minus_ms(3 * DAY_MS),
        starts_at,
        ends_at: starts_at.plus_ms(minutes * MINUTE_MS),
        components: vec![ComponentId::new("letters")],
        updates: vec![update(
            &format!("{id}-1"),
            starts_at.minus_ms(3 * DAY_MS),
            Phase::Investigating,
            "Letters cannot be written for half an hour; drafts are kept.",
            Vec::new(),
        )],
        sequence: 2,
    };
    let later = |days: u64| at(22, 0).plus_ms(days * DAY_MS);
    vec![
        work(
            "w3",
            "A new store for drafts, letter desk",
            MaintenancePhase::Scheduled,
            later(2),
            30,
        ),
        work("w2", "Moved search, called off", MaintenancePhase::Cancelled, later(1), 60),
        work(
            "w1",
            "Planned work on the letter desk",
            MaintenancePhase::Completed,
            at(22, 0).minus_ms(26 * DAY_MS),
            30,
        ),
    ]
}

/// Load and capacity in steps of ten minutes; a night, a morning, and two falls of a provider.
fn tide() -> Tide {
    let points = (0..=144_u64).map(|step| {
        let moment = at(14, 40).minus_ms((144 - step) * 10 * MINUTE_MS);
        let hour = (moment.as_millis() / MINUTE_MS % 1_440) as f64 / 60.0;
        let day = (1.0 - ((hour - 15.0) / 24.0 * std::f64::consts::TAU).cos()) / 2.0;
        let grain = ((step * 37) % 11) as f64 / 11.0;
        let today = moment >= at(14, 14);
        let surge = if today { 15.0 } else { 0.0 };
        let out = moment >= at(6, 49) && moment < at(11, 10);
        let capacity = match (out, moment >= at(14, 14), moment >= at(14, 31)) {
            (true, ..) => 98.0,
            (_, _, true) => 84.0,
            (_, true, _) => 96.0,
            _ => 118.0,
        };
        TidePoint {
            at: moment,
            asked_per_s: 43.0 - 33.0 * day + grain + surge,
            capacity_per_s: capacity,
        }
    });
    Tide {
        points: points.collect(),
        marks: vec![
            (at(6, 49), Text::both("ChatGPT fails, 06:49", "ChatGPT 故障，06:49")),
            (at(14, 14), Text::both("fails again, 14:14", "再次故障，14:14")),
        ],
        why: Some(Text::both(
            "It steps down where a provider is out or room is kept for a crowd.",
            "服务商故障或为人潮预留余量时，墙会降低。",
        )),
    }
}

fn reports() -> Vec<ReportSeries> {
    let buckets = (0..96_u64).map(|index| {
        let moment = at(14, 40).minus_ms((95 - index) * 15 * MINUTE_MS);
        let grain = u32::try_from((index * 7) % 5).expect("it is small");
        let count = if moment >= at(14, 25) {
            412
        } else if moment >= at(14, 14) {
            288
        } else if moment >= at(6, 49) && moment < at(11, 30) {
            let past = u32::try_from(moment.since(at(6, 49)) / (15 * MINUTE_MS)).expect("small");
            310 - 14 * past.abs_diff(5).min(18)
        } else {
            grain
        };
        let errors = count / 4;
        let by_kind = [count - errors, errors, 0, 0, 0, 0];
        ReportBucket { at: moment, count, by_kind, usual: 6.0, usual_max: 14.0 }
    });
    let name = Text::both("ChatGPT’s app", "ChatGPT 应用");
    vec![ReportSeries {
        component: ComponentId::new("openai/app"),
        name,
        buckets: buckets.collect(),
    }]
}

fn sources() -> Vec<SourceAge> {
    let source =
        |en: &str, zh: &str, read_at, state| SourceAge { name: Text::both(en, zh), read_at, state };
    vec![
        source("Our own requests", "自有流量", Some(at(14, 40)), SourceState::Fresh),
        source("Our probes", "探测", Some(at(14, 39)), SourceState::Fresh),
        source("OpenAI’s page", "OpenAI 官方页", Some(at(14, 39)), SourceState::Fresh),
        source("Perplexity’s page", "Perplexity 官方页", Some(at(13, 2)), SourceState::Stale),
        source("Azure’s feed", "Azure 订阅源", None, SourceState::Broken),
    ]
}

/// 4 June 2024, 14:40 UTC.
pub(crate) fn afternoon() -> StatusView {
    StatusView {
        page: PageInfo {
            id: "exemplar".into(),
            name: "Exemplar Mutual".into(),
            url: "https://status.exemplar.example".into(),
        },
        at: at(14, 40),
        ourselves: Ourselves::Answering,
        groups: vec![products(), providers()],
        open: vec![claude_suspected(), chatgpt_down()],
        past: vec![morning(), opus(), may()],
        maintenances: maintenances(),
        tide: Some(tide()),
        answered: Some(Answered {
            minutes: 10,
            asked: 34_800,
            answered: 34_744,
            by_first_choice: 32_370,
        }),
        reports: reports(),
        sources: sources(),
    }
}

/// The same firm when nothing is wrong.
pub(crate) fn quiet() -> StatusView {
    let mut view = afternoon();
    for component in view.groups.iter_mut().flat_map(|group| &mut group.components) {
        if component.condition != Condition::Unknown {
            component.condition = Condition::Operational;
        }
        component.certainty = Certainty::Clear;
    }
    view.past.splice(0..0, view.open.drain(..)).for_each(drop);
    for one in &mut view.past {
        one.incident.phase = Phase::Resolved;
        one.incident.resolved_at.get_or_insert(at(14, 39));
    }
    view.answered = None;
    view.reports.clear();
    view
}
