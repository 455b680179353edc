//! OpenAI itself: chat completions, responses, embeddings, and a counter of input tokens.

use dialects::Vendor;
use domain::{Dialect, Operation};
use http::{HeaderName, HeaderValue};

use crate::habits::{Asked, Habits, Route, Way, openai_form};
use crate::{BuildError, ProviderSettings};

#[derive(Debug)]
pub(crate) struct OpenAi {
    /// Which account pays.
    account: Vec<(HeaderName, HeaderValue)>,
}

impl OpenAi {
    pub(crate) fn new(settings: &ProviderSettings) -> Result<Self, BuildError> {
        let mut account = Vec::new();
        for (name, value) in
            [("openai-organization", &settings.organization), ("openai-project", &settings.project)]
        {
            if let Some(value) = value {
                let value = HeaderValue::from_str(value).map_err(|_| BuildError::header(name))?;
                account.push((HeaderName::from_static(name), value));
            }
        }
        Ok(Self { account })
    }
}

impl Habits for OpenAi {
    fn vendor(&self) -> Vendor {
        Vendor::OpenAi
    }

    fn way(&self, asked: &Asked<'_>) -> Result<Way, &'static str> {
        let request = asked.request;
        Ok(match request.operation {
            Operation::Generate => match openai_form(asked, true, true) {
                Some(Dialect::OpenAiResponses) => {
                    Route::original_way(Dialect::OpenAiResponses, "/responses", request)
                }
                _ => Route::way(Dialect::OpenAiChat, "/chat/completions", request),
            },
            Operation::Embed => Route::way(Dialect::OpenAiChat, "/embeddings", request),
            Operation::CountTokens => {
                Route::original_way(Dialect::OpenAiResponses, "/responses/input_tokens", request)
            }
        })
    }

    fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        self.account.clone()
    }
}
