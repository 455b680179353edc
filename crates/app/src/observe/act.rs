//! The observer's hand on the line: what it reads there beside telemetry, and what the line is to
//! heed of the verdicts. It judges nothing, and the line never waits for it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clock::UnixMs;
use detection::{
    Capability, ComponentId, Evidence, Fact, ProbeResult, SILENCE_AGES, Silence, Symptom,
};
use gateway::{Advised, Gateway, SILENCE_S, Silences, Waits};

use super::desk::Desk;
use super::facts::part_id;

/// The hand.
#[derive(Debug)]
pub(super) struct Hand {
    gateway: Gateway,
    acts: bool,
    known: Mutex<Known>,
}

/// What was told and read last.
#[derive(Debug, Default)]
struct Known {
    advised: BTreeMap<Arc<str>, Advised>,
    /// Of each provider's streams and probes, how many had ever begun in the seconds of each place
    /// when it was left, and whether anybody was out at the last reading.
    begun: BTreeMap<Arc<str>, Begun>,
}

/// What was read last of one provider.
#[derive(Debug, Default)]
struct Begun {
    streams: [u32; SILENCE_S],
    trials: [u32; SILENCE_S],
    had_calls: bool,
}

/// A probe that has been silent for so long, in seconds, has failed for all that anyone can tell:
/// another may go in its stead. One that is not streamed would be waited for much longer.
const TRIAL_S: usize = SILENCE_AGES - 1;
/// Silent probes of one second that count.
const TRIALS_MAX: usize = 8;

impl Hand {
    pub(super) fn new(gateway: Gateway, acts: bool) -> Self {
        Self { gateway, acts, known: Mutex::default() }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the line what is new of the verdicts.
    pub(super) fn act(&self, now: UnixMs, desk: &Desk) {
        if !self.acts {
            return;
        }
        let mut known = self.known();
        for (provider, advised) in desk.advised(now) {
            let before = known.advised.insert(provider.clone(), advised).unwrap_or_default();
            if before == advised {
                continue;
            }
            let Advised { is_out, ramp_factor } = advised;
            tracing::info!(%provider, is_out, ramp_factor, "the line is to heed a verdict");
            self.gateway.heed(&provider, advised);
        }
    }

    /// Has the line try shut doors sooner where an outage is suspected and not sure.
    pub(super) fn hasten(&self, now: UnixMs, desk: &Desk) {
        if !self.acts {
            return;
        }
        for (provider, every_ms) in desk.hastened(now) {
            self.gateway.hasten(&provider, Duration::from_millis(every_ms));
        }
    }

    /// Tells of what the line heeds now.
    pub(super) fn each(&self, mut hear: impl FnMut(&str, Advised)) {
        self.known().advised.iter().for_each(|(provider, advised)| hear(provider, *advised));
    }

    /// Calls that wait for a first word, and probes that wait in vain, as evidence. To be read once a
    /// second.
    pub(super) fn silences(&self, now: UnixMs) -> Vec<Evidence> {
        let (waits, place) = self.gateway.waits();
        let mut known = self.known();
        let mut facts = Vec::new();
        for (provider, Waits { streams, trials }) in waits {
            let begun = known.begun.entry(provider.clone()).or_default();
            let silence = ages(&streams, &mut begun.streams, place);
            let trials = ages(&trials, &mut begun.trials, place);
            // Where nobody asks, there is nothing to tell, once that is told.
            let has_calls = [&silence, &trials].iter().any(|of| **of != Silence::default());
            if !std::mem::replace(&mut begun.had_calls, has_calls) && !has_calls {
                continue;
            }
            let failed = trials.0.get(TRIAL_S).map_or(0, |(_, silent)| *silent as usize);
            let result = ProbeResult::Failed(Symptom::Timeouts);
            for id in [part_id(&provider, Capability::Chat), ComponentId::new(provider)] {
                let probe = Fact::Probe { component: id.clone(), result };
                let probe = Evidence { at: now, fact: probe };
                facts.extend(std::iter::repeat_n(probe, failed.min(TRIALS_MAX)));
                facts.push(Evidence { at: now, fact: Fact::Silence { component: id, silence } });
            }
        }
        facts
    }
}

/// What the seconds say by age, which is counted from the present second on; and notes what had begun
/// in the place that comes next, so that its next lap can be told from this one.
fn ages(seconds: &Silences, begun: &mut [u32; SILENCE_S], place: usize) -> Silence {
    let mut silence = Silence::default();
    for (age, of_age) in silence.0.iter_mut().enumerate().take(SILENCE_AGES) {
        let at = (place + SILENCE_S - age) % SILENCE_S;
        let (Some((ever, silent)), Some(before)) = (seconds.get(at), begun.get(at)) else {
            continue;
        };
        // One that began a lap ago and is silent still is no call of this second.
        let this_lap = ever.wrapping_sub(*before);
        *of_age = (this_lap, (*silent).min(this_lap));
    }
    let next = (place + 1) % SILENCE_S;
    if let (Some((ever, _)), Some(noted)) = (seconds.get(next), begun.get_mut(next)) {
        *noted = *ever;
    }
    silence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lap_is_told_from_the_one_before() {
        let mut seconds = Silences::default();
        let mut begun = [0; SILENCE_S];
        for second in 0..40 {
            let place = second % SILENCE_S;
            // Three calls a second, of which one is silent for ever.
            seconds[place].0 += 3;
            seconds[place].1 += 1;
            let silence = ages(&seconds, &mut begun, place);
            assert_eq!(silence.0[0].0, 3, "second {second}");
            let all: u32 = silence.0.iter().map(|(begun, _)| begun).sum();
            assert!(all <= 3 * SILENCE_AGES as u32);
        }
    }
}
