//! Google Cloud's `incidents.json`: a bare list in which an end that is there is the only sign that
//! something is over, and products that are not named are not told to be well.

use detection::Phase;
use serde::Deserialize;

use super::bounds::{Many, bounded};
use super::reading::{Doubts, Engine, FeedIncident, FeedPart, FeedReading, FeedUpdate};
use super::statuspage::{kept, moment};
use super::{FeedError, words};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Incident {
    id: Option<String>,
    number: Option<String>,
    begin: Option<String>,
    created: Option<String>,
    end: Option<String>,
    modified: Option<String>,
    external_desc: Option<String>,
    severity: Option<String>,
    status_impact: Option<String>,
    service_name: Option<String>,
    uri: Option<String>,
    affected_products: Option<Many<Product>>,
    updates: Many<Update>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Product {
    id: Option<String>,
    title: Option<String>,
    current_title: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Update {
    when: Option<String>,
    created: Option<String>,
    text: Option<String>,
}

/// Reads the list.
pub(super) fn read(text: &str) -> Result<FeedReading, FeedError> {
    let many: Many<Incident> = serde_json::from_str(text)
        .map_err(|source| FeedError::Json { form: "Google's incidents", source })?;
    let mut reading = FeedReading::of(Engine::GoogleCloud);
    let doubts = &mut reading.doubts;
    doubts.dropped = doubts.dropped.saturating_add(many.dropped);
    reading.incidents =
        Some(many.items.into_iter().map(|incident| one(incident, doubts)).collect());
    Ok(reading)
}

fn one(incident: Incident, doubts: &mut Doubts) -> FeedIncident {
    let resolved = moment(incident.end.as_deref(), doubts);
    let products = incident.affected_products.map(|many| {
        doubts.dropped = doubts.dropped.saturating_add(many.dropped);
        // A product is renamed while its old title stays, so both are there to be matched.
        many.items.iter().flat_map(part).collect()
    });
    let named = incident.service_name.as_deref();
    let service =
        || named.map(|name| vec![FeedPart { id: None, name: bounded(name), from: None, to: None }]);
    doubts.dropped = doubts.dropped.saturating_add(incident.updates.dropped);
    let mut updates = Vec::with_capacity(incident.updates.items.len());
    for update in incident.updates.items {
        updates.push(FeedUpdate {
            id: None,
            at: moment(update.when.as_deref().or(update.created.as_deref()), doubts),
            phase: None,
            text: bounded(update.text.as_deref().unwrap_or_default()),
            parts: Vec::new(),
        });
    }
    let impact = incident.severity.as_deref().and_then(|word| words::impact(word, doubts));
    let is_news = incident.status_impact.as_deref() == Some("SERVICE_INFORMATION");
    let path = incident.uri.as_deref().map(|path| path.trim_start_matches('/'));
    let id = incident.id.as_deref().or(incident.number.as_deref());
    FeedIncident {
        key: bounded(id.unwrap_or_default()),
        title: bounded(incident.external_desc.as_deref().unwrap_or_default().trim()),
        phase: Some(if resolved.is_some() { Phase::Resolved } else { Phase::Investigating }),
        impact: if is_news { Some(detection::Impact::None) } else { impact },
        started_at: moment(incident.begin.as_deref(), doubts),
        posted_at: moment(incident.created.as_deref(), doubts),
        updated_at: moment(incident.modified.as_deref(), doubts),
        monitoring_at: None,
        resolved_at: resolved,
        parts: products.or_else(service),
        updates,
        url: kept(path.map(|path| format!("https://status.cloud.google.com/{path}")).as_deref()),
    }
}

fn part(product: &Product) -> impl Iterator<Item = FeedPart> + use<> {
    let id = kept(product.id.as_deref());
    let title = kept(product.title.as_deref());
    let current =
        kept(product.current_title.as_deref()).filter(|name| Some(name) != title.as_ref());
    let names = [title, current].into_iter().flatten();
    names.map(move |name| FeedPart { id: id.clone(), name, from: None, to: None })
}
