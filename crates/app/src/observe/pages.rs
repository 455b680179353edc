//! What providers' own status pages say: the last view of each, as facts, posts and sources. How they
//! are read is the lookout's affair, what they mean is judged elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clock::{Clock, Dice, UnixMs};
use detection::{ComponentId, Condition, Evidence, Fact, Freshness, PageReading, Post};
use lookout::feeds::poll::{
    FeedSettings, FeedSink, FeedState, FeedView, PagePoller, PageSettings, known_page,
};
use lookout::web::{Guarded, Resolver};
use net::{Client, ClientLimits, ClientParts, Connector};
use providers::ProviderSettings;
use web::view::{SourceAge, SourceState, Text};

/// Posts whose first sight is remembered.
const SEEN_MAX: usize = 4_096;

/// The known page of a provider: by its kind, or by its name where the kind is anybody's.
pub(super) fn page_of(provider: &ProviderSettings) -> Option<PageSettings> {
    let named = |name: &str| known_page(name, &provider.name);
    named(provider.kind.as_str()).or_else(|| named(&provider.name))
}

/// News of pages since the last look.
#[derive(Debug, Default)]
pub(super) struct News {
    pub(super) facts: Vec<Evidence>,
    pub(super) posts: Vec<Post>,
    /// What a page that can be believed says of each of its parts.
    pub(super) official: Vec<(ComponentId, Condition)>,
}

/// The last views; clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct PageDesk(Arc<Mutex<Inside>>);

#[derive(Debug, Default)]
struct Inside {
    /// By provider.
    views: BTreeMap<Arc<str>, FeedView>,
    /// Providers whose view was not heard yet.
    fresh: BTreeSet<Arc<str>>,
    /// When a post of a provider was first seen.
    seen: BTreeMap<(Arc<str>, Box<str>), UnixMs>,
}

/// Where one provider's views go.
#[derive(Debug)]
struct Sink {
    provider: Arc<str>,
    desk: PageDesk,
}

impl FeedSink for Sink {
    fn take(&self, view: FeedView) {
        self.desk.take(&self.provider, view);
    }
}

impl PageDesk {
    /// A poller for each provider whose page is known, with the sink of its views.
    pub(super) fn pollers(
        &self,
        providers: &[ProviderSettings],
        every_ms: u64,
        (connector, resolver): (Arc<dyn Connector>, Arc<dyn Resolver>),
        (clock, mut dice): (Arc<dyn Clock>, Dice),
    ) -> Vec<(PagePoller, Arc<dyn FeedSink>)> {
        let tls = match net::client_tls(None, true) {
            Ok(tls) => tls,
            Err(error) => {
                tracing::error!(%error, "status pages are not read");
                return Vec::new();
            }
        };
        // Pages redirect, and nobody's page may lead us inside.
        let guarded = Guarded::new(connector, resolver, false);
        let client = Client::new(ClientParts {
            connector: Arc::new(guarded),
            clock: Arc::clone(&clock),
            tls: Some(tls),
            limits: ClientLimits::default(),
        });
        let settings = Arc::new(FeedSettings { every_ms, ..FeedSettings::default() });
        let mut pollers = Vec::new();
        for provider in providers {
            let Some(page) = page_of(provider) else { continue };
            let time = (Arc::clone(&clock), dice.split());
            let poller = PagePoller::new(page, Arc::clone(&settings), client.clone(), time);
            let sink = Sink { provider: (&*provider.name).into(), desk: self.clone() };
            match poller {
                Ok(poller) => pollers.push((poller, Arc::new(sink) as Arc<dyn FeedSink>)),
                Err(error) => {
                    tracing::error!(%error, provider = &*provider.name, "a page is not read");
                }
            }
        }
        pollers
    }

    /// Takes what a provider's page says now.
    pub(super) fn take(&self, provider: &Arc<str>, view: FeedView) {
        let mut inside = self.inside();
        inside.fresh.insert(Arc::clone(provider));
        inside.views.insert(Arc::clone(provider), view);
    }

    /// What pages said since the last look.
    pub(super) fn news(&self, now: UnixMs) -> News {
        let mut inside = self.inside();
        let mut news = News::default();
        for provider in std::mem::take(&mut inside.fresh) {
            let Inside { views, seen, .. } = &mut *inside;
            let Some(view) = views.get(&provider) else { continue };
            facts(view, now, &mut news);
            for told in &view.incidents {
                let key = (Arc::clone(&provider), told.incident.key.clone());
                let seen_at = seen.get(&key).copied().unwrap_or(now);
                if seen.len() < SEEN_MAX {
                    seen.insert(key, seen_at);
                }
                let Some(posted_at) = told.incident.posted_at.or(told.incident.started_at) else {
                    continue;
                };
                news.posts.push(Post {
                    provider: Arc::clone(&provider),
                    components: told.components.clone(),
                    title: told.incident.title.clone(),
                    url: told.incident.url.clone(),
                    posted_at,
                    seen_at,
                    resolved_at: told.incident.resolved_at,
                });
            }
        }
        news
    }

    /// How old what the pages say is.
    pub(super) fn sources(&self) -> Vec<SourceAge> {
        let inside = self.inside();
        let one = |(provider, view): (&Arc<str>, &FeedView)| SourceAge {
            name: Text::both(format!("{provider}’s own page"), format!("{provider} 官方页")),
            read_at: view.read_at,
            state: match view.state {
                FeedState::Fresh => SourceState::Fresh,
                FeedState::Stale => SourceState::Stale,
                FeedState::Broken => SourceState::Broken,
            },
        };
        inside.views.iter().map(one).collect()
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One fact for each part, with the first post that tells of its trouble.
fn facts(view: &FeedView, now: UnixMs, news: &mut News) {
    let freshness = match view.state {
        FeedState::Fresh => Freshness::Fresh,
        FeedState::Stale => Freshness::Stale,
        FeedState::Broken => Freshness::Broken,
    };
    for (component, told) in &view.conditions {
        // Green on a page that tells of few things only says nothing.
        let is_empty = *told == Condition::Operational && !view.tells_green;
        let condition = if is_empty { Condition::Unknown } else { *told };
        let about = view.incidents.iter().filter(|of| of.components.contains(component));
        let open = about.filter(|of| of.incident.is_open());
        let posted_at = open.filter_map(|of| of.incident.posted_at).min();
        let page = PageReading { freshness, condition, posted_at, symptom: None };
        let fact = Fact::Page { component: component.clone(), page };
        news.facts.push(Evidence { at: now, fact });
        let believed = if freshness == Freshness::Fresh { condition } else { Condition::Unknown };
        news.official.push((component.clone(), believed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(state: FeedState, condition: Condition, tells_green: bool) -> FeedView {
        FeedView {
            page: "p".into(),
            at: UnixMs::new(0),
            state,
            read_at: None,
            engine: None,
            conditions: [(ComponentId::new("p/chat"), condition)].into(),
            missing: Vec::new(),
            tells_incidents: true,
            incidents: Vec::new(),
            maintenances: Vec::new(),
            tells_green,
            doubts: lookout::feeds::Doubts::default(),
            trouble: None,
        }
    }

    #[test]
    fn a_page_is_heard_once_and_believed_while_it_is_fresh() {
        let desk = PageDesk::default();
        let sink = Sink { provider: "p".into(), desk: desk.clone() };
        let now = UnixMs::new(1_000);
        let official = |view: FeedView| {
            sink.take(view);
            let news = desk.news(now);
            assert_eq!(news.facts.len(), 1);
            assert!(desk.news(now).facts.is_empty(), "it is heard once");
            news.official.first().map(|(_, condition)| *condition)
        };
        let (fresh, stale) = (FeedState::Fresh, FeedState::Stale);
        let (good, bad) = (Condition::Operational, Condition::MajorOutage);
        assert_eq!(official(view(fresh, bad, true)), Some(bad));
        assert_eq!(official(view(fresh, good, true)), Some(good));
        assert_eq!(official(view(fresh, good, false)), Some(Condition::Unknown));
        assert_eq!(official(view(stale, good, true)), Some(Condition::Unknown));
        assert_eq!(desk.sources().len(), 1);
    }
}
