//! Small state machines that decide whether, where, when and how fast to try. No I/O, no async, no
//! clock of their own: time comes in as an argument, and every verdict carries its why.

mod breaker;
mod brim;
mod budget;
mod crawl;
mod hedge;
mod ladder;
mod limiter;
mod next;
mod order;
mod pacer;
mod pattern;
mod pulse;
mod quarantine;
mod ramp;
mod rollup;
mod settings;
mod splice;
mod verdict;
mod window;

pub use breaker::{
    Breaker, BreakerWhy, Gate, PROBE_MS_MAX, STICKY_MS_MAX, State, Tally, Transition,
};
pub use brim::{Brim, FirstToken};
pub use budget::{BudgetSpent, RESERVE_TRIES_MAX, RetryBudget};
pub use crawl::Crawl;
pub use hedge::{Ease, HedgeAsk, Tail, may_hedge};
pub use ladder::{Found, LadderTable};
pub use limiter::{LimitWhy, Limiter, LimiterSettings};
pub use next::{AfterFault, Decision, Next, after_fault};
pub use order::{EQUALS_MAX, Order, order_equals};
pub use pacer::{PaceWhy, Paced, Pacer, Take};
pub use pulse::{Expectation, Felt, Pulse};
pub use quarantine::{QUARANTINE_MS_MAX, Quarantine};
pub use ramp::{Feel, Pace, Ramp};
pub use rollup::{Rollup, SPEND_MS_MAX};
pub use settings::{
    BreakerSettings, Clocks, FailoverSettings, HedgeSettings, LadderSpec, ModelSpec, PaceSettings,
    RungModel, RungSpec,
};
pub use splice::{FitWhy, Manner, NotContinued, Splice};
pub use verdict::{Verdict, verdict_of};
