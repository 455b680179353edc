//! OpenAI's models at Azure: a model is a deployment, named in the path, and its own versions are
//! named in the query. The base URL is the resource's root.

use dialects::Vendor;
use domain::{Dialect, Operation};

use crate::ProviderSettings;
use crate::habits::{Asked, Auth, Habits, Route, Way, openai_form, segment};

/// The newest version that is not a preview.
pub const AZURE_API_VERSION: &str = "2024-10-21";

#[derive(Debug)]
pub(crate) struct Azure {
    api_version: String,
    deployments: Vec<(Box<str>, Box<str>)>,
}

impl Azure {
    pub(crate) fn new(settings: &ProviderSettings) -> Self {
        let version = settings.api_version.as_deref().unwrap_or(AZURE_API_VERSION);
        Self { api_version: segment(version), deployments: settings.deployments.clone() }
    }

    fn deployed(&self, model: &str, endpoint: &str) -> String {
        let deployment = segment(self.wire_model(model));
        let version = &self.api_version;
        format!("/openai/deployments/{deployment}/{endpoint}?api-version={version}")
    }
}

impl Habits for Azure {
    fn vendor(&self) -> Vendor {
        Vendor::Azure
    }

    fn way(&self, asked: &Asked<'_>) -> Result<Way, &'static str> {
        let request = asked.request;
        Ok(match request.operation {
            Operation::Generate => match openai_form(asked, true, true) {
                // Responses live under a path without deployments, which takes no version.
                Some(Dialect::OpenAiResponses) => {
                    Route::original_way(Dialect::OpenAiResponses, "/openai/v1/responses", request)
                }
                _ => {
                    let path = self.deployed(asked.model, "chat/completions");
                    Route::way(Dialect::OpenAiChat, path, request)
                }
            },
            Operation::Embed => {
                let path = self.deployed(asked.model, "embeddings");
                Route::way(Dialect::OpenAiChat, path, request)
            }
            Operation::CountTokens => Way::Estimate,
        })
    }

    fn auths(&self) -> &'static [Auth] {
        &[Auth::Header("api-key")]
    }

    fn wire_model<'a>(&'a self, model: &'a str) -> &'a str {
        let deployment = self.deployments.iter().find(|(name, _)| **name == *model);
        deployment.map_or(model, |(_, deployment)| deployment)
    }
}
