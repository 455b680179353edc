//! What a path asks for, and in which dialect. Several dialects share paths on one port; their
//! official clients are told apart by the headers that each of them always sends.

use std::borrow::Cow;

use dialects::{Refusal, RefusalKind};
use domain::{Dialect, Framing, Operation, Passed};
use http::{HeaderMap, Method, Uri, header};
use percent_encoding::percent_decode_str;

use crate::receive::{quoted, refusal};

/// Bytes of a header or query that goes along to a provider of the same dialect.
const PASSED_BYTES_MAX: usize = 1024;
/// Headers of a caller that a provider of the same dialect must see: features that its client has
/// switched on, and what ties the requests of one session together.
const PASSED: [(Dialect, &[&str]); 3] = [
    (Dialect::Anthropic, &["anthropic-beta", "anthropic-version"]),
    (Dialect::OpenAiChat, &["openai-beta"]),
    (
        Dialect::OpenAiResponses,
        &["openai-beta", "originator", "session-id", "session_id", "thread-id"],
    ),
];

/// What a path and a method ask for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Ask(Asked),
    Models(Dialect, Option<Box<str>>),
    Alive,
    Ready,
}

/// A request for something that an upstream must answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) dialect: Dialect,
    pub(crate) operation: Operation,
    pub(crate) model_in_path: Option<Box<str>>,
    pub(crate) stream_in_path: bool,
    pub(crate) framing: Framing,
}

impl Asked {
    const fn new(dialect: Dialect, operation: Operation) -> Self {
        Self {
            dialect,
            operation,
            model_in_path: None,
            stream_in_path: false,
            framing: Framing::Events,
        }
    }
}

/// A path that nothing stands at, refused in the dialect that its client most likely speaks.
#[derive(Debug)]
pub(crate) struct Unserved {
    pub(crate) dialect: Dialect,
    pub(crate) refusal: Refusal,
}

/// Finds the endpoint.
pub(crate) fn endpoint_of(
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Endpoint, Box<Unserved>> {
    let path = uri.path();
    let spoken = spoken(path, uri.query(), headers);
    let unserved = |refusal| Box::new(Unserved { dialect: spoken, refusal });
    let Some(endpoint) = find(path, uri.query(), spoken) else {
        let text = format!(
            "there is nothing at {}; Seawall serves /v1/chat/completions, /v1/responses, \
             /v1/embeddings, /v1/messages, /v1beta/models/{{model}}:generateContent and /v1/models",
            quoted(path)
        );
        return Err(unserved(refusal(404, RefusalKind::NotFound, text)));
    };
    let wanted = if matches!(endpoint, Endpoint::Ask(_)) { Method::POST } else { Method::GET };
    if *method == wanted || (wanted == Method::GET && *method == Method::HEAD) {
        return Ok(endpoint);
    }
    let text = format!("{} takes {wanted}, not {}", quoted(path), quoted(method.as_str()));
    Err(unserved(refusal(405, RefusalKind::MethodNotAllowed, text)))
}

/// The dialect of a client by its path and its habits. `/v1/models` is asked for by three.
fn spoken(path: &str, query: Option<&str>, headers: &HeaderMap) -> Dialect {
    let key_in_query = || query.is_some_and(|query| query.split('&').any(is_key));
    if path.starts_with("/v1beta/")
        || headers.contains_key("x-goog-api-key")
        || headers.contains_key("x-goog-api-client")
        || key_in_query()
    {
        Dialect::Gemini
    } else if headers.contains_key("anthropic-version") || path.starts_with("/v1/messages") {
        Dialect::Anthropic
    } else if path.ends_with("/responses") {
        Dialect::OpenAiResponses
    } else {
        Dialect::OpenAiChat
    }
}

fn is_key(pair: &str) -> bool {
    pair.starts_with("key=")
}

fn find(path: &str, query: Option<&str>, spoken: Dialect) -> Option<Endpoint> {
    use Dialect::{Anthropic, OpenAiChat, OpenAiResponses};
    use Operation::{CountTokens, Embed, Generate};
    match path {
        "/healthz" => return Some(Endpoint::Alive),
        "/readyz" => return Some(Endpoint::Ready),
        _ => {}
    }
    if let Some(rest) = path.strip_prefix("/openai/deployments/") {
        return deployment(rest);
    }
    // Azure's newer base address, the one that official clients are given, its beta, and a base
    // address without a version.
    let versions = ["/openai/v1/", "/v1/", "/v1beta/", "/openai/", "/"];
    let rest = versions.iter().find_map(|version| path.strip_prefix(version))?;
    let ask = |dialect, operation| Some(Endpoint::Ask(Asked::new(dialect, operation)));
    match rest {
        "chat/completions" => ask(OpenAiChat, Generate),
        "embeddings" => ask(OpenAiChat, Embed),
        // The second name is that of Perplexity's Agent API, which has the same form.
        "responses" | "agent" => ask(OpenAiResponses, Generate),
        "messages" => ask(Anthropic, Generate),
        "messages/count_tokens" => ask(Anthropic, CountTokens),
        "models" => Some(Endpoint::Models(spoken, None)),
        _ => {
            let model = rest.strip_prefix("models/");
            // Some clients leave `models/` away before a name that has a slash of its own.
            let asked = model.unwrap_or(rest).rsplit_once(':');
            match asked.filter(|(model, verb)| !model.is_empty() && gemini_verb(verb).is_some()) {
                Some((model, verb)) => gemini(model, verb, query),
                None => {
                    let model = model.filter(|model| !model.is_empty())?;
                    Some(Endpoint::Models(spoken, Some(decode(model).into())))
                }
            }
        }
    }
}

/// Azure's older paths, which name the model.
fn deployment(rest: &str) -> Option<Endpoint> {
    // Older clients do not encode a slash in the model's name.
    let (model, operation) = match rest.strip_suffix("/chat/completions") {
        Some(model) => (model, Operation::Generate),
        None => (rest.strip_suffix("/embeddings")?, Operation::Embed),
    };
    if model.is_empty() {
        return None;
    }
    let model_in_path = Some(decode(model).into());
    Some(Endpoint::Ask(Asked { model_in_path, ..Asked::new(Dialect::OpenAiChat, operation) }))
}

fn gemini_verb(verb: &str) -> Option<(Operation, bool)> {
    match verb {
        "generateContent" => Some((Operation::Generate, false)),
        "streamGenerateContent" => Some((Operation::Generate, true)),
        "countTokens" => Some((Operation::CountTokens, false)),
        "embedContent" | "batchEmbedContents" => Some((Operation::Embed, false)),
        _ => None,
    }
}

fn gemini(model: &str, verb: &str, query: Option<&str>) -> Option<Endpoint> {
    let (operation, stream_in_path) = gemini_verb(verb)?;
    let as_events = query.is_some_and(|query| query.split('&').any(|pair| pair == "alt=sse"));
    let framing = if stream_in_path && !as_events { Framing::JsonArray } else { Framing::Events };
    Some(Endpoint::Ask(Asked {
        model_in_path: Some(decode(model).into()),
        stream_in_path,
        framing,
        ..Asked::new(Dialect::Gemini, operation)
    }))
}

/// What goes along with the body to a provider of the same dialect.
pub(crate) fn passed(dialect: Dialect, uri: &Uri, headers: &HeaderMap) -> Passed {
    let names = PASSED.iter().find(|(of, _)| *of == dialect).map_or(&[][..], |(_, names)| names);
    let mut passed = Passed::default();
    for name in names {
        let value = headers.get(*name).and_then(|value| value.to_str().ok());
        if let Some(value) = value.filter(|value| value.len() <= PASSED_BYTES_MAX) {
            passed.headers.push((name, value.into()));
        }
    }
    // Anthropic's clients ask for betas by `?beta=true`. No other dialect has a query that means
    // something to the provider.
    let beta = |query: &str| query.split('&').any(|pair| pair == "beta=true");
    if dialect == Dialect::Anthropic && uri.query().is_some_and(beta) {
        passed.query = Some("beta=true".into());
    }
    passed
}

/// A key in any of the customary places, the first that is there.
pub(crate) fn presented_key<'a>(
    headers: &'a HeaderMap,
    query: Option<&'a str>,
) -> Option<Cow<'a, str>> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = text(header::AUTHORIZATION.as_str()).and_then(|value| {
        let (scheme, key) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
    });
    let in_header = bearer
        .or_else(|| text("x-api-key"))
        .or_else(|| text("api-key"))
        .or_else(|| text("x-goog-api-key"));
    let in_query = || query?.split('&').find_map(|pair| pair.strip_prefix("key=")).map(decode);
    in_header.map(Cow::Borrowed).or_else(in_query)
}

/// Percent-decoding; what cannot be decoded stays as it is.
fn decode(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8().unwrap_or(Cow::Borrowed(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (name.parse().unwrap(), value.parse().unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    fn at(method: &Method, uri: &str, headers: &[(&'static str, &'static str)]) -> Endpoint {
        endpoint_of(method, &uri.parse().unwrap(), &with(headers)).unwrap()
    }

    fn asked(uri: &str) -> Asked {
        match at(&Method::POST, uri, &[]) {
            Endpoint::Ask(asked) => asked,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_dialect_has_its_paths() {
        for (path, dialect, operation) in [
            ("/v1/chat/completions", Dialect::OpenAiChat, Operation::Generate),
            ("/chat/completions", Dialect::OpenAiChat, Operation::Generate),
            ("/openai/v1/chat/completions", Dialect::OpenAiChat, Operation::Generate),
            ("/v1/responses", Dialect::OpenAiResponses, Operation::Generate),
            ("/v1/agent", Dialect::OpenAiResponses, Operation::Generate),
            ("/v1/embeddings", Dialect::OpenAiChat, Operation::Embed),
            ("/v1/messages", Dialect::Anthropic, Operation::Generate),
            ("/v1/messages/count_tokens?beta=true", Dialect::Anthropic, Operation::CountTokens),
        ] {
            assert_eq!(asked(path), Asked::new(dialect, operation), "{path}");
        }
        let azure = asked("/openai/deployments/my%20gpt/chat/completions?api-version=2026-01-01");
        assert_eq!(azure.model_in_path.as_deref(), Some("my gpt"));
        let slashed = asked("/openai/deployments/azure/gpt-4.1/chat/completions?api-version=1");
        assert_eq!(slashed.model_in_path.as_deref(), Some("azure/gpt-4.1"));
    }

    #[test]
    fn gemini_names_model_and_framing_in_the_path() {
        for version in ["v1", "v1beta"] {
            let asked =
                asked(&format!("/{version}/models/openai/gpt-4.1:streamGenerateContent?alt=sse"));
            assert_eq!(asked.dialect, Dialect::Gemini);
            assert_eq!(asked.model_in_path.as_deref(), Some("openai/gpt-4.1"));
            assert!(asked.stream_in_path && asked.framing == Framing::Events);
        }
        let bare = asked("/v1beta/openai/gpt-4.1:generateContent");
        assert_eq!(bare.model_in_path.as_deref(), Some("openai/gpt-4.1"));
        let array = asked("/v1beta/models/gemini-2.5-pro:streamGenerateContent");
        assert_eq!(array.framing, Framing::JsonArray);
        assert_eq!(asked("/v1beta/models/e:batchEmbedContents").operation, Operation::Embed);
        assert_eq!(asked("/v1beta/models/e:countTokens").operation, Operation::CountTokens);
    }

    #[test]
    fn the_list_of_models_is_told_apart_by_headers() {
        let list =
            |headers: &[(&'static str, &'static str)], uri: &str| at(&Method::GET, uri, headers);
        let models = |dialect| Endpoint::Models(dialect, None);
        assert_eq!(list(&[], "/v1/models"), models(Dialect::OpenAiChat));
        assert_eq!(list(&[("x-goog-api-key", "k")], "/v1/models"), models(Dialect::Gemini));
        assert_eq!(list(&[], "/v1/models?key=k"), models(Dialect::Gemini));
        assert_eq!(list(&[], "/v1beta/models"), models(Dialect::Gemini));
        let anthropic = [("anthropic-version", "2023-06-01")];
        assert_eq!(list(&anthropic, "/v1/models"), models(Dialect::Anthropic));
        let one = list(&[], "/v1/models/openai%2Fgpt-4.1");
        assert_eq!(one, Endpoint::Models(Dialect::OpenAiChat, Some("openai/gpt-4.1".into())));
        // A tag behind a colon is part of a model's name.
        let tagged = list(&[], "/v1/models/llama3:8b");
        assert_eq!(tagged, Endpoint::Models(Dialect::OpenAiChat, Some("llama3:8b".into())));
    }

    #[test]
    fn what_is_not_there_is_refused_in_the_callers_dialect() {
        let refused = |method: &Method, uri: &str| {
            *endpoint_of(method, &uri.parse().unwrap(), &HeaderMap::new()).unwrap_err()
        };
        let wrong_method = refused(&Method::GET, "/v1/chat/completions");
        assert_eq!((wrong_method.refusal.status, wrong_method.dialect), (405, Dialect::OpenAiChat));
        let wrong_path = refused(&Method::POST, "/v1beta/cachedContents");
        assert_eq!((wrong_path.refusal.status, wrong_path.dialect), (404, Dialect::Gemini));
        assert_eq!(at(&Method::HEAD, "/healthz", &[]), Endpoint::Alive);
    }

    #[test]
    fn keys_are_found_in_every_customary_place() {
        for headers in [
            with(&[("authorization", "Bearer k1")]),
            with(&[("authorization", "bearer  k1")]),
            with(&[("x-api-key", "k1")]),
            with(&[("api-key", "k1")]),
            with(&[("x-goog-api-key", "k1")]),
        ] {
            assert_eq!(presented_key(&headers, None).as_deref(), Some("k1"), "{headers:?}");
        }
        let none = HeaderMap::new();
        assert_eq!(presented_key(&none, Some("alt=sse&key=k%201")).as_deref(), Some("k 1"));
        // What is no encoding, or no text behind it, stays as it came.
        for plain in ["k%+f", "k%4", "k%zz%", "k%ff"] {
            let query = format!("key={plain}");
            assert_eq!(presented_key(&none, Some(&query)).as_deref(), Some(plain));
        }
        assert_eq!(presented_key(&with(&[("authorization", "Basic k1")]), None), None);
    }

    #[test]
    fn only_what_the_dialect_knows_goes_along() {
        let uri: Uri = "/v1/messages?beta=true&key=secret".parse().unwrap();
        let headers = with(&[("anthropic-beta", "a,b"), ("openai-beta", "x"), ("cookie", "c")]);
        let passed = passed(Dialect::Anthropic, &uri, &headers);
        assert_eq!(passed.headers, [("anthropic-beta", "a,b".into())]);
        assert_eq!(passed.query.as_deref(), Some("beta=true"));
    }
}
