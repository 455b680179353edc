//! Names as label values from bounded sets. A stranger may ask for any model, so a name becomes a
//! label only if it is configured, or if a configured provider has answered under it; everything
//! else is `other`. No counting is done here.

use std::collections::HashMap;
use std::sync::Arc;

use domain::Target;

/// The label of every name that is not known.
pub const OTHER: &str = "other";

/// Configured names of one kind, over all reloads.
const KNOWN_MAX: usize = 2_048;
/// Models that became known because a provider answered under them.
const LEARNED_MAX: usize = 128;

/// A name's place in its set; 0 is [`OTHER`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NameId(u16);

/// A target in bounded labels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TargetId {
    pub(crate) provider: NameId,
    pub(crate) model: NameId,
}

/// One bounded set of names. Names are never forgotten, since their series live on.
#[derive(Debug)]
struct NameSet {
    // The order of this map is never visible: it is only asked for single names.
    ids: HashMap<Arc<str>, NameId>,
    names: Vec<Arc<str>>,
}

impl NameSet {
    fn new() -> Self {
        Self { ids: HashMap::new(), names: vec![OTHER.into()] }
    }

    fn find(&self, name: &str) -> NameId {
        self.ids.get(name).copied().unwrap_or_default()
    }

    fn add(&mut self, name: &Arc<str>) {
        let full = self.names.len() >= KNOWN_MAX + LEARNED_MAX;
        if full || name.as_ref() == OTHER || self.ids.contains_key(name) {
            return;
        }
        if let Ok(id) = u16::try_from(self.names.len()) {
            self.ids.insert(Arc::clone(name), NameId(id));
            self.names.push(Arc::clone(name));
        }
    }

    fn name(&self, id: NameId) -> &str {
        self.names.get(usize::from(id.0)).map_or(OTHER, |name| name)
    }
}

/// All names that may be labels.
#[derive(Debug)]
pub(crate) struct Labels {
    providers: NameSet,
    models: NameSet,
    learned: usize,
    /// The target seen last, since most receipts in a row name the same one. Only targets whose
    /// names are both known are kept, so it never goes stale.
    last: Option<(Target, TargetId)>,
}

impl Labels {
    pub(crate) fn new() -> Self {
        Self { providers: NameSet::new(), models: NameSet::new(), learned: 0, last: None }
    }

    /// Makes configured names known. Names beyond the bound stay `other`.
    pub(crate) fn know(&mut self, models: &[Arc<str>], providers: &[Arc<str>]) {
        models.iter().take(KNOWN_MAX).for_each(|name| self.models.add(name));
        providers.iter().take(KNOWN_MAX).for_each(|name| self.providers.add(name));
    }

    /// The label of a model's name as asked.
    pub(crate) fn model(&self, name: &str) -> NameId {
        self.models.find(name)
    }

    /// The label of a target. If it answered, its model's name is no stranger's invention, and
    /// is learned as long as there is room.
    pub(crate) fn target(&mut self, target: &Target, answered: bool) -> TargetId {
        if let Some((last, id)) = &self.last
            && is_same(&last.provider, &target.provider)
            && is_same(&last.model, &target.model)
        {
            return *id;
        }
        let provider = self.providers.find(&target.provider);
        let mut model = self.models.find(&target.model);
        let known = provider != NameId::default();
        if model == NameId::default() && known && answered && self.learned < LEARNED_MAX {
            self.models.add(&target.model);
            self.learned += 1;
            model = self.models.find(&target.model);
        }
        let id = TargetId { provider, model };
        if Self::is_known(id) {
            self.last = Some((target.clone(), id));
        }
        id
    }

    /// True if neither of its names is [`OTHER`].
    pub(crate) fn is_known(target: TargetId) -> bool {
        target.provider != NameId::default() && target.model != NameId::default()
    }

    pub(crate) fn model_name(&self, id: NameId) -> &str {
        self.models.name(id)
    }

    pub(crate) fn provider_name(&self, id: NameId) -> &str {
        self.providers.name(id)
    }
}

/// Equal, and fast if it is the very same text in memory.
fn is_same(a: &Arc<str>, b: &Arc<str>) -> bool {
    Arc::ptr_eq(a, b) || a == b
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels() -> Labels {
        let mut labels = Labels::new();
        labels.know(&["assistant".into(), "gpt-x".into()], &["acme".into()]);
        labels
    }

    #[test]
    fn only_known_names_are_labels() {
        let mut labels = labels();
        assert_eq!(labels.model_name(labels.model("assistant")), "assistant");
        assert_eq!(labels.model_name(labels.model("nobody-knows")), OTHER);
        let id = labels.target(&Target::new("stranger", "gpt-x"), true);
        assert_eq!(labels.provider_name(id.provider), OTHER);
    }

    #[test]
    fn a_model_that_answered_is_learned_within_a_bound() {
        let mut labels = labels();
        let refused = labels.target(&Target::new("acme", "guess"), false);
        assert_eq!(labels.model_name(refused.model), OTHER);
        for number in 0..10 * LEARNED_MAX {
            labels.target(&Target::new("acme", format!("model-{number}")), true);
        }
        assert_eq!(labels.models.names.len(), 3 + LEARNED_MAX);
        assert_eq!(labels.model_name(labels.model("model-7")), "model-7");
    }

    #[test]
    fn the_last_target_is_not_taken_for_another() {
        let mut labels = labels();
        let first = labels.target(&Target::new("acme", "gpt-x"), true);
        let second = labels.target(&Target::new("acme", "assistant"), true);
        assert_ne!(first, second);
        assert_eq!(first, labels.target(&Target::new("acme", "gpt-x"), true));
    }
}
