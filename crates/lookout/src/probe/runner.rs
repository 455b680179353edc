//! Probes one target for ever: waits until a probe is due, asks, hears, judges, reports.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use clock::{Clock, Dice, IdMaker, UnixMs};
use detection::ComponentId;
use domain::{Delta, Event, FaultClass, Piece, Reply, Sight};
use tokio::sync::watch;
use tokio::time::timeout;
use upstream::{Answer, Body, Call, Pieces, Upstream};

use super::order::{PROMPT_TOKENS_MAX, request};
use super::{Canaries, Heard, Network, ProbeOutcome, ProbeSettings, Question, Schedule, judge};

/// Bytes of an answer's text that are kept.
const TEXT_BYTES_MAX: usize = 4_096;

/// What is probed.
#[derive(Debug, Clone)]
pub struct ProbeTarget {
    /// The components that a result speaks for: mostly the text answers of a provider, whole and
    /// word by word.
    pub components: Vec<ComponentId>,
    pub upstream: Arc<dyn Upstream>,
    /// The model's name as the upstream knows it; best a small one.
    pub model: Arc<str>,
}

/// One probe, ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeReport {
    pub components: Vec<ComponentId>,
    pub at: UnixMs,
    pub outcome: ProbeOutcome,
    pub first_content_ms: Option<u64>,
    pub total_ms: u64,
    /// Tokens of the prompt and the answer, if the provider told.
    pub tokens: Option<u64>,
}

/// Where reports go.
pub trait ProbeSink: Send + Sync + fmt::Debug {
    /// Takes a report. It must not block.
    fn take(&self, report: ProbeReport);
}

/// Probes one target.
#[derive(Debug)]
pub struct Prober {
    target: ProbeTarget,
    settings: ProbeSettings,
    schedule: Schedule,
    canaries: Arc<Canaries>,
    clock: Arc<dyn Clock>,
    dice: Dice,
    ids: IdMaker,
    asked: u64,
}

impl Prober {
    /// A prober with dice of its own.
    pub fn new(
        target: ProbeTarget,
        settings: ProbeSettings,
        canaries: Arc<Canaries>,
        (clock, mut dice): (Arc<dyn Clock>, Dice),
    ) -> Self {
        let schedule = Schedule::new(settings.clone(), dice.split(), clock.now());
        let ids = IdMaker::new(dice.split());
        Self { target, settings, schedule, canaries, clock, dice, ids, asked: 0 }
    }

    /// Probes for ever; dropping the future ends it. `suspected` tells whether anyone suspects one
    /// of the components; a sender that is gone means that nobody will.
    pub async fn run(mut self, mut suspected: watch::Receiver<bool>, sink: Arc<dyn ProbeSink>) {
        let mut is_told = true;
        loop {
            let wait = self.schedule.due().since(self.clock.now());
            let changed = async {
                match is_told {
                    true => suspected.changed().await,
                    false => std::future::pending().await,
                }
            };
            // What is due goes first, so that suspicions that come and go cannot starve it.
            tokio::select! {
                biased;
                () = tokio::time::sleep(wait) => {}
                told = changed => {
                    is_told = told.is_ok();
                    let now_suspected = is_told && *suspected.borrow_and_update();
                    self.schedule.suspect(now_suspected, self.clock.now());
                    continue;
                }
            }
            if let Some(report) = self.step().await {
                sink.take(report);
            }
        }
    }

    /// Probes once if that is due and the day has tokens left.
    pub async fn step(&mut self) -> Option<ProbeReport> {
        let card = self.target.upstream.card(&self.target.model);
        let thinks = card.and_then(|card| card.reasons).unwrap_or(false);
        let output_max = match thinks {
            true => self.settings.thinking_output_tokens_max,
            false => self.settings.output_tokens_max,
        };
        let taken = PROMPT_TOKENS_MAX + output_max;
        let today = UnixMs::from_seconds(self.clock.unix_seconds());
        if !self.schedule.start((self.clock.now(), today), taken) {
            return None;
        }
        let question = Question::thrown(&mut self.dice);
        let call = self.call(&question, output_max, thinks);
        let began = self.clock.now();
        let heard = self.ask(call).await;
        let total = self.clock.now().since(began);
        let slow_ms = self.schedule.slow_ms();
        let judged = judge(&question, heard.as_ref().map_err(|class| *class), slow_ms);
        let outcome = self.own_network_or(judged).await;
        let heard = heard.unwrap_or_default();
        if outcome == ProbeOutcome::Right {
            heard.first_content_ms.into_iter().for_each(|ms| self.schedule.usual(ms));
        }
        let used = heard.usage.map(|usage| usage.input().saturating_add(usage.output));
        self.schedule.ended(self.clock.now(), outcome, (taken, used));
        tracing::debug!(
            provider = self.target.upstream.provider(),
            outcome = outcome.as_str(),
            "probe ended"
        );
        Some(ProbeReport {
            components: self.target.components.clone(),
            at: UnixMs::from_seconds(self.clock.unix_seconds()),
            outcome,
            first_content_ms: heard.first_content_ms,
            total_ms: u64::try_from(total.as_millis()).unwrap_or(u64::MAX),
            tokens: used,
        })
    }

    fn call(&mut self, question: &Question, output_max: u64, thinks: bool) -> Call {
        self.asked += 1;
        let keys = u64::from(self.target.upstream.key_count().max(1));
        Call {
            request: Arc::new(request(question, &self.target.model, output_max, thinks)),
            model: self.target.model.clone(),
            key: u16::try_from(self.asked % keys).unwrap_or(0),
            connect_max: Duration::from_millis(self.settings.connect_ms_max),
            request_id: self.ids.next_id(),
            continuation: None,
            proofs: upstream::Proofs::default(),
            as_events: true,
        }
    }

    /// The answer, within the times allowed.
    async fn ask(&self, call: Call) -> Result<Heard, FaultClass> {
        let total = Duration::from_millis(self.settings.total_ms_max);
        let asked = timeout(total, self.hear(call)).await;
        asked.unwrap_or(Err(FaultClass::Stalled))
    }

    async fn hear(&self, call: Call) -> Result<Heard, FaultClass> {
        let began = self.clock.now();
        let first = Duration::from_millis(self.settings.first_content_ms_max);
        let Answer { body, .. } = match timeout(first, self.target.upstream.call(call)).await {
            Ok(answer) => answer.map_err(|fault| fault.class)?,
            Err(_) => return Err(FaultClass::Silent),
        };
        let mut heard = Heard::default();
        let since = || u64::try_from(self.clock.now().since(began).as_millis()).ok();
        match body {
            Body::Whole(whole) => {
                heard.take_sight(whole.sight);
                heard.first_content_ms = since();
            }
            Body::Native(Reply::Completion(completion)) => {
                completion.into_events().into_iter().for_each(|event| heard.take(event));
                heard.first_content_ms = since();
            }
            Body::Native(_) => return Err(FaultClass::Malformed),
            Body::Stream(mut pieces) => loop {
                let waited = began + first;
                let has_begun = heard.thought || !heard.text.is_empty();
                let next = next(&mut pieces);
                let piece = if has_begun {
                    next.await
                } else {
                    let left = waited.since(self.clock.now());
                    timeout(left, next).await.map_err(|_| FaultClass::SlowFirstToken)?
                };
                let Some(piece) = piece else { break };
                match piece.map_err(|fault| fault.class)? {
                    Piece::Native(event) => heard.take(event),
                    Piece::Relayed { sight, .. } => heard.take_sight(sight),
                }
                if heard.first_content_ms.is_none() && (heard.thought || !heard.text.is_empty()) {
                    heard.first_content_ms = since();
                }
            },
        }
        Ok(heard)
    }

    /// A failure to get anywhere may be ours: then nothing is known about the provider.
    async fn own_network_or(&self, outcome: ProbeOutcome) -> ProbeOutcome {
        let may_be_ours = matches!(
            outcome,
            ProbeOutcome::Failed(
                FaultClass::Connect
                    | FaultClass::Reset
                    | FaultClass::Silent
                    | FaultClass::SlowFirstToken
                    | FaultClass::Stalled
                    | FaultClass::Cut
            )
        );
        if may_be_ours && self.canaries.look().await.network() == Network::Down {
            return ProbeOutcome::OwnNetwork;
        }
        outcome
    }
}

async fn next(pieces: &mut Pieces) -> Option<Result<Piece, domain::Fault>> {
    poll_fn(|cx| pieces.as_mut().poll_next(cx)).await
}

impl Heard {
    fn take(&mut self, event: Event) {
        match event {
            Event::Delta { choice: 0, delta: Delta::Text(text) } => {
                let room = TEXT_BYTES_MAX.saturating_sub(self.text.len());
                self.text.extend(text.chars().take(room / 4));
            }
            Event::Delta { delta: Delta::Thinking(_) | Delta::Proof(_), .. } => self.thought = true,
            Event::Finish { choice: 0, finish } => self.finish = Some(finish),
            Event::Usage(usage) => {
                self.usage = Some(usage);
                self.thought |= usage.reasoning > 0;
            }
            Event::Delta { .. }
            | Event::Finish { .. }
            | Event::Start { .. }
            | Event::Ping
            | Event::Lost(_) => {}
        }
    }

    /// What was relayed cannot be read; that it says something can be seen.
    fn take_sight(&mut self, sight: Sight) {
        self.thought |= sight.content_deltas > 0;
        self.finish = sight.finish.or(self.finish.take());
        self.usage = sight.usage.or(self.usage);
    }
}
