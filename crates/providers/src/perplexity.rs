//! Perplexity's agent API, which has the form of OpenAI's responses but refuses what it does not
//! know and streams events of its own. So even a caller of that form is translated.

use dialects::Vendor;
use domain::{Dialect, Operation};

use crate::habits::{Asked, Habits, NO_VECTORS, Route, Way};

/// Which preset stands in for a model of the Sonar API, which has ended: by how much each searches
/// and thinks.
const PRESETS: [(&str, &str); 5] = [
    ("sonar", "fast"),
    ("sonar-pro", "low"),
    ("sonar-reasoning", "medium"),
    ("sonar-reasoning-pro", "medium"),
    ("sonar-deep-research", "high"),
];

#[derive(Debug)]
pub(crate) struct Perplexity;

impl Habits for Perplexity {
    fn vendor(&self) -> Vendor {
        Vendor::Perplexity
    }

    fn way(&self, asked: &Asked<'_>) -> Result<Way, &'static str> {
        match asked.request.operation {
            Operation::Generate => Ok(Way::Exchange(Route {
                dialect: Dialect::OpenAiResponses,
                path: "/v1/agent".into(),
                relays: false,
            })),
            Operation::CountTokens => Ok(Way::Estimate),
            Operation::Embed => Err(NO_VECTORS),
        }
    }

    fn wire_model<'a>(&'a self, model: &'a str) -> &'a str {
        preset(model).unwrap_or(model)
    }

    fn approximates(&self, model: &str) -> bool {
        preset(model).is_some()
    }
}

fn preset(model: &str) -> Option<&'static str> {
    PRESETS.into_iter().find(|(sonar, _)| *sonar == model).map(|(_, preset)| preset)
}
