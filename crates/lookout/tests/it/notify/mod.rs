//! Telling subscribers: bodies, the courier on a paused clock, and real servers on loopback.

mod bodies;
mod courier;
mod servers;
mod smtp_server;

use std::sync::Arc;

use clock::{Clock, Dice, UnixMs};
use detection::{
    Affected, Author, Cause, CauseClass, Certainty, ComponentId, Condition, Family, Impact,
    Incident, IncidentId, IncidentUpdate, Light, LightState, Phase,
};
use domain::Secret;
use lookout::notify::{
    Channel, Courier, CourierSettings, Language, MemoryPost, PageFacts, PagePart, PostOffice,
    Signer, Story, Subscription, SubscriptionState, Wires,
};
use lookout::web::WebAddress;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn signer() -> Signer {
    Signer::new(&[Secret::new(SECRET)]).unwrap()
}

fn app() -> ComponentId {
    ComponentId::new("openai/app")
}

fn page() -> PageFacts {
    PageFacts {
        id: "seawall".into(),
        name: "Status <of> us".into(),
        url: "https://status.example".into(),
        indicator: Impact::Critical,
        description: "Partial outage".into(),
        parts: vec![PagePart {
            id: app(),
            name: "ChatGPT".into(),
            condition: Condition::MajorOutage,
        }],
    }
}

/// An incident with updates of these phases, a minute apart.
fn incident(phases: &[Phase]) -> Incident {
    let start = UnixMs::new(1_717_485_540_000);
    let light =
        |family| Light { family, state: LightState::Unlit, lit_at: None, reading: "".into() };
    let update = |(place, phase): (usize, &Phase)| IncidentUpdate {
        id: IncidentId::new(format!("u{place}")),
        at: start.plus_ms(place as u64 * 60_000),
        phase: *phase,
        body: format!("Step {place} & <!channel> [x](y).").into(),
        author: Author::Seawall,
        affected: vec![Affected {
            component: app(),
            from: Condition::Operational,
            to: Condition::MajorOutage,
        }],
    };
    let phase = *phases.last().unwrap();
    let over = start.plus_ms(phases.len() as u64 * 60_000);
    Incident {
        id: IncidentId::new("inc1"),
        title: "ChatGPT does not answer".into(),
        phase,
        impact: Impact::Critical,
        certainty: Certainty::Confirmed,
        cause: Cause { class: CauseClass::ProviderOutage, confidence: 0.9, why: "".into() },
        started_at: start.minus_ms(60_000),
        opened_at: start,
        resolved_at: phase.is_over().then_some(over),
        components: vec![app()],
        updates: phases.iter().enumerate().map(update).collect(),
        lights: Family::LIGHTS.map(light),
        official: None,
        deeds: Vec::new(),
        by_hand: detection::ByHand::default(),
    }
}

fn story(phases: &[Phase]) -> Story {
    Story::of_incident(&incident(phases))
}

fn subscription(id: &str, channel: Channel) -> Subscription {
    let state = SubscriptionState::Confirmed;
    let language = Language::English;
    Subscription { id: id.into(), channel, components: Vec::new(), state, language }
}

fn address(text: &str) -> WebAddress {
    WebAddress::parse(text).unwrap()
}

fn office(post: &Arc<MemoryPost>, clock: Arc<dyn Clock>) -> PostOffice {
    PostOffice::new(post.clone(), post.clone(), clock, Dice::seeded(5))
}

fn courier(
    post: &Arc<MemoryPost>,
    wires: Wires,
    clock: Arc<dyn Clock>,
    settings: CourierSettings,
) -> Courier {
    Courier::new((post.clone(), post.clone()), Arc::new(wires), (clock, Dice::seeded(6)), settings)
}
