//! Which door a request knocks at. A path may belong to several providers; then the headers tell
//! whose client it is.

use percent_encoding::percent_decode_str;

use super::ask::Delivery;
use super::dialect::{Dialect, Service};
use super::http::{KeyPlace, Received};

/// The paths of each dialect, for people.
pub const PATHS: [(&str, &str); 7] = [
    ("OpenAI", "/v1/chat/completions, /v1/responses, /v1/responses/input_tokens, /v1/embeddings"),
    ("Anthropic", "/v1/messages, /v1/messages/count_tokens"),
    (
        "Gemini",
        "/v1beta/models/{m}:generateContent, :streamGenerateContent, :countTokens, :embedContent, \
         :batchEmbedContents; also under /v1",
    ),
    ("Azure", "/openai/deployments/{d}/chat/completions, /embeddings; /openai/v1/…"),
    ("Perplexity", "/v1/agent"),
    ("models", "/v1/models, /v1beta/models, /openai/v1/models"),
    ("control", "/control/health, /control/log, /control/log?bodies=1, /control/reset"),
];

/// A door of the wall.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Door {
    Ask(Route),
    /// All models, or the one that is named.
    Models(Dialect, Option<String>),
    Health,
    Log,
    Reset,
    Unknown(Dialect),
    WrongMethod(Dialect),
}

/// Whose dialect is spoken, what is asked for, and what the path says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) dialect: Dialect,
    pub(crate) service: Service,
    /// The model, where the path names it.
    pub(crate) model: Option<String>,
    /// How the answer comes, where the path tells it.
    pub(crate) delivery: Option<Delivery>,
}

impl Route {
    fn plain(dialect: Dialect, service: Service) -> Self {
        Self { dialect, service, model: None, delivery: None }
    }
}

/// The door of a request.
pub(crate) fn door(received: &Received) -> Door {
    let path = received.path.as_str();
    match received.method.as_str() {
        "POST" if path == "/control/reset" => Door::Reset,
        "POST" => asked(received).map_or(Door::Unknown(guessed(path)), Door::Ask),
        "GET" => looked_up(received),
        _ => Door::WrongMethod(guessed(path)),
    }
}

fn asked(received: &Received) -> Option<Route> {
    let path = received.path.as_str();
    let plain = |dialect, service| Some(Route::plain(dialect, service));
    match path {
        "/v1/chat/completions" => plain(Dialect::Chat, Service::Answer),
        "/v1/embeddings" => plain(Dialect::Chat, Service::Embed),
        "/v1/responses" | "/openai/v1/responses" => plain(Dialect::Responses, Service::Answer),
        "/v1/responses/input_tokens" => plain(Dialect::Responses, Service::Count),
        "/v1/agent" => plain(Dialect::Agent, Service::Answer),
        "/v1/messages" => plain(Dialect::Messages, Service::Answer),
        "/v1/messages/count_tokens" => plain(Dialect::Messages, Service::Count),
        "/openai/v1/chat/completions" => plain(Dialect::Azure, Service::Answer),
        "/openai/v1/embeddings" => plain(Dialect::Azure, Service::Embed),
        _ => deployed(received).or_else(|| generated(received)),
    }
}

/// Azure's older paths name the deployment, and the version of the interface in the query.
fn deployed(received: &Received) -> Option<Route> {
    let rest = received.path.strip_prefix("/openai/deployments/")?;
    received.query("api-version").filter(|version| !version.is_empty())?;
    let (model, service) = if let Some(model) = rest.strip_suffix("/chat/completions") {
        (model, Service::Answer)
    } else {
        (rest.strip_suffix("/embeddings")?, Service::Embed)
    };
    let model = Some(decoded(model));
    Some(Route { dialect: Dialect::Azure, service, model, delivery: None })
}

/// Gemini's paths end in the model and, after a colon, what is asked of it.
fn generated(received: &Received) -> Option<Route> {
    let path = received.path.as_str();
    let rest = path.strip_prefix("/v1beta/models/").or(path.strip_prefix("/v1/models/"))?;
    let (model, method) = rest.rsplit_once(':')?;
    let events = received.query("alt").is_some_and(|alt| alt == "sse");
    let (service, delivery) = match method {
        "generateContent" => (Service::Answer, Some(Delivery::Whole)),
        "streamGenerateContent" if events => (Service::Answer, Some(Delivery::Events)),
        "streamGenerateContent" => (Service::Answer, Some(Delivery::Array)),
        "countTokens" => (Service::Count, None),
        "embedContent" => (Service::Embed, None),
        "batchEmbedContents" => (Service::EmbedBatch, None),
        _ => return None,
    };
    Some(Route { dialect: Dialect::Gemini, service, model: Some(decoded(model)), delivery })
}

fn looked_up(received: &Received) -> Door {
    let path = received.path.as_str();
    match path {
        "/control/health" => return Door::Health,
        "/control/log" => return Door::Log,
        _ => {}
    }
    let (dialect, rest) = if let Some(rest) = path.strip_prefix("/v1beta/models") {
        (Dialect::Gemini, rest)
    } else if let Some(rest) = path.strip_prefix("/openai/v1/models") {
        (Dialect::Azure, rest)
    } else if let Some(rest) = path.strip_prefix("/v1/models") {
        (whose_client(received), rest)
    } else {
        return Door::Unknown(guessed(path));
    };
    match (rest, rest.strip_prefix('/')) {
        ("", _) => Door::Models(dialect, None),
        (_, Some(id)) => Door::Models(dialect, Some(decoded(id))),
        (_, None) => Door::Unknown(dialect),
    }
}

fn whose_client(received: &Received) -> Dialect {
    let google = received.has_key_in(KeyPlace::XGoogApiKey)
        || received.has_key_in(KeyPlace::Query)
        || received.header("x-goog-api-client").is_some();
    if google {
        Dialect::Gemini
    } else if received.header("anthropic-version").is_some() {
        Dialect::Messages
    } else {
        Dialect::Chat
    }
}

/// In whose words a path that leads nowhere is refused.
fn guessed(path: &str) -> Dialect {
    if path.starts_with("/v1beta/") {
        Dialect::Gemini
    } else if path.starts_with("/v1/messages") {
        Dialect::Messages
    } else if path.starts_with("/openai/") {
        Dialect::Azure
    } else {
        Dialect::Chat
    }
}

/// Undoes percent-encoding; what is no encoding stays as it is.
fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(method: &str, target: &str, headers: &[(&str, &str)]) -> Door {
        let mut received = Received::new(method, target);
        headers.iter().for_each(|(name, value)| received.keep(name, value));
        door(&received)
    }

    #[test]
    fn each_path_has_its_dialect() {
        for (path, dialect, service) in [
            ("/v1/chat/completions", Dialect::Chat, Service::Answer),
            ("/v1/messages?beta=true", Dialect::Messages, Service::Answer),
            ("/v1/messages/count_tokens?beta=true", Dialect::Messages, Service::Count),
            ("/v1/responses", Dialect::Responses, Service::Answer),
            ("/v1/responses/input_tokens", Dialect::Responses, Service::Count),
            ("/v1/agent", Dialect::Agent, Service::Answer),
            ("/openai/v1/chat/completions", Dialect::Azure, Service::Answer),
            ("/openai/v1/responses", Dialect::Responses, Service::Answer),
        ] {
            assert_eq!(at("POST", path, &[]), Door::Ask(Route::plain(dialect, service)), "{path}");
        }
        let azure =
            at("POST", "/openai/deployments/fb-ok/chat/completions?api-version=2024-10-21", &[]);
        let Door::Ask(route) = azure else { panic!("{azure:?}") };
        assert_eq!((route.dialect, route.model.as_deref()), (Dialect::Azure, Some("fb-ok")));
        let azure = at("POST", "/openai/deployments/fb-ok/chat/completions", &[]);
        assert_eq!(azure, Door::Unknown(Dialect::Azure));
    }

    #[test]
    fn gemini_is_found_under_both_versions() {
        for version in ["v1", "v1beta"] {
            for (method, service, delivery) in [
                ("generateContent", Service::Answer, Some(Delivery::Whole)),
                ("streamGenerateContent?alt=sse", Service::Answer, Some(Delivery::Events)),
                ("streamGenerateContent?key=k", Service::Answer, Some(Delivery::Array)),
                ("countTokens", Service::Count, None),
                ("embedContent", Service::Embed, None),
                ("batchEmbedContents", Service::EmbedBatch, None),
            ] {
                let path = format!("/{version}/models/a%2Ffb-ok:{method}");
                let model = Some("a/fb-ok".to_owned());
                let route = Route { dialect: Dialect::Gemini, service, model, delivery };
                assert_eq!(at("POST", &path, &[]), Door::Ask(route), "{path}");
            }
        }
        let unknown = at("POST", "/v1beta/models/fb-ok:predict", &[]);
        assert_eq!(unknown, Door::Unknown(Dialect::Gemini));
    }

    #[test]
    fn the_list_of_models_is_told_apart_by_the_client() {
        let all = |dialect| Door::Models(dialect, None);
        assert_eq!(at("GET", "/v1/models", &[]), all(Dialect::Chat));
        let version = [("anthropic-version", "2023-06-01")];
        assert_eq!(at("GET", "/v1/models", &version), all(Dialect::Messages));
        assert_eq!(at("GET", "/v1/models", &[("x-goog-api-key", "k")]), all(Dialect::Gemini));
        assert_eq!(at("GET", "/v1/models?key=k", &[]), all(Dialect::Gemini));
        assert_eq!(at("GET", "/v1beta/models", &[]), all(Dialect::Gemini));
        let one = Door::Models(Dialect::Chat, Some("fb-ok".to_owned()));
        assert_eq!(at("GET", "/v1/models/fb-ok", &[]), one);
        assert_eq!(at("GET", "/v1/modelsx", &[]), Door::Unknown(Dialect::Chat));
        assert_eq!(at("PUT", "/v1/messages", &[]), Door::WrongMethod(Dialect::Messages));
    }

    #[test]
    fn what_is_no_encoding_stays() {
        assert_eq!(decoded("a%2fb%"), "a/b%");
        assert_eq!(decoded("%zz%4"), "%zz%4");
        assert_eq!(decoded("%+f% f%-1"), "%+f% f%-1");
        assert_eq!(decoded("%ff"), "\u{fffd}");
    }

    proptest::proptest! {
        #[test]
        fn no_target_brings_it_down(target in "[/a-z0-9:%?&=.éx]{0,60}", post: bool) {
            for start in ["", "/v1/models/", "/v1beta/models/", "/openai/deployments/"] {
                let method = if post { "POST" } else { "GET" };
                drop(door(&Received::new(method, &format!("{start}{target}"))));
            }
        }
    }
}
