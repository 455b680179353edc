//! The rows of incidents and planned work.

use clock::UnixMs;
use detection::{
    Affected, Author, ByHand, Certainty, ComponentId, Condition, Family, Impact, Incident,
    IncidentId, IncidentUpdate, Light, LightState, Maintenance, MaintenancePhase, OfficialPost,
    Phase,
};
use serde::{Deserialize, Serialize};

use super::Wrong;
use super::verdict::CauseForm;
use super::word::Spelt;

#[derive(Serialize, Deserialize)]
pub(super) struct IncidentForm {
    id: Box<str>,
    title: Box<str>,
    phase: Spelt<Phase>,
    impact: Spelt<Impact>,
    certainty: Spelt<Certainty>,
    cause: CauseForm,
    started_at: u64,
    opened_at: u64,
    resolved_at: Option<u64>,
    components: Vec<Box<str>>,
    updates: Vec<UpdateForm>,
    lights: Vec<LightForm>,
    official: Option<OfficialForm>,
    deeds: Vec<(u64, Box<str>)>,
    #[serde(flatten)]
    by_hand: ByHandForm,
}

#[derive(Serialize, Deserialize)]
struct ByHandForm {
    postmortem: Option<Box<str>>,
    #[serde(default)]
    by_hand: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct MaintenanceForm {
    id: Box<str>,
    title: Box<str>,
    phase: Spelt<MaintenancePhase>,
    created_at: u64,
    starts_at: u64,
    ends_at: u64,
    components: Vec<Box<str>>,
    updates: Vec<UpdateForm>,
    sequence: u32,
}

#[derive(Serialize, Deserialize)]
struct UpdateForm {
    id: Box<str>,
    at: u64,
    phase: Spelt<Phase>,
    body: Box<str>,
    author: AuthorForm,
    affected: Vec<AffectedForm>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum AuthorForm {
    Seawall,
    Operator(Box<str>),
    Provider,
}

#[derive(Serialize, Deserialize)]
struct AffectedForm {
    component: Box<str>,
    from: Spelt<Condition>,
    to: Spelt<Condition>,
}

#[derive(Serialize, Deserialize)]
struct LightForm {
    family: Spelt<Family>,
    state: Spelt<LightState>,
    lit_at: Option<u64>,
    reading: Box<str>,
}

#[derive(Serialize, Deserialize)]
struct OfficialForm {
    posted_at: u64,
    title: Box<str>,
    url: Option<Box<str>>,
    resolved_at: Option<u64>,
}

impl From<&Incident> for IncidentForm {
    fn from(it: &Incident) -> Self {
        Self {
            id: it.id.as_str().into(),
            title: it.title.clone(),
            phase: Spelt(it.phase),
            impact: Spelt(it.impact),
            certainty: Spelt(it.certainty),
            cause: CauseForm::from(&it.cause),
            started_at: it.started_at.as_millis(),
            opened_at: it.opened_at.as_millis(),
            resolved_at: it.resolved_at.map(UnixMs::as_millis),
            components: it.components.iter().map(|id| id.as_str().into()).collect(),
            updates: it.updates.iter().map(UpdateForm::from).collect(),
            lights: it.lights.iter().map(LightForm::from).collect(),
            official: it.official.as_ref().map(OfficialForm::from),
            deeds: it.deeds.iter().map(|(at, deed)| (at.as_millis(), deed.clone())).collect(),
            by_hand: ByHandForm {
                postmortem: it.by_hand.postmortem.clone(),
                by_hand: it.by_hand.is_taken,
            },
        }
    }
}

impl TryFrom<IncidentForm> for Incident {
    type Error = Wrong;

    fn try_from(it: IncidentForm) -> Result<Self, Wrong> {
        let lights: Vec<_> = it.lights.into_iter().map(Light::from).collect();
        let lights = lights.try_into().map_err(|_| Wrong::from("an incident has four lights"))?;
        Ok(Self {
            id: IncidentId::new(it.id),
            title: it.title,
            phase: it.phase.0,
            impact: it.impact.0,
            certainty: it.certainty.0,
            cause: it.cause.into(),
            started_at: UnixMs::new(it.started_at),
            opened_at: UnixMs::new(it.opened_at),
            resolved_at: it.resolved_at.map(UnixMs::new),
            components: it.components.into_iter().map(ComponentId::new).collect(),
            updates: it.updates.into_iter().map(IncidentUpdate::from).collect(),
            lights,
            official: it.official.map(OfficialPost::from),
            deeds: it.deeds.into_iter().map(|(at, deed)| (UnixMs::new(at), deed)).collect(),
            by_hand: ByHand { is_taken: it.by_hand.by_hand, postmortem: it.by_hand.postmortem },
        })
    }
}

impl From<&Maintenance> for MaintenanceForm {
    fn from(it: &Maintenance) -> Self {
        Self {
            id: it.id.as_str().into(),
            title: it.title.clone(),
            phase: Spelt(it.phase),
            created_at: it.created_at.as_millis(),
            starts_at: it.starts_at.as_millis(),
            ends_at: it.ends_at.as_millis(),
            components: it.components.iter().map(|id| id.as_str().into()).collect(),
            updates: it.updates.iter().map(UpdateForm::from).collect(),
            sequence: it.sequence,
        }
    }
}

impl From<MaintenanceForm> for Maintenance {
    fn from(it: MaintenanceForm) -> Self {
        Self {
            id: IncidentId::new(it.id),
            title: it.title,
            phase: it.phase.0,
            created_at: UnixMs::new(it.created_at),
            starts_at: UnixMs::new(it.starts_at),
            ends_at: UnixMs::new(it.ends_at),
            components: it.components.into_iter().map(ComponentId::new).collect(),
            updates: it.updates.into_iter().map(IncidentUpdate::from).collect(),
            sequence: it.sequence,
        }
    }
}

impl From<&IncidentUpdate> for UpdateForm {
    fn from(it: &IncidentUpdate) -> Self {
        Self {
            id: it.id.as_str().into(),
            at: it.at.as_millis(),
            phase: Spelt(it.phase),
            body: it.body.clone(),
            author: match &it.author {
                Author::Seawall => AuthorForm::Seawall,
                Author::Operator(name) => AuthorForm::Operator(name.clone()),
                Author::Provider => AuthorForm::Provider,
            },
            affected: it.affected.iter().map(AffectedForm::from).collect(),
        }
    }
}

impl From<UpdateForm> for IncidentUpdate {
    fn from(it: UpdateForm) -> Self {
        Self {
            id: IncidentId::new(it.id),
            at: UnixMs::new(it.at),
            phase: it.phase.0,
            body: it.body,
            author: match it.author {
                AuthorForm::Seawall => Author::Seawall,
                AuthorForm::Operator(name) => Author::Operator(name),
                AuthorForm::Provider => Author::Provider,
            },
            affected: it.affected.into_iter().map(Affected::from).collect(),
        }
    }
}

impl From<&Affected> for AffectedForm {
    fn from(it: &Affected) -> Self {
        let component = it.component.as_str().into();
        Self { component, from: Spelt(it.from), to: Spelt(it.to) }
    }
}

impl From<AffectedForm> for Affected {
    fn from(it: AffectedForm) -> Self {
        Self { component: ComponentId::new(it.component), from: it.from.0, to: it.to.0 }
    }
}

impl From<&Light> for LightForm {
    fn from(it: &Light) -> Self {
        Self {
            family: Spelt(it.family),
            state: Spelt(it.state),
            lit_at: it.lit_at.map(UnixMs::as_millis),
            reading: it.reading.clone(),
        }
    }
}

impl From<LightForm> for Light {
    fn from(it: LightForm) -> Self {
        Self {
            family: it.family.0,
            state: it.state.0,
            lit_at: it.lit_at.map(UnixMs::new),
            reading: it.reading,
        }
    }
}

impl From<&OfficialPost> for OfficialForm {
    fn from(it: &OfficialPost) -> Self {
        Self {
            posted_at: it.posted_at.as_millis(),
            title: it.title.clone(),
            url: it.url.clone(),
            resolved_at: it.resolved_at.map(UnixMs::as_millis),
        }
    }
}

impl From<OfficialForm> for OfficialPost {
    fn from(it: OfficialForm) -> Self {
        Self {
            posted_at: UnixMs::new(it.posted_at),
            title: it.title,
            url: it.url,
            resolved_at: it.resolved_at.map(UnixMs::new),
        }
    }
}
