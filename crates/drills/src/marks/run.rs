//! Runs the scenarios one after another and gathers what is judged.

use std::sync::Arc;
use std::time::Duration;

use clock::Clock;
use domain::Secret;
use tokio::time::sleep;

use super::super::wall::{Profile, Wall};
use super::ask::{CallerDialect, Extra};
use super::caller::{Dial, Request, call};
use super::checks::{Course, Run, Scenario, Verdict};
use super::further::further;
use super::read::{Answer, Kind};
use super::scenarios::{BACK_S_MAX, bench};
use super::table::Row;

const HEALTHY_S_MAX: u64 = 10;
/// The caller of S33 leaves after so many bytes, which is a few words in any dialect.
const LEFT_AFTER_BYTES: usize = 1_500;
/// How long the wall is given to notice that an answer ended.
const SETTLE_MS: u64 = 100;
/// More requests are not sent in an outage, however short their pace.
const OUTAGE_REQUESTS_MAX: usize = 200;

/// Plays a caller against one gateway.
#[derive(Debug)]
pub struct Scorer<D> {
    /// How the gateway is reached.
    pub dial: D,
    /// The wall that its ladders lead to.
    pub wall: Wall,
    /// Measures the answers; the wall's own should be the same.
    pub clock: Arc<dyn Clock>,
    /// What the caller speaks.
    pub dialect: CallerDialect,
    /// The caller's key.
    pub key: Option<Secret>,
    /// For the `host` header.
    pub host: String,
}

/// How many scenarios ended in which way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Score {
    /// Every scenario's id and verdict, in the order in which they ran.
    pub verdicts: Vec<(String, Verdict)>,
}

impl Score {
    /// How many had this verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.verdicts.iter().filter(|(_, found)| *found == verdict).count()
    }

    /// Whether every one passed, and there was one.
    pub fn is_clean(&self) -> bool {
        !self.verdicts.is_empty() && self.count(Verdict::Pass) == self.verdicts.len()
    }
}

impl<D: Dial> Scorer<D> {
    /// Runs the scenarios whose id `wanted` takes, and tells each row when it is known. The error
    /// says why none could be run: the gateway does not lead to the wall.
    pub async fn run(
        &self,
        wanted: impl Fn(&str) -> bool,
        mut told: impl FnMut(&Row),
    ) -> Result<Score, String> {
        let healthy = self.healthy().await;
        let kind = healthy.kind(Extra::None);
        if kind != Kind::Complete {
            return Err(format!(
                "the gateway has no healthy answer for the model fb-ok ({}, status {}); is it \
                 configured as `seawall wall --score-config` prints?",
                kind.as_str(),
                healthy.status
            ));
        }
        if self.wall.attempts("fb-ok").is_empty() {
            return Err("fb-ok was answered, but not by this wall; the gateway's ladders must \
                        lead to the address that --listen names"
                .to_owned());
        }
        let chosen: Vec<Scenario> =
            bench().into_iter().chain(further()).filter(|scenario| wanted(&scenario.id)).collect();
        if chosen.is_empty() {
            return Err(
                "no scenario has an id that was asked for; `seawall wall --list` shows the \
                        ids"
                .to_owned(),
            );
        }
        let mut score = Score::default();
        for scenario in chosen {
            let run = self.play(&scenario).await;
            let row = Row::new(&scenario, &run);
            told(&row);
            score.verdicts.push((scenario.id, row.verdict));
        }
        Ok(score)
    }

    async fn play(&self, scenario: &Scenario) -> Run {
        self.wall.reset();
        let mut run = Run { thinking: self.wall.profile().timings().thinking, ..Run::default() };
        let model = scenario.model();
        match scenario.course {
            Course::Row(extras) => {
                for extra in extras {
                    run.asked.push((self.ask(scenario, *extra).await, *extra));
                }
            }
            Course::Steady { count, every_ms } => {
                for _ in 0..count {
                    let pause = sleep(Duration::from_millis(every_ms));
                    let (answer, ()) = tokio::join!(self.ask(scenario, Extra::None), pause);
                    run.asked.push((answer, Extra::None));
                }
            }
            Course::Burst => {
                let ask = || Box::pin(self.ask(scenario, Extra::None));
                let (a, b, c, d, e, f) = tokio::join!(ask(), ask(), ask(), ask(), ask(), ask());
                run.asked.extend([a, b, c, d, e, f].map(|answer| (answer, Extra::None)));
            }
            Course::Outage => self.outage(scenario, &mut run).await,
            Course::Leave => {
                let request = Request {
                    leave_after_bytes: Some(LEFT_AFTER_BYTES),
                    ..self.request(&model, Extra::None, scenario.limit_s)
                };
                let raw = call(&self.dial, self.clock.as_ref(), &request).await;
                run.asked.push((Answer::of(&raw, self.dialect), Extra::None));
                // The gateway has two seconds to pass the leaving on.
                sleep(Duration::from_millis(2_000 + SETTLE_MS)).await;
            }
        }
        sleep(Duration::from_millis(SETTLE_MS)).await;
        run.primary = self.wall.attempts(&model);
        run.spare = self.wall.attempts(&scenario.spare_model());
        run.alive = self.healthy().await.kind(Extra::None) == Kind::Complete;
        run
    }

    /// Asks at a steady pace through the outage, and on until the primary serves again.
    async fn outage(&self, scenario: &Scenario, run: &mut Run) {
        let (count, every_ms) = match self.wall.profile() {
            Profile::Full => (20, 4_000),
            Profile::Fast => (10, 1_200),
        };
        let down = self.wall.profile().timings().down;
        let given_up = down + Duration::from_secs(BACK_S_MAX);
        let start = self.clock.now();
        let model = scenario.model();
        while run.asked.len() < OUTAGE_REQUESTS_MAX {
            let served = self.wall.attempts(&model).into_iter();
            let served = served.filter(|told| told.status == Some(200)).map(|told| told.at).min();
            run.back = served.map(|at| at.saturating_sub(down));
            let since = self.clock.now().since(start);
            if run.asked.len() >= count && (run.back.is_some() || since > given_up) {
                return;
            }
            let pause = sleep(Duration::from_millis(every_ms));
            let (answer, ()) = tokio::join!(self.ask(scenario, Extra::None), pause);
            run.asked.push((answer, Extra::None));
        }
    }

    async fn healthy(&self) -> Answer {
        let request = self.request("fb-ok", Extra::None, HEALTHY_S_MAX);
        Answer::of(&call(&self.dial, self.clock.as_ref(), &request).await, self.dialect)
    }

    async fn ask(&self, scenario: &Scenario, extra: Extra) -> Answer {
        let request = self.request(&scenario.model(), extra, scenario.limit_s);
        Answer::of(&call(&self.dial, self.clock.as_ref(), &request).await, self.dialect)
    }

    fn request(&self, model: &str, extra: Extra, limit_s: u64) -> Request {
        Request {
            host: self.host.clone(),
            path: self.dialect.path(model),
            headers: self.dialect.headers(self.key.as_ref().map(Secret::expose)),
            body: self.dialect.body(model, extra).to_string(),
            limit: Duration::from_secs(limit_s),
            leave_after_bytes: None,
        }
    }
}
