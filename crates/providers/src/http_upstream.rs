//! One provider over HTTP: one call is one exchange. Where caller and provider speak the same
//! dialect, bytes go through; otherwise the caller's own request is translated, never a translation
//! of it. What the outcome means for the next call is decided elsewhere.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use clock::Clock;
use dialects::{Ask, Form, Order, Reading, Unbearable, Vendor};
use domain::{Dialect, Fault, FaultClass, Full, Losses, ModelCard, Reply, Request};
use http::{HeaderMap, Method, StatusCode, Uri, header};
use net::{Client, ClientBody};
use upstream::{Answer, Body, BoxFuture, Call, Head, Proofs, Upstream, Whole};

use crate::catalogue::Cards;
use crate::endpoint::{BuildError, Endpoint};
use crate::exchange::{fault_of, is_json, read_to_end};
use crate::fit;
use crate::habits::{Asked, Habits, Route, Way, streams};
use crate::keys::{Keys, pass_on};
use crate::pieces::{ReadyPieces, StreamPieces};
use crate::rate_limits::allowances;
use crate::registry::Surroundings;
use crate::relayed_headers::relayable;
use crate::token_file::TokenFile;
use crate::{Kind, ProviderSettings, StreamUsage};

/// Bytes of an error's body that are read.
const REFUSAL_BYTES_MAX: usize = 256 * 1024;
/// Targets that need not be put together for each call.
const USUAL_PATHS: [&str; 4] = ["/chat/completions", "/responses", "/v1/messages", "/embeddings"];

/// One provider.
#[derive(Debug)]
pub(crate) struct HttpUpstream {
    name: Box<str>,
    habits: Box<dyn Habits>,
    endpoint: Endpoint,
    usual: Vec<(&'static str, Uri)>,
    keys: Arc<Keys>,
    cards: Cards,
    stream_usage: StreamUsage,
    answer_bytes_max: usize,
    client: Client,
    clock: Arc<dyn Clock>,
    is_reserve: bool,
}

/// A request on its way.
struct Sent {
    body: Bytes,
    /// What its translation could not say.
    losses: Losses,
    /// Usage is asked for although the caller did not, so it is kept from him.
    hide_usage: bool,
}

impl HttpUpstream {
    /// Prepares everything that does not change from call to call.
    ///
    /// # Errors
    /// If an address or a header of the settings cannot be used.
    pub(crate) fn new(
        settings: &ProviderSettings,
        habits: Box<dyn Habits>,
        client: Client,
        surroundings: &Surroundings,
    ) -> Result<Self, BuildError> {
        let endpoint = Endpoint::parse(&settings.base_url)?;
        let clock = surroundings.clock.clone();
        let token =
            settings.entra_token_file.as_ref().map(|path| TokenFile::new(path, clock.clone()));
        let usual = USUAL_PATHS.map(|path| Ok((path, endpoint.path(path)?)));
        Ok(Self {
            name: settings.name.clone(),
            keys: Arc::new(Keys::new(settings, &*habits, &endpoint, token)?),
            usual: usual.into_iter().collect::<Result<_, BuildError>>()?,
            habits,
            endpoint,
            cards: Cards::new(settings),
            stream_usage: settings.stream_usage,
            answer_bytes_max: surroundings.answer_bytes_max,
            client,
            clock,
            is_reserve: settings.kind == Kind::Reserve,
        })
    }

    fn way(&self, model: &str, request: &Request) -> Result<Way, &'static str> {
        self.habits.way(&Asked { request, model, task: self.cards.task(model) })
    }

    async fn exchange(&self, call: Call) -> Result<Answer, Fault> {
        let request = &*call.request;
        let route = match self.way(&call.model, request) {
            Ok(Way::Exchange(route)) => self.fit_to_go_on(&call, route)?,
            Ok(Way::Estimate) => return estimate(request),
            Err(why) => return Err(Fault::new(FaultClass::Unfit, why)),
        };
        let relays = route.relays && !call.as_events;
        let form = dialects::of(route.dialect);
        let sent = self.written(&call, &route, form)?;
        let uri = self.target(request, &route)?;
        let headers = self.headers(&call, &route).await?;
        let make = || {
            let mut request = http::Request::new(http_body_util::Full::new(sent.body.clone()));
            *request.method_mut() = Method::POST;
            *request.uri_mut() = uri.clone();
            *request.headers_mut() = headers.clone().into_owned();
            request
        };
        let response = self
            .client
            .send(&self.endpoint.origin, &make, call.connect_max)
            .await
            .map_err(|error| self.keys.kept_from(fault_of(&error)))?;
        let (parts, body) = response.into_parts();
        if !parts.status.is_success() {
            let mut fault = self.refusal(form, parts.status, &parts.headers, body).await;
            // What was translated is not answered by the caller's own dialect, whatever it is
            // called.
            if let Some(error) = fault.relayable.as_mut().filter(|_| !route.relays) {
                error.body = None;
            }
            return Err(fault);
        }
        if parts.headers.contains_key(header::CONTENT_ENCODING) {
            let text = "the answer is encoded although none was accepted";
            return Err(Fault::new(FaultClass::Malformed, text));
        }
        let dialects = (route.dialect, request.dialect);
        let harmless = |value: &str| self.keys.harmless(value);
        let now = self.clock.unix_seconds();
        let head = Head {
            headers: relayable(&parts.headers, dialects, harmless, now),
            allowances: allowances(&parts.headers, now),
        };
        if streams(request) && !is_json(&parts.headers) {
            let reading = match relays {
                true => Reading::Relay { hide_usage: sent.hide_usage },
                false => Reading::Translate,
            };
            let pieces = StreamPieces::new(body, form.stream_reader(reading), self.keys.clone());
            let dialect = relays.then_some(route.dialect);
            let body = Body::Stream(Box::pin(pieces));
            return Ok(Answer { dialect, head, body, losses: sent.losses });
        }
        let body = read_to_end(body, self.answer_bytes_max).await?;
        let answer = match relays {
            true => relayed(request, (form, parts.status), body, (head, sent.losses)),
            false => translated(request, form, &body, (head, sent.losses)),
        };
        answer.map_err(|fault| self.keys.kept_from(fault))
    }

    /// What goes on is always translated, from the caller's own conversation; so the rung must be
    /// fit for that too.
    fn fit_to_go_on(&self, call: &Call, mut route: Route) -> Result<Route, Fault> {
        if call.continuation.is_none() || !route.relays {
            return Ok(route);
        }
        route.relays = false;
        let way = Way::Exchange(route);
        let card = self.cards.card(&call.model);
        if let Some(why) = fit::unfit(&way, (self.habits.vendor(), card.as_deref()), &call.request)
        {
            return Err(Fault::new(FaultClass::Unfit, why));
        }
        match way {
            Way::Exchange(route) => Ok(route),
            Way::Estimate => Err(Fault::new(FaultClass::Internal, "nothing is counted here")),
        }
    }

    /// The body as the provider gets it.
    fn written(&self, call: &Call, route: &Route, form: &dyn Form) -> Result<Sent, Fault> {
        let request = &*call.request;
        let model = self.habits.wire_model(&call.model);
        let vendor = self.habits.vendor();
        if route.relays {
            let ask_usage =
                form.dialect() == Dialect::OpenAiChat && self.stream_usage == StreamUsage::Always;
            let unbearable = Unbearable {
                proofs: distrusts(call.proofs, form),
                additions: request.outline.extended && vendor != Vendor::Perplexity,
            };
            let (body, losses) = match lean(request, form, unbearable)? {
                Some((lean, losses)) => (form.rewrite(&lean, model, ask_usage), losses),
                None => (form.rewrite(request, model, ask_usage), Losses::default()),
            };
            let hide_usage = ask_usage && !request.outline.usage_in_stream;
            return Ok(Sent { body, losses, hide_usage });
        }
        let card = self.cards.card(&call.model).unwrap_or_default();
        let mut losses = Losses::default();
        let mut own: Option<Full> = None;
        if let Full::Conversation(conversation) = full(request)? {
            if distrusts(call.proofs, form) {
                let (bare, any) = conversation.without_proofs();
                if any {
                    losses.dropped("thinking.signature");
                    own = Some(Full::Conversation(bare));
                }
            }
            if let Some(continuation) = &call.continuation {
                let from = match &own {
                    Some(Full::Conversation(bare)) => bare,
                    _ => conversation,
                };
                own = Some(Full::Conversation(continuation.extend(from)));
            }
        }
        let written = form.write_request(&Order {
            operation: request.operation,
            full: own.as_ref().map_or_else(|| full(request), Ok)?,
            model,
            stream: streams(request),
            vendor,
            card: &card,
        });
        losses.extend(written.losses);
        if self.habits.approximates(&call.model) {
            losses.approximated("model");
        }
        Ok(Sent { body: written.body, losses, hide_usage: false })
    }

    fn target(&self, request: &Request, route: &Route) -> Result<Uri, Fault> {
        let query = request.passed.query.as_deref().filter(|_| route.relays);
        if query.is_none()
            && let Some((_, uri)) = self.usual.iter().find(|(path, _)| *path == route.path)
        {
            return Ok(uri.clone());
        }
        let target = self.endpoint.target(&route.path, query);
        target.ok_or_else(|| Fault::new(FaultClass::Internal, "the target cannot be written"))
    }

    async fn headers(&self, call: &Call, route: &Route) -> Result<Cow<'_, HeaderMap>, Fault> {
        let way = self.habits.auth(&call.request);
        let headers = self.keys.headers(call.key, way);
        let headers =
            headers.ok_or_else(|| Fault::new(FaultClass::Internal, "no key has this index"))?;
        let mut headers = Cow::Borrowed(headers);
        if let Some(file) = self.keys.token() {
            let token = file.token().await?;
            headers.to_mut().insert(token.name, token.value);
        }
        let passed = &call.request.passed;
        if route.relays && !passed.headers.is_empty() {
            pass_on(passed, route.dialect, headers.to_mut());
        }
        Ok(headers)
    }

    async fn refusal(
        &self,
        form: &dyn Form,
        status: StatusCode,
        headers: &HeaderMap,
        body: ClientBody,
    ) -> Fault {
        if status == StatusCode::UNAUTHORIZED
            && let Some(file) = self.keys.token()
        {
            file.was_refused();
        }
        // A body that cannot be read still leaves a status that can.
        let body = read_to_end(body, REFUSAL_BYTES_MAX).await.unwrap_or_default();
        let now = self.clock.unix_seconds();
        self.keys.kept_from(form.read_refusal(status.as_u16(), headers, &body, now))
    }
}

/// The caller's request in full. The rung is passed over if it cannot be read: a provider of the
/// caller's own dialect may still know better.
fn full(request: &Request) -> Result<&Full, Fault> {
    request.full(|request| dialects::of(request.dialect).read_full(request)).map_err(|malformed| {
        Fault::new(FaultClass::Unfit, format!("it cannot be translated: {malformed}"))
    })
}

/// True if proofs of thinking are not sent along: they were refused, or are sealed for whoever was
/// asked before.
fn distrusts(proofs: Proofs, form: &dyn Form) -> bool {
    match proofs {
        Proofs::Unknown => false,
        Proofs::Elsewhere => form.seals_for_one_account(),
        Proofs::Refused => true,
    }
}

/// The request without what the provider cannot bear of it; `None` if it bears everything.
fn lean(
    request: &Request,
    form: &dyn Form,
    unbearable: Unbearable,
) -> Result<Option<(Request, Losses)>, Fault> {
    if unbearable == Unbearable::default() {
        return Ok(None);
    }
    let Some(written) = form.leave_out(&request.body, unbearable) else { return Ok(None) };
    let outline = form.read_outline(&Ask {
        operation: request.operation,
        body: &written.body,
        model_in_path: Some(&request.outline.model),
        stream_in_path: request.outline.stream,
    });
    let outline =
        outline.map_err(|malformed| Fault::new(FaultClass::Internal, malformed.to_string()))?;
    let mut lean = Request::new(request.dialect, written.body, outline);
    lean.operation = request.operation;
    Ok(Some((lean, written.losses)))
}

/// A whole answer that goes through as it came.
fn relayed(
    request: &Request,
    (form, status): (&dyn Form, StatusCode),
    body: Bytes,
    (head, losses): (Head, Losses),
) -> Result<Answer, Fault> {
    let sight = form.see_whole(request.operation, &body)?;
    if streams(request) {
        let text = "a stream was asked for and a whole answer came";
        return Err(Fault::new(FaultClass::Malformed, text));
    }
    let body = Body::Whole(Whole { body, status: status.as_u16(), sight });
    Ok(Answer { dialect: Some(form.dialect()), head, body, losses })
}

/// A whole answer in the internal form; told as a stream to a caller who asked for one.
fn translated(
    request: &Request,
    form: &dyn Form,
    body: &[u8],
    (head, mut losses): (Head, Losses),
) -> Result<Answer, Fault> {
    let (reply, more) = form.read_whole(request.operation, body)?;
    losses.extend(more);
    let body = match reply {
        Reply::Completion(completion) if streams(request) => {
            Body::Stream(Box::pin(ReadyPieces(completion.into_events().into())))
        }
        reply => Body::Native(reply),
    };
    Ok(Answer { dialect: None, head, body, losses })
}

/// A count of our own, for a provider that has no counter.
fn estimate(request: &Request) -> Result<Answer, Fault> {
    let Full::Conversation(conversation) = full(request)? else {
        return Err(Fault::new(FaultClass::Unfit, "there is nothing to count"));
    };
    let count = conversation.estimated_tokens();
    let mut losses = Losses::default();
    losses.approximated("input_tokens");
    Ok(Answer {
        dialect: None,
        head: Head::default(),
        body: Body::Native(Reply::InputTokens { count, estimated: true }),
        losses,
    })
}

impl Upstream for HttpUpstream {
    fn provider(&self) -> &str {
        &self.name
    }

    fn key_count(&self) -> u16 {
        self.keys.count()
    }

    fn card(&self, model: &str) -> Option<Arc<ModelCard>> {
        self.cards.card(model)
    }

    fn unfit(&self, model: &str, request: &Request) -> Option<Box<str>> {
        match self.way(model, request) {
            Ok(way) => {
                let card = self.cards.card(model);
                fit::unfit(&way, (self.habits.vendor(), card.as_deref()), request)
            }
            Err(why) => Some(why.into()),
        }
    }

    fn is_reserve(&self) -> bool {
        self.is_reserve
    }

    fn call(&self, call: Call) -> BoxFuture<'_, Result<Answer, Fault>> {
        Box::pin(self.exchange(call))
    }
}
