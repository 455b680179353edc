//! Everything the line reads from the settings, as one value that a reload replaces whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use admission::{CallerKey, CallerKeys, RoomSettings};
use dialects::ModelEntry;
use resilience::{BreakerSettings, FailoverSettings, LadderTable, ModelSpec, PaceSettings};
use upstream::{Readiness, Upstream};

use crate::{Caps, RecallSettings};

/// What a lineup is made of.
#[derive(Debug, Clone)]
pub struct LineupParts {
    pub models: Vec<ModelSpec>,
    pub upstreams: Vec<Arc<dyn Upstream>>,
    pub callers: Vec<CallerKey>,
    pub failover: FailoverSettings,
    pub breaker: BreakerSettings,
    pub pace: PaceSettings,
    pub room: RoomSettings,
    pub recall: RecallSettings,
    /// Clocks of `provider/model` names that no ladder covers.
    pub clocks: resilience::Clocks,
    pub caps: Caps,
}

/// The settings of the line, ready for use.
#[derive(Debug)]
pub struct Lineup {
    pub(crate) models: Vec<ModelSpec>,
    pub(crate) ladders: LadderTable,
    pub(crate) upstreams: BTreeMap<Box<str>, Arc<dyn Upstream>>,
    pub(crate) callers: CallerKeys,
    pub(crate) failover: FailoverSettings,
    pub(crate) breaker: BreakerSettings,
    pub(crate) pace: PaceSettings,
    pub(crate) room: RoomSettings,
    pub(crate) recall: RecallSettings,
    pub(crate) caps: Caps,
}

impl Lineup {
    /// Puts the parts in order. Ladders were checked where the settings were read.
    pub fn new(parts: LineupParts) -> Self {
        let providers =
            parts.upstreams.iter().map(|upstream| Box::from(upstream.provider())).collect();
        let upstreams = parts
            .upstreams
            .into_iter()
            .map(|upstream| (Box::from(upstream.provider()), upstream))
            .collect();
        Self {
            models: parts.models.clone(),
            ladders: LadderTable::new(parts.models, providers, parts.clocks),
            upstreams,
            callers: CallerKeys::new(parts.callers),
            failover: parts.failover,
            breaker: parts.breaker,
            pace: parts.pace,
            room: parts.room,
            recall: parts.recall,
            caps: parts.caps,
        }
    }

    /// How ready each upstream is, by name.
    pub fn readiness(&self) -> Vec<(Box<str>, Readiness)> {
        let each = self.upstreams.iter();
        each.map(|(name, upstream)| (name.clone(), upstream.readiness())).collect()
    }

    /// A name of the list of models with the limits of the first rung, which is the one that its
    /// callers plan for.
    pub(crate) fn entry<'a>(&self, name: &'a str) -> ModelEntry<'a> {
        let ladder = self.ladders.find(name);
        let first = ladder.as_ref().and_then(|ladder| ladder.steps.first()?.first());
        let card =
            first.and_then(|target| self.upstreams.get(&*target.provider)?.card(&target.model));
        ModelEntry {
            id: name,
            context_tokens_max: card.as_ref().and_then(|card| card.context_tokens_max),
            output_tokens_max: card.and_then(|card| card.output_tokens_max),
        }
    }

    /// True if some upstream could answer. Breakers do not count: a replica that is taken out of
    /// service because its providers are down cannot see them come back.
    pub fn can_answer(&self) -> bool {
        self.upstreams.values().any(|upstream| upstream.readiness() == Readiness::Ready)
    }
}
