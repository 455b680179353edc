//! How detection's nouns are written in a row: as JSON of the same shape, enums by their words,
//! moments as milliseconds since 1970. A field that a later Seawall adds has a default here, so that
//! older rows can be read.

mod fact;
mod incident;
mod timeline;
mod verdict;
mod word;

use detection::{ComponentId, Incident, Maintenance, Verdict};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{FeedState, SeenPost, Testimony};
use fact::EvidenceForm;
use incident::{IncidentForm, MaintenanceForm};
use timeline::TestimonyForm;
use verdict::VerdictForm;

/// Why a text cannot be read, in a few words.
pub(crate) type Wrong = Box<str>;

pub(crate) fn write_incident(incident: &Incident) -> String {
    text(&IncidentForm::from(incident))
}

pub(crate) fn read_incident(text: &str) -> Result<Incident, Wrong> {
    read::<IncidentForm>(text)?.try_into()
}

pub(crate) fn write_testimonies(testimonies: &[Testimony]) -> String {
    text(&testimonies.iter().map(TestimonyForm::from).collect::<Vec<_>>())
}

pub(crate) fn read_testimonies(text: &str) -> Result<Vec<Testimony>, Wrong> {
    let forms: Vec<TestimonyForm> = read(text)?;
    Ok(forms.into_iter().map(Testimony::from).collect())
}

pub(crate) fn write_maintenance(work: &Maintenance) -> String {
    text(&MaintenanceForm::from(work))
}

pub(crate) fn read_maintenance(text: &str) -> Result<Maintenance, Wrong> {
    read::<MaintenanceForm>(text).map(Maintenance::from)
}

pub(crate) fn write_verdict(verdict: &Verdict) -> String {
    text(&VerdictForm::from(verdict))
}

pub(crate) fn read_verdict(text: &str) -> Result<Verdict, Wrong> {
    read::<VerdictForm>(text).map(Verdict::from)
}

/// Facts as a text for [`Evidence`](crate::Evidence), in their order.
pub fn write_facts(facts: &[detection::Evidence]) -> Box<str> {
    text(&facts.iter().map(EvidenceForm::from).collect::<Vec<_>>()).into()
}

/// The facts of a text of [`write_facts`].
///
/// # Errors
/// If it is none, or of a Seawall that knows more.
pub fn read_facts(text: &str) -> Result<Vec<detection::Evidence>, Box<str>> {
    let forms: Vec<EvidenceForm> = read(text)?;
    let facts: Option<Vec<_>> = forms.into_iter().map(EvidenceForm::read).collect();
    facts.ok_or_else(|| "a fact has a word that is not known".into())
}

pub(crate) fn write_components(components: &[ComponentId]) -> String {
    text(&components.iter().map(ComponentId::as_str).collect::<Vec<_>>())
}

pub(crate) fn read_components(text: &str) -> Result<Vec<ComponentId>, Wrong> {
    let names: Vec<String> = read(text)?;
    Ok(names.into_iter().map(ComponentId::new).collect())
}

#[derive(Serialize, Deserialize)]
struct PostForm {
    id: Box<str>,
    updated_at: u64,
    #[serde(default)]
    incident: Option<Box<str>>,
}

pub(crate) fn write_posts(feed: &FeedState) -> String {
    let form = |post: &SeenPost| PostForm {
        id: post.id.clone(),
        updated_at: post.updated_at.as_millis(),
        incident: post.incident.as_ref().map(|id| id.as_str().into()),
    };
    text(&feed.posts.iter().map(form).collect::<Vec<_>>())
}

pub(crate) fn read_posts(text: &str) -> Result<Vec<SeenPost>, Wrong> {
    let forms: Vec<PostForm> = read(text)?;
    let post = |form: PostForm| SeenPost {
        id: form.id,
        updated_at: clock::UnixMs::new(form.updated_at),
        incident: form.incident.map(detection::IncidentId::new),
    };
    Ok(forms.into_iter().map(post).collect())
}

fn text(form: &impl Serialize) -> String {
    serde_json::to_string(form).expect("forms are lists and structs of texts and numbers")
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, Wrong> {
    serde_json::from_str(text).map_err(|error| error.to_string().into())
}
