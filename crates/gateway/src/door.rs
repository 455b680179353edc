//! The gateway's front: takes an HTTP request from the listener, sends it down the line, and owns
//! what all requests share.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use clock::{Clock, Dice, IdMaker, RequestId};
use http::{Request, Response};
use net::{Handler, Peer, RequestBody};
use resilience::RetryBudget;
use telemetry::Telemetry;
use upstream::Readiness;

use crate::attempt::{Apart, Attempted, Queued};
use crate::early::{self, Patience};
use crate::endpoint::{Asked, Endpoint, endpoint_of};
use crate::recall::Recall;
use crate::reply::{self, ReplyBody};
use crate::route::RouteBook;
use crate::silence::{self, Waits};
use crate::waiting::Rooms;
use crate::{Advised, Lineup, LineupParts, rung};

/// What a gateway is built from.
#[derive(Debug)]
pub struct GatewayParts {
    pub lineup: LineupParts,
    pub clock: Arc<dyn Clock>,
    pub telemetry: Telemetry,
    pub dice: Dice,
    /// Bytes of request and answer to keep for the request log; `None` keeps none.
    pub payload_bytes_max: Option<usize>,
}

/// What all cores share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) lineup: ArcSwap<Lineup>,
    pub(crate) routes: RouteBook,
    pub(crate) rooms: Arc<Rooms>,
    pub(crate) budget: Mutex<RetryBudget>,
    pub(crate) recall: Recall,
    /// Requests that bring faults about by themselves.
    pub(crate) apart: Apart,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) telemetry: Telemetry,
    pub(crate) in_flight: AtomicUsize,
    /// Bytes that are kept of streams, in case that they break off.
    pub(crate) told_bytes: Arc<AtomicUsize>,
    pub(crate) payload_bytes_max: Option<usize>,
}

/// What one core has for itself.
#[derive(Debug)]
struct Core {
    ids: Mutex<IdMaker>,
    dice: Mutex<Dice>,
}

/// The line's entrance on one core; cloned for each connection.
#[derive(Debug, Clone)]
pub struct Gateway {
    pub(crate) shared: Arc<Shared>,
    core: Arc<Core>,
}

impl Gateway {
    /// The gateway of the first core.
    pub fn new(mut parts: GatewayParts) -> Self {
        let ratio = parts.lineup.failover.retry_budget_ratio;
        let core = Core::new(&mut parts.dice);
        let rooms = Arc::new(Rooms::new(parts.clock.clone()));
        let shared = Shared {
            lineup: ArcSwap::from_pointee(Lineup::new(parts.lineup)),
            routes: RouteBook::new(rooms.clone()),
            rooms,
            budget: Mutex::new(RetryBudget::new(ratio)),
            recall: Recall::default(),
            apart: Apart::default(),
            clock: parts.clock,
            telemetry: parts.telemetry,
            in_flight: AtomicUsize::new(0),
            told_bytes: Arc::default(),
            payload_bytes_max: parts.payload_bytes_max,
        };
        Self { shared: Arc::new(shared), core: Arc::new(core) }
    }

    /// The same gateway for another core, with ids and dice of its own.
    #[must_use]
    pub fn for_another_core(&self) -> Self {
        let mut dice = self.core.dice.lock().unwrap_or_else(PoisonError::into_inner);
        Self { shared: self.shared.clone(), core: Arc::new(Core::new(&mut dice)) }
    }

    /// Puts new settings in force. Requests under way end with the settings they began with;
    /// breakers keep what they know unless their own settings changed.
    pub fn reload(&self, parts: LineupParts) {
        let old = self.shared.lineup.load();
        let rungs_differ = old.breaker != parts.breaker || old.pace != parts.pace;
        let rooms_differ = old.room != parts.room;
        self.shared.recall.settle(&parts.recall, old.models != parts.models);
        let ratio = parts.failover.retry_budget_ratio;
        if old.failover.retry_budget_ratio.to_bits() != ratio.to_bits() {
            *self.shared.budget.lock().unwrap_or_else(PoisonError::into_inner) =
                RetryBudget::new(ratio);
        }
        self.shared.lineup.store(Arc::new(Lineup::new(parts)));
        if rungs_differ {
            self.shared.routes.forget();
        }
        if rooms_differ {
            self.shared.rooms.forget();
        }
    }

    /// How ready each upstream is, and whether any could answer.
    pub fn readiness(&self) -> (Vec<(Box<str>, Readiness)>, bool) {
        let lineup = self.shared.lineup.load();
        (lineup.readiness(), lineup.can_answer())
    }

    /// The ladders in force, as configured.
    pub fn ladders(&self) -> Vec<resilience::ModelSpec> {
        self.shared.lineup.load().models.clone()
    }

    /// The retry budget that is left, as a share of its size.
    pub fn retry_budget_level(&self) -> f64 {
        let budget = self.shared.budget.lock().unwrap_or_else(PoisonError::into_inner);
        budget.level(self.shared.clock.now())
    }

    /// Answers that are kept to be given again, and their bytes.
    pub fn kept_answers(&self) -> (usize, usize) {
        self.shared.recall.size()
    }

    /// Requests that stand in line.
    pub fn waiting(&self) -> usize {
        self.shared.rooms.waiting()
    }

    /// The pace of every rung that was ever tried: its target, how many calls may be out at it,
    /// and how many a second may come that belong elsewhere, while any do.
    pub fn paces(&self) -> Vec<(domain::Target, u32, Option<f64>)> {
        self.shared.routes.paces()
    }

    /// Heeds what onlookers say of a provider from now on, on all cores. With a confirmed outage the
    /// doors of all its rungs are shut once; how they open again is the breakers' affair.
    pub fn heed(&self, provider: &str, advised: Advised) {
        let routes = &self.shared.routes;
        if !routes.provider(&Arc::from(provider)).heed.set(advised) {
            return;
        }
        for rung in routes.of_provider(provider) {
            for (key, transition) in rung.shut(self.shared.clock.now(), self.dice()) {
                rung::tell(&self.shared.telemetry, &rung.target, key, transition);
            }
        }
    }

    /// Has a provider's shut doors tried once in `every`, sooner than they would be by themselves:
    /// somebody suspects an outage, and what is tried is all that can be seen of it. Of all its doors
    /// the one that was shut last is tried, for that is one that calls come to. To be told again
    /// while it is wanted.
    pub fn hasten(&self, provider: &str, every: Duration) {
        let now = self.shared.clock.now();
        let rungs = self.shared.routes.of_provider(provider);
        let failed = rungs.iter().filter_map(|rung| {
            let (at, key) = rung.failed_at(now)?;
            Some((at, rung, key))
        });
        if let Some((at, rung, key)) = failed.max_by_key(|(at, ..)| *at) {
            rung.hasten(key, now, at + every);
        }
    }

    /// Calls at each provider that wait, by the second in which they began, and the place of the
    /// present second among them.
    pub fn waits(&self) -> (BTreeMap<Arc<str>, Waits>, usize) {
        (self.shared.routes.waits(), silence::place(self.shared.clock.now()))
    }

    pub(crate) fn dice(&self) -> &Mutex<Dice> {
        &self.core.dice
    }

    fn next_id(&self) -> RequestId {
        self.core.ids.lock().unwrap_or_else(PoisonError::into_inner).next_id()
    }
}

impl Core {
    fn new(dice: &mut Dice) -> Self {
        Self { ids: Mutex::new(IdMaker::new(dice.split())), dice: Mutex::new(dice.split()) }
    }
}

impl Handler for Gateway {
    type Body = ReplyBody;

    async fn handle(&self, request: Request<RequestBody>, _peer: Peer) -> Response<ReplyBody> {
        match endpoint_of(request.method(), request.uri(), request.headers()) {
            Ok(Endpoint::Ask(asked)) => self.answer(request, asked).await,
            Ok(Endpoint::Models(dialect, name)) => self.models(&request, dialect, name.as_deref()),
            Ok(Endpoint::Alive) => reply::plain(200, "alive\n"),
            Ok(Endpoint::Ready) if self.shared.lineup.load().can_answer() => {
                reply::plain(200, "ready\n")
            }
            Ok(Endpoint::Ready) => reply::plain(503, "no upstream can answer yet\n"),
            Err(unserved) => reply::refuse_unreceived(&unserved),
        }
    }
}

impl Gateway {
    /// The line itself.
    async fn answer(&self, request: Request<RequestBody>, asked: Asked) -> Response<ReplyBody> {
        let ticket = crate::receipt::Ticket::open(self.shared.clone(), self.next_id());
        let lineup = self.shared.lineup.load_full();
        let answered = async {
            let received = crate::receive::receive(&lineup, request, asked, ticket).await?;
            let understood = crate::understand::understand(received)?;
            let admitted = crate::admit::admit(self, &lineup, understood)?;
            let planned = crate::plan::plan(&lineup, admitted)?;
            crate::attempt::attempt(self, &lineup, planned).await
        };
        match answered.await {
            Ok(Attempted::Answers(answering)) => reply::answer(self, &lineup, answering),
            Ok(Attempted::Waits(waits)) => self.answer_waiting(lineup, waits).await,
            Err(turned_away) => reply::turn_away(*turned_away),
        }
    }

    /// The rest of the line for a request that has to wait and whose caller can be told so.
    async fn answer_waiting(&self, lineup: Arc<Lineup>, waits: Queued) -> Response<ReplyBody> {
        let (head, sign) = (waits.early_head(), waits.sign());
        let room = lineup.room;
        let patience = Patience {
            dialect: waits.dialect(),
            after: waits.untold(room.tell_after_ms),
            every: Duration::from_millis(room.tell_every_ms),
        };
        let (gateway, clock) = (self.clone(), self.shared.clock.clone());
        let preparing = Box::pin(async move {
            let answering = waits.go_on().await?;
            Ok(reply::answer(&gateway, &lineup, answering))
        });
        early::answer_or_head(preparing, patience, head, Box::new(move || sign.words(&*clock)))
            .await
    }
}
