//! Which form a document has, told by the document itself: pages change their engine, and addresses
//! do not say so.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::FeedError;
use super::bounds::{Many, OBJECTS_MAX};

/// The forms that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Shape {
    /// A Statuspage v2 object, also incident.io's imitation.
    Statuspage,
    /// A bare list of Statuspage's incidents.
    StatuspageIncidents,
    /// A bare list of Statuspage's components.
    StatuspageComponents,
    /// incident.io's `{"summary": …}`.
    IncidentIoSummary,
    IncidentIoWidget,
    /// incident.io's incidents or impacts of a span.
    IncidentIoSpan,
    Instatus,
    GoogleIncidents,
    /// Atom or RSS.
    Syndication,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Keys {
    page: Option<PageKeys>,
    summary: Option<IgnoredAny>,
    status: Option<IgnoredAny>,
    components: Option<Many<ComponentKeys>>,
    incidents: Option<Many<IncidentKeys>>,
    scheduled_maintenances: Option<IgnoredAny>,
    page_title: Option<IgnoredAny>,
    ongoing_incidents: Option<IgnoredAny>,
    component_impacts: Option<IgnoredAny>,
    #[serde(rename = "activeIncidents")]
    active_incidents: Option<IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PageKeys {
    status: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ComponentKeys {
    status: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct IncidentKeys {
    incident_updates: Option<IgnoredAny>,
    impact: Option<IgnoredAny>,
    component_impacts: Option<IgnoredAny>,
    updates: Option<IgnoredAny>,
    affected_products: Option<IgnoredAny>,
    external_desc: Option<IgnoredAny>,
    group_id: Option<IgnoredAny>,
    position: Option<IgnoredAny>,
}

/// The form of a text. `usual` is the form that this address had before; it decides only where the
/// text cannot, such as for an empty list.
///
/// # Errors
/// If it is none of the forms.
pub(super) fn shape_of(text: &str, usual: Option<Shape>) -> Result<Shape, FeedError> {
    let unknown = |what: &str| FeedError::NoFeed { what: what.into() };
    let is_json = !text.trim_start().starts_with('<');
    if is_json && text.bytes().filter(|byte| *byte == b'{').count() > OBJECTS_MAX {
        return Err(FeedError::TooMany { objects_max: OBJECTS_MAX });
    }
    match text.trim_start().as_bytes() {
        [b'<', ..] => Ok(Shape::Syndication),
        [b'[', ..] => list(text)?.or(usual).ok_or_else(|| unknown("an empty list")),
        [b'{', ..] => {
            let keys: Keys = serde_json::from_str(text)
                .map_err(|source| FeedError::Json { form: "a status page", source })?;
            object(&keys).ok_or_else(|| unknown("an object without the keys of a status page"))
        }
        _ => Err(unknown("neither markup nor JSON")),
    }
}

fn list(text: &str) -> Result<Option<Shape>, FeedError> {
    let many: Many<IncidentKeys> =
        serde_json::from_str(text).map_err(|source| FeedError::Json { form: "a list", source })?;
    Ok(many.items.iter().find_map(|first| {
        if first.affected_products.is_some() || first.external_desc.is_some() {
            Some(Shape::GoogleIncidents)
        } else if first.incident_updates.is_some() || first.impact.is_some() {
            Some(Shape::StatuspageIncidents)
        } else if first.group_id.is_some() || first.position.is_some() {
            Some(Shape::StatuspageComponents)
        } else {
            None
        }
    }))
}

fn object(keys: &Keys) -> Option<Shape> {
    let shouts = |word: &str| !word.is_empty() && !word.bytes().any(|b| b.is_ascii_lowercase());
    let page_shouts =
        keys.page.as_ref().and_then(|page| page.status.as_deref()).is_some_and(shouts);
    let parts = keys.components.as_ref().map(|many| many.items.as_slice()).unwrap_or_default();
    let parts_shout = parts.iter().filter_map(|part| part.status.as_deref()).any(shouts);
    let incidents = keys.incidents.as_ref().map(|many| many.items.as_slice()).unwrap_or_default();
    let native = incidents.iter().any(|incident| {
        incident.incident_updates.is_none()
            && (incident.component_impacts.is_some() || incident.updates.is_some())
    });
    if keys.summary.is_some() {
        Some(Shape::IncidentIoSummary)
    } else if keys.page_title.is_some() || keys.ongoing_incidents.is_some() {
        Some(Shape::IncidentIoWidget)
    } else if page_shouts || parts_shout || keys.active_incidents.is_some() {
        Some(Shape::Instatus)
    } else if keys.component_impacts.is_some() || (keys.page.is_none() && native) {
        Some(Shape::IncidentIoSpan)
    } else if keys.page.is_some()
        || keys.components.is_some()
        || keys.incidents.is_some()
        || keys.scheduled_maintenances.is_some()
        || keys.status.is_some()
    {
        Some(Shape::Statuspage)
    } else {
        None
    }
}
