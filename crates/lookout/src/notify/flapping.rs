//! When an incident that changes all the time is told. Pure.

use std::collections::VecDeque;
use std::time::Duration;

use clock::Tick;

/// So many updates of one incident within [`WINDOW`] go out at once; what comes then waits.
const AT_ONCE_MAX: usize = 4;
const WINDOW: Duration = Duration::from_secs(15 * 60);
/// How long what waits is gathered.
const GATHER: Duration = Duration::from_secs(30 * 60);
/// Incidents that are watched; the one that was told of longest ago is forgotten first.
const TOPICS_MAX: usize = 256;

/// When to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    Now,
    /// Together with all that comes until then, in so many milliseconds.
    In(u64),
}

#[derive(Debug)]
struct Topic {
    name: Box<str>,
    told: VecDeque<Tick>,
    gathers_until: Option<Tick>,
}

/// Watches how often each incident is told of.
#[derive(Debug, Default)]
pub struct Flapping {
    topics: VecDeque<Topic>,
}

impl Flapping {
    /// One more update of a topic.
    pub fn when(&mut self, now: Tick, topic: &str) -> When {
        let mut watched = match self.topics.iter().position(|known| &*known.name == topic) {
            Some(place) => self.topics.remove(place),
            None => None,
        }
        .unwrap_or_else(|| Topic {
            name: topic.into(),
            told: VecDeque::new(),
            gathers_until: None,
        });
        let when = watched.when(now);
        if self.topics.len() >= TOPICS_MAX {
            self.topics.pop_front();
        }
        self.topics.push_back(watched);
        when
    }
}

impl Topic {
    fn when(&mut self, now: Tick) -> When {
        self.told.retain(|at| now.since(*at) < WINDOW);
        match self.gathers_until {
            Some(until) if now < until => {
                let left = until.since(now);
                return When::In(u64::try_from(left.as_millis()).unwrap_or(u64::MAX));
            }
            _ => self.gathers_until = None,
        }
        if self.told.len() < AT_ONCE_MAX {
            self.told.push_back(now);
            return When::Now;
        }
        self.gathers_until = Some(now + GATHER);
        When::In(u64::try_from(GATHER.as_millis()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flapping_incident_is_gathered_and_a_calm_one_is_not() {
        let mut flapping = Flapping::default();
        let mut at = |minute: u64, topic| flapping.when(Tick::from_millis(minute * 60_000), topic);
        assert!((0..4).all(|minute| at(minute, "a") == When::Now));
        assert_eq!(at(5, "a"), When::In(30 * 60_000));
        assert_eq!(at(25, "a"), When::In(10 * 60_000));
        assert_eq!(at(25, "b"), When::Now);
        assert_eq!(at(35, "a"), When::Now, "it has been told, and is calm");
        assert!((0..20).all(|hour| at(60 + hour * 60, "a") == When::Now));
    }

    #[test]
    fn topics_are_bounded() {
        let mut flapping = Flapping::default();
        for topic in 0..10_000 {
            flapping.when(Tick::default(), &topic.to_string());
        }
        assert_eq!(flapping.topics.len(), TOPICS_MAX);
    }
}
