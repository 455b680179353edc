//! The rows of timelines.

use clock::UnixMs;
use detection::Family;
use serde::{Deserialize, Serialize};

use super::word::{Exact, Spelt};
use crate::{Said, Testimony};

#[derive(Serialize, Deserialize)]
pub(super) struct TestimonyForm {
    family: Spelt<Family>,
    first: SaidForm,
    strongest: SaidForm,
    ended_at: Option<u64>,
}

/// Moment, nats, words.
#[derive(Serialize, Deserialize)]
struct SaidForm(u64, Exact, Box<str>);

impl From<&Testimony> for TestimonyForm {
    fn from(it: &Testimony) -> Self {
        Self {
            family: Spelt(it.family),
            first: SaidForm::from(&it.first),
            strongest: SaidForm::from(&it.strongest),
            ended_at: it.ended_at.map(UnixMs::as_millis),
        }
    }
}

impl From<TestimonyForm> for Testimony {
    fn from(it: TestimonyForm) -> Self {
        Self {
            family: it.family.0,
            first: it.first.into(),
            strongest: it.strongest.into(),
            ended_at: it.ended_at.map(UnixMs::new),
        }
    }
}

impl From<&Said> for SaidForm {
    fn from(it: &Said) -> Self {
        Self(it.at.as_millis(), Exact(it.nats), it.why.clone())
    }
}

impl From<SaidForm> for Said {
    fn from(SaidForm(at, nats, why): SaidForm) -> Self {
        Self { at: UnixMs::new(at), nats: nats.0, why }
    }
}
