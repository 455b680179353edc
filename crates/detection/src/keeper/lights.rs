//! The four lights of an incident: which family speaks for the outage, since when, and what it reads.

use std::collections::BTreeMap;

use clock::UnixMs;

use crate::{
    Capability, Component, ComponentId, Family, Incident, Light, LightState, Reading, Verdict,
};

/// Before anything was read.
pub(super) fn none() -> [Light; 4] {
    Family::LIGHTS.map(|family| Light {
        family,
        state: LightState::Unlit,
        lit_at: None,
        reading: "nothing read yet".into(),
    })
}

/// Reads the verdicts; gives true if a light came on or went out, or if texts were to be renewed and
/// one changed.
pub(super) fn renew(
    incident: &mut Incident,
    now: UnixMs,
    verdicts: &[&Verdict],
    components: &BTreeMap<ComponentId, Component>,
    with_texts: bool,
) -> bool {
    let routed = incident
        .components
        .iter()
        .filter_map(|id| components.get(id))
        .any(|component| component.capability.is_none_or(Capability::is_routed));
    let mut is_changed = false;
    for light in &mut incident.lights {
        let readings = verdicts.iter().flat_map(|verdict| &verdict.readings);
        let of_family = readings.filter(|reading| reading.family == light.family);
        let nats = |reading: &&Reading| reading.degraded_nats.max(reading.down_nats);
        let Some(most) = of_family.max_by(|a, b| nats(a).total_cmp(&nats(b))) else { continue };
        let is_ours = matches!(light.family, Family::Probe | Family::Traffic);
        let state = match () {
            () if is_ours && !routed => LightState::DoesNotApply,
            // Of a page that nobody reads nobody can say that it is green.
            () if light.family == Family::OfficialPage && most.observations == 0 => {
                LightState::DoesNotApply
            }
            () if most.speaks() => LightState::Lit,
            () => LightState::Unlit,
        };
        let turned = state != light.state;
        if turned && state == LightState::Lit {
            light.lit_at.get_or_insert(now);
        }
        let reworded = with_texts && light.reading != most.why;
        if turned || reworded {
            light.state = state;
            light.reading = most.why.clone();
            is_changed = true;
        }
    }
    is_changed
}
