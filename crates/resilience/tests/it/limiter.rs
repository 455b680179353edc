//! The limiter against two kinds of provider that fall to half their capacity: one that queues
//! before it reads the prompt, and one that decodes everybody more slowly. A simulation in steps of
//! ten milliseconds, seeded, without any clock.

use std::collections::VecDeque;
use std::time::Duration;

use clock::{Dice, Tick};
use proptest::prelude::*;
use resilience::{Brim, Expectation, FirstToken, Limiter, LimiterSettings, Pulse};

const STEP_MS: u64 = 10;
/// What is still good: a second to the first token, fifty milliseconds between two.
const EXPECTED: Expectation = Expectation {
    first_token_ms: Some(1_000),
    inter_token_ms: Some(50),
    first_token_ms_max: 5_000,
};

/// What the calls are held back by.
#[derive(Clone, Copy)]
enum HeldBy {
    Nothing,
    /// How an answer feels against what is expected.
    Pulse,
    /// How it feels against what can be borne.
    Strain,
}

impl HeldBy {
    /// Milliseconds to the first token and between two that are good enough for the score: as the
    /// operators of the simulated fleet see it on a good day, and on a bad one.
    fn good_ms(self) -> (u64, f64) {
        match self {
            Self::Nothing | Self::Pulse => (2_000, 80.0),
            Self::Strain => (7_500, 250.0),
        }
    }
}

/// What holds calls back.
struct Gate {
    by: HeldBy,
    pulse: Pulse,
    limiter: Limiter,
    brim: Brim,
}

impl Gate {
    fn new(by: HeldBy) -> Self {
        let settings = LimiterSettings { start: 20, limit_min: 2, limit_max: 1_000 };
        let brim = Brim::new(settings, EXPECTED.first_token_borne());
        Self { by, pulse: Pulse::new(EXPECTED), limiter: Limiter::new(settings), brim }
    }

    fn limit(&self) -> u32 {
        match self.by {
            HeldBy::Nothing => u32::MAX,
            HeldBy::Pulse => self.limiter.limit().0,
            HeldBy::Strain => self.brim.limit().0,
        }
    }

    fn first_token(&mut self, now: Tick, after: Duration, prompt: u64, out: (u32, u32)) {
        let felt = self.pulse.first_token(after, prompt);
        let (ahead, in_flight) = out;
        self.limiter.answered(now, felt.pulse, in_flight);
        self.brim.first_token(now, FirstToken { strain: felt.strain, ahead, in_flight });
    }

    fn words(&mut self, now: Tick, gap: Duration, in_flight: u32) {
        let felt = self.pulse.inter_token(gap);
        self.limiter.answered(now, felt.pulse, in_flight);
        self.brim.words(now, felt.strain, in_flight);
    }
}

struct Call {
    arrived_ms: u64,
    ahead: u32,
    prompt: f64,
    output: f64,
    read: f64,
    said: f64,
    first_ms: Option<u64>,
}

/// How a provider serves.
#[derive(Clone, Copy)]
enum Kind {
    /// So many at once, the others wait.
    Queue { slots: usize },
    /// All at once, sharing so many tokens a second.
    Batch { tokens_per_s: f64 },
}

struct Provider {
    kind: Kind,
    serving: Vec<Call>,
    waiting: VecDeque<Call>,
}

impl Provider {
    fn in_flight(&self) -> usize {
        self.serving.len() + self.waiting.len()
    }

    /// One step at a share of full capacity; gives the times to first tokens that came now, with
    /// the prompts' lengths and who was ahead, and the calls that ended.
    fn step(&mut self, now_ms: u64, capacity: f64) -> (Vec<(u64, f64, u32)>, Vec<Call>) {
        let mut firsts = Vec::new();
        let share_s = STEP_MS as f64 / 1000.0;
        let (slots, decode) = match self.kind {
            Kind::Queue { slots } => ((slots as f64 * capacity) as usize, 50.0),
            Kind::Batch { tokens_per_s } => {
                let each = tokens_per_s * capacity / self.in_flight().max(1) as f64;
                (usize::MAX, each.min(50.0))
            }
        };
        while self.serving.len() < slots {
            let Some(call) = self.waiting.pop_front() else { break };
            self.serving.push(call);
        }
        for call in &mut self.serving {
            if call.read < call.prompt {
                call.read += 8_000.0 * share_s;
            } else {
                if call.first_ms.is_none() {
                    call.first_ms = Some(now_ms);
                    firsts.push((now_ms - call.arrived_ms, call.prompt, call.ahead));
                }
                call.said += decode * share_s;
            }
        }
        let (over, serving) =
            std::mem::take(&mut self.serving).into_iter().partition(|c| c.said >= c.output);
        self.serving = serving;
        (firsts, over)
    }
}

/// The share of the offered calls that were good, in each third: full, half, full capacity.
fn play(kind: Kind, per_s: f64, by: HeldBy, seed: u64) -> [f64; 3] {
    let mut dice = Dice::seeded(seed);
    let mut provider = Provider { kind, serving: Vec::new(), waiting: VecDeque::new() };
    let mut gate = Gate::new(by);
    let (good_first_ms, good_gap_ms) = by.good_ms();
    let (mut offered, mut good) = ([0.0; 3], [0.0; 3]);
    let minutes = 4;
    for step in 0..3 * minutes * 60_000 / STEP_MS {
        let now_ms = step * STEP_MS;
        let third = usize::try_from(now_ms / (minutes * 60_000)).unwrap();
        if dice.fraction() < per_s * STEP_MS as f64 / 1000.0 {
            offered[third] += 1.0;
            let in_flight = u32::try_from(provider.in_flight()).unwrap();
            if in_flight < gate.limit() {
                // Lengths of a chat: a few hundred tokens out, around a thousand in.
                let spread = |dice: &mut Dice| -f64::ln(1.0 - dice.fraction() * 0.999);
                provider.waiting.push_back(Call {
                    arrived_ms: now_ms,
                    ahead: in_flight + 1,
                    prompt: 1_000.0 * spread(&mut dice),
                    output: (210.0 * spread(&mut dice)).max(1.0),
                    read: 0.0,
                    said: 0.0,
                    first_ms: None,
                });
            }
        }
        let capacity = if third == 1 { 0.5 } else { 1.0 };
        let now = Tick::from_millis(now_ms);
        let (firsts, over) = provider.step(now_ms, capacity);
        let in_flight = u32::try_from(provider.in_flight() + over.len()).unwrap();
        for (first_ms, prompt, ahead) in firsts {
            let after = Duration::from_millis(first_ms);
            gate.first_token(now, after, prompt as u64, (ahead, in_flight));
        }
        for call in over {
            let first_ms = call.first_ms.unwrap_or(now_ms) - call.arrived_ms;
            let gap_ms = (now_ms - call.arrived_ms - first_ms) as f64 / call.output;
            gate.words(now, Duration::from_secs_f64(gap_ms / 1000.0), in_flight);
            if first_ms <= good_first_ms && gap_ms <= good_gap_ms {
                good[third] += 1.0;
            }
        }
    }
    [0, 1, 2].map(|third: usize| good[third] / offered[third])
}

/// Half the capacity carries about two thirds of what is offered here; whoever queues it all serves
/// nobody.
#[test]
fn a_provider_that_queues_is_not_drowned() {
    let kind = Kind::Queue { slots: 80 };
    for seed in 1..=3 {
        let free = play(kind, 14.0, HeldBy::Nothing, seed);
        let limited = play(kind, 14.0, HeldBy::Pulse, seed);
        assert!(free[1] < 0.15, "without a limit the half is lost: {free:?}");
        assert!(limited[0] > 0.90 && limited[2] > 0.90, "{limited:?}");
        assert!(limited[1] > 0.50, "{limited:?}");
    }
}

#[test]
fn a_provider_that_batches_is_not_drowned() {
    let kind = Kind::Batch { tokens_per_s: 2_000.0 };
    for seed in 1..=3 {
        let free = play(kind, 7.5, HeldBy::Nothing, seed);
        let limited = play(kind, 7.5, HeldBy::Pulse, seed);
        assert!(free[1] < 0.20, "without a limit the half is lost: {free:?}");
        assert!(limited[0] > 0.85 && limited[2] > 0.85, "{limited:?}");
        assert!(limited[1] > 0.55, "{limited:?}");
    }
}

/// What is borne is more than what is easy, and still no drowning.
#[test]
fn what_can_be_borne_has_its_bound_too() {
    for (kind, per_s) in
        [(Kind::Queue { slots: 80 }, 14.0), (Kind::Batch { tokens_per_s: 2_000.0 }, 7.5)]
    {
        for seed in 1..=3 {
            let borne = play(kind, per_s, HeldBy::Strain, seed);
            assert!(borne[0] > 0.95 && borne[1] > 0.50 && borne[2] > 0.90, "{borne:?}");
        }
    }
}

/// Twice as many come as can be served. The provider is never idle for it, and nobody who is let in
/// waits much longer than what is aimed at: what is heard late is not answered twice.
#[test]
fn twice_the_load_keeps_a_provider_busy_and_its_line_short() {
    for (seed, capacity) in [(1, 1.0), (2, 1.0), (3, 0.5)] {
        let mut dice = Dice::seeded(seed);
        let kind = Kind::Queue { slots: 80 };
        let mut provider = Provider { kind, serving: Vec::new(), waiting: VecDeque::new() };
        let mut gate = Gate::new(HeldBy::Strain);
        let (mut idle_ms, mut longest_ms) = (0, 0);
        for now_ms in (0..180_000).step_by(usize::try_from(STEP_MS).unwrap()) {
            let in_flight = u32::try_from(provider.in_flight()).unwrap();
            if dice.fraction() < 36.0 * STEP_MS as f64 / 1000.0 && in_flight < gate.limit() {
                provider.waiting.push_back(Call {
                    arrived_ms: now_ms,
                    ahead: in_flight + 1,
                    prompt: 1_000.0,
                    output: 420.0 * dice.fraction() + 1.0,
                    read: 0.0,
                    said: 0.0,
                    first_ms: None,
                });
            }
            let (firsts, over) = provider.step(now_ms, capacity);
            let now = Tick::from_millis(now_ms);
            let in_flight = u32::try_from(provider.in_flight() + over.len()).unwrap();
            for (first_ms, prompt, ahead) in firsts {
                let after = Duration::from_millis(first_ms);
                gate.first_token(now, after, prompt as u64, (ahead, in_flight));
                longest_ms = longest_ms.max(first_ms);
            }
            if now_ms >= 30_000 && provider.waiting.is_empty() {
                idle_ms += STEP_MS;
            }
        }
        assert!(idle_ms < 3_000, "{idle_ms} ms without anybody in line");
        assert!(longest_ms < 8_000, "{longest_ms} ms to a first token");
    }
}

/// A quiet provider is not choked by its own quiet.
#[test]
fn few_calls_leave_the_limit_where_it_is() {
    let mut limiter = Limiter::new(LimiterSettings::default());
    for second in 0..600 {
        limiter.answered(Tick::from_millis(second * 1000), 0.2, 2);
    }
    assert!(limiter.limit().0 >= 20, "{:?}", limiter.limit());
}

#[test]
fn what_the_operator_says_is_believed_and_what_is_learned_stays() {
    let ms = Duration::from_millis;
    let mut told = Pulse::new(Expectation { first_token_ms: Some(400), ..EXPECTED });
    assert!((told.first_token(ms(800), 0).pulse - 2.0).abs() < 1e-9);

    let mut learning = Pulse::new(Expectation { first_token_ms: None, ..EXPECTED });
    for _ in 0..100 {
        learning.first_token(ms(300), 0);
    }
    assert_eq!(learning.first_token_expected(), ms(900));
    for _ in 0..1_000 {
        learning.first_token(ms(5_000), 0);
    }
    assert_eq!(learning.first_token_expected(), ms(900));
    // A long prompt may take its time.
    assert!((learning.first_token(ms(1_800), 8_000).pulse - 1.0).abs() < 1e-9);
}

proptest! {
    /// Whatever was before, a provider that answers well while it is made use of gets its calls back
    /// within two minutes.
    #[test]
    fn a_provider_that_is_well_is_used_again(
        bad in prop::collection::vec((0.0_f64..10.0, 0_u32..300), 1..400),
    ) {
        let settings = LimiterSettings { start: 20, limit_min: 2, limit_max: 60 };
        let mut limiter = Limiter::new(settings);
        let mut now_ms = 0;
        for (pulse, in_flight) in bad {
            now_ms += 50;
            limiter.answered(Tick::from_millis(now_ms), pulse, in_flight);
        }
        for _ in 0..2_400 {
            now_ms += 50;
            limiter.answered(Tick::from_millis(now_ms), 0.2, limiter.limit().0);
        }
        prop_assert_eq!(limiter.limit().0, 60);
    }

    /// Whatever comes, the limit stays within its bounds, and a bad second never raises it.
    #[test]
    fn the_limit_keeps_its_bounds(
        seconds in prop::collection::vec((prop::collection::vec(0.0_f64..10.0, 0..40), 0_u32..300), 1..60),
        limit_min in 1_u32..10,
        span in 0_u32..200,
    ) {
        let settings = LimiterSettings { start: 20, limit_min, limit_max: limit_min + span };
        let mut limiter = Limiter::new(settings);
        for (second, (pulses, in_flight)) in (1_u64..).zip(seconds) {
            let before = limiter.limit().0;
            let bad = !pulses.is_empty() && pulses.iter().all(|pulse| *pulse > 2.0);
            for (at, pulse) in (0_u64..).zip(&pulses) {
                limiter.answered(Tick::from_millis(second * 10_000 + at * 100), *pulse, in_flight);
            }
            let after = limiter.limit().0;
            prop_assert!((settings.limit_min..=settings.limit_max).contains(&after));
            prop_assert!(!bad || after <= before, "{before} to {after}");
        }
    }
}
