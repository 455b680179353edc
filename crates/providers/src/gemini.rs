//! Google's Gemini API: the model and what is asked of it stand in the path. Its beta version is
//! asked always, since it knows everything that the other one knows.

use dialects::Vendor;
use domain::{Dialect, Operation, Request};

use crate::habits::{Asked, Auth, Habits, Route, Way, segment, streams};

#[derive(Debug)]
pub(crate) struct Gemini;

impl Habits for Gemini {
    fn vendor(&self) -> Vendor {
        Vendor::Gemini
    }

    fn way(&self, asked: &Asked<'_>) -> Result<Way, &'static str> {
        let request = asked.request;
        let method = match request.operation {
            // Without `alt=sse` a stream is one JSON array, which cannot be relayed as events.
            Operation::Generate if streams(request) => "streamGenerateContent?alt=sse",
            Operation::Generate => "generateContent",
            Operation::CountTokens => "countTokens",
            Operation::Embed if is_batch(request) => "batchEmbedContents",
            Operation::Embed => "embedContent",
        };
        let model = segment(self.wire_model(asked.model));
        Ok(Route::way(Dialect::Gemini, format!("/v1beta/models/{model}:{method}"), request))
    }

    fn auths(&self) -> &'static [Auth] {
        &[Auth::Header("x-goog-api-key")]
    }

    fn wire_model<'a>(&'a self, model: &'a str) -> &'a str {
        model.strip_prefix("models/").unwrap_or(model)
    }
}

/// A single text and a batch have a path each. What is translated is always a batch.
fn is_batch(request: &Request) -> bool {
    request.dialect != Dialect::Gemini || dialects::embeds_batch(&request.body)
}
