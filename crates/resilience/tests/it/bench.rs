//! A test bench: one primary that breaks as told, one healthy rung behind it, and a caller that
//! does what the gateway does. Not the gateway: one request at a time, on a clock of numbers.

use std::time::Duration;

use clock::{Dice, Tick};
use domain::{Fault, FaultClass};
use resilience::{
    AfterFault, Breaker, BreakerSettings, Clocks, FailoverSettings, Gate, Next, RetryBudget,
    Verdict, after_fault, verdict_of,
};

/// Who answered a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Served {
    Primary,
    Second,
    Nobody,
}

/// One request's course.
#[derive(Debug)]
pub(crate) struct Course {
    pub(crate) served: Served,
    /// When each attempt on the primary began.
    pub(crate) primary_at: Vec<Tick>,
    pub(crate) tries: u32,
    pub(crate) ended: Tick,
    pub(crate) whys: Vec<&'static str>,
}

pub(crate) struct Bench {
    pub(crate) now: Tick,
    pub(crate) breaker: Breaker,
    pub(crate) budget: RetryBudget,
    pub(crate) failover: FailoverSettings,
    pub(crate) second_rung: bool,
    dice: Dice,
}

impl Bench {
    pub(crate) fn new(seed: u64) -> Self {
        let failover = FailoverSettings::default();
        Self {
            now: Tick::from_millis(1_000_000),
            breaker: Breaker::new(BreakerSettings::default()),
            budget: RetryBudget::new(failover.retry_budget_ratio),
            failover,
            second_rung: true,
            dice: Dice::seeded(seed),
        }
    }

    /// Sends one request. `primary` says how each attempt on the primary ends, and how long it
    /// takes; the second rung answers in 10 ms.
    pub(crate) fn request(
        &mut self,
        mut primary: impl FnMut(Tick) -> (Duration, Result<(), Fault>),
    ) -> Course {
        let begun = self.now;
        let total = Duration::from_millis(Clocks::default().total_ms_max);
        let mut course = Course {
            served: Served::Nobody,
            primary_at: Vec::new(),
            tries: 0,
            ended: begun,
            whys: Vec::new(),
        };
        self.budget.request(self.now);
        let mut go_on = true;
        loop {
            let gate = self.breaker.admit(self.now);
            if matches!(gate, Gate::Refuse { .. }) {
                break;
            }
            if !self.pay_for_repetition(&mut course) {
                break;
            }
            course.primary_at.push(self.now);
            let (took, result) = primary(self.now);
            self.now = self.now + took;
            let verdict = result.as_ref().err().map_or(Verdict::Success, verdict_of);
            self.breaker.judge(self.now, gate == Gate::Probe, verdict, &mut self.dice);
            let Err(fault) = result else {
                course.served = Served::Primary;
                break;
            };
            let decision = after_fault(
                &AfterFault {
                    fault: &fault,
                    tries_on_rung: course.tries,
                    tries: course.tries,
                    other_key: false,
                    other_rung: self.second_rung,
                    time_left: total.saturating_sub(self.now.since(begun)),
                    settings: &self.failover,
                },
                &mut self.dice,
            );
            course.whys.push(decision.why);
            match decision.next {
                Next::SameRung { pause } => self.now = self.now + pause,
                Next::NextKey => unreachable!("there is one key only"),
                Next::NextRung => break,
                Next::Stop => {
                    go_on = false;
                    break;
                }
            }
        }
        if course.served == Served::Nobody && go_on && self.second_rung {
            // The move to another rung is booked and always made.
            if course.tries > 0 {
                self.budget.book(self.now, 1);
            }
            course.tries += 1;
            self.now = self.now + Duration::from_millis(10);
            course.served = Served::Second;
        }
        course.ended = self.now;
        course
    }

    fn pay_for_repetition(&mut self, course: &mut Course) -> bool {
        if course.tries > 0 && self.budget.try_spend(self.now, 1).is_err() {
            return false;
        }
        course.tries += 1;
        true
    }
}

/// A fault that comes after `ms`.
pub(crate) fn fault_after(ms: u64, class: FaultClass) -> (Duration, Result<(), Fault>) {
    (Duration::from_millis(ms), Err(Fault::new(class, "as told")))
}

/// A complete answer after 20 ms.
pub(crate) fn well() -> (Duration, Result<(), Fault>) {
    (Duration::from_millis(20), Ok(()))
}
