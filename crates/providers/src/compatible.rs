//! Any server that speaks OpenAI's forms, or some of them. Nobody knows which of them counts
//! tokens, so that is estimated.

use dialects::Vendor;
use domain::{Dialect, Operation};

use crate::habits::{Asked, Habits, NO_VECTORS, Route, Way, openai_form};
use crate::settings::Speaks;

#[derive(Debug)]
pub(crate) struct Compatible {
    pub(crate) speaks: Speaks,
}

impl Habits for Compatible {
    fn vendor(&self) -> Vendor {
        Vendor::Compatible
    }

    fn way(&self, asked: &Asked<'_>) -> Result<Way, &'static str> {
        let (request, speaks) = (asked.request, self.speaks);
        match request.operation {
            Operation::Generate => match openai_form(asked, speaks.chat, speaks.responses) {
                Some(Dialect::OpenAiResponses) => {
                    Ok(Route::way(Dialect::OpenAiResponses, "/responses", request))
                }
                Some(_) => Ok(Route::way(Dialect::OpenAiChat, "/chat/completions", request)),
                None => Err("it only makes vectors"),
            },
            Operation::Embed if speaks.embeddings => {
                Ok(Route::way(Dialect::OpenAiChat, "/embeddings", request))
            }
            Operation::Embed => Err(NO_VECTORS),
            Operation::CountTokens => Ok(Way::Estimate),
        }
    }
}
