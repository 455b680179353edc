//! How a provider works a request off: slots, a queue in order of arrival, prefill, and decoding
//! that slows down with the batch. Pure: time comes in, milestones go out. No HTTP, no refusals
//! beyond a full queue, no chance.
//!
//! Decoding is shared fairly, so every stream has got the same number of tokens since any common
//! moment. One figure, `progress`, says how many a stream that was there from the start would have;
//! a milestone is a value of it, and only the nearest one needs a timer.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use clock::Tick;

/// What a provider can do when it is well.
#[derive(Debug, Clone, PartialEq)]
pub struct Capacity {
    /// Requests in prefill or decoding at the same time.
    pub slots: u32,
    /// Of one request's prompt.
    pub prefill_tokens_per_s: f64,
    /// Of one stream, at most.
    pub decode_tokens_per_s: f64,
    /// Of all streams together; without it a stream does not feel the others.
    pub batch_tokens_per_s: Option<f64>,
    /// Before each prefill: network, routing, safety checks.
    pub first_token_ms: u64,
    /// Requests that wait for a slot; beyond it they are refused.
    pub queue_max: usize,
}

impl Capacity {
    /// Seconds of a slot that such a request takes on a quiet provider.
    pub fn slot_seconds(&self, work: &Work) -> f64 {
        let prefill = f64::from(work.input_tokens) / self.prefill_tokens_per_s;
        let decode = f64::from(work.output_tokens) / self.decode_tokens_per_s;
        millis(self.first_token_ms).as_secs_f64() + prefill + decode
    }

    /// Slots that can be busy at full speed; a shared batch bounds them too.
    pub fn full_speed_slots(&self) -> f64 {
        let slots = f64::from(self.slots);
        let batch = self.batch_tokens_per_s.map(|batch| batch / self.decode_tokens_per_s);
        batch.map_or(slots, |batch| batch.min(slots))
    }
}

fn millis(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// What one request asks of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    pub input_tokens: u32,
    pub output_tokens: u32,
    /// Tokens between two milestones, after the first one.
    pub step_tokens: u32,
}

/// One request inside the provider, in order of arrival.
pub type JobId = u64;

/// Something that the other end can see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Milestone {
    /// Prefill is over: the first token.
    First,
    /// So many tokens in all.
    Tokens(u32),
    /// The last token; the slot is free.
    Done,
}

/// The engine would not take it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueFull;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    Waiting,
    Prefilling { until: Tick },
    Decoding { began: f64, next: u64, step: u32 },
}

#[derive(Debug, Clone, Copy)]
struct Job {
    work: Work,
    stage: Stage,
}

/// One provider's machine room.
#[derive(Debug)]
pub struct Engine {
    capacity: Capacity,
    /// Of the capacity that is there, from 0 to 1.
    ratio: f64,
    /// By which prefill takes longer.
    slowness: f64,
    now: Tick,
    progress: f64,
    jobs: BTreeMap<JobId, Job>,
    /// May hold jobs that were cancelled.
    queue: VecDeque<JobId>,
    waiting: usize,
    prefilling: BTreeSet<(Tick, JobId)>,
    /// By the bits of the progress at their next milestone; for positive figures their order is
    /// that of the figures.
    decoding: BTreeSet<(u64, JobId)>,
    next_id: JobId,
}

impl Engine {
    /// An idle engine in good health.
    pub fn new(capacity: Capacity) -> Self {
        Self {
            capacity,
            ratio: 1.0,
            slowness: 1.0,
            now: Tick::default(),
            progress: 0.0,
            jobs: BTreeMap::new(),
            queue: VecDeque::new(),
            waiting: 0,
            prefilling: BTreeSet::new(),
            decoding: BTreeSet::new(),
            next_id: 0,
        }
    }

    /// What it can do when it is well.
    pub fn capacity(&self) -> &Capacity {
        &self.capacity
    }

    /// Requests in prefill or decoding.
    pub fn running(&self) -> usize {
        self.prefilling.len() + self.decoding.len()
    }

    /// Requests that wait for a slot.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Takes a request in, at the present moment: call [`Self::advance`] first.
    ///
    /// # Errors
    /// If the queue is full.
    pub fn offer(&mut self, work: Work) -> Result<JobId, QueueFull> {
        if self.running() >= self.slots() && self.waiting >= self.capacity.queue_max {
            return Err(QueueFull);
        }
        let id = self.next_id;
        self.next_id += 1;
        self.jobs.insert(id, Job { work, stage: Stage::Waiting });
        self.queue.push_back(id);
        self.waiting += 1;
        self.start_waiting();
        Ok(id)
    }

    /// Forgets a request and frees what it holds.
    pub fn cancel(&mut self, id: JobId) {
        let Some(job) = self.jobs.remove(&id) else {
            return;
        };
        match job.stage {
            Stage::Waiting => self.waiting -= 1,
            Stage::Prefilling { until } => {
                self.prefilling.remove(&(until, id));
            }
            Stage::Decoding { next, .. } => {
                self.decoding.remove(&(next, id));
            }
        }
        self.start_waiting();
    }

    /// True if the request has not had its first token.
    pub fn is_unborn(&self, id: JobId) -> bool {
        let stage = self.jobs.get(&id).map(|job| job.stage);
        matches!(stage, Some(Stage::Waiting | Stage::Prefilling { .. }))
    }

    /// Drops everything, as a crash does.
    pub fn crash(&mut self) {
        self.jobs.clear();
        self.queue.clear();
        self.waiting = 0;
        self.prefilling.clear();
        self.decoding.clear();
    }

    /// Changes how well it is: the share of its capacity, and by how much prefill is slower.
    pub fn set_health(&mut self, ratio: f64, slowness: f64) {
        self.ratio = ratio;
        self.slowness = slowness;
        self.start_waiting();
    }

    /// When it has something to say next.
    pub fn next_at(&self) -> Option<Tick> {
        let prefilled = self.prefilling.first().map(|(until, _)| *until);
        let decoded = self.decoding.first().map(|(next, _)| self.time_of(*next));
        match (prefilled, decoded) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (one, other) => one.or(other),
        }
    }

    /// Moves on to `now` and tells what happened, in order.
    pub fn advance(&mut self, now: Tick, told: &mut Vec<(JobId, Milestone)>) {
        while let Some(at) = self.next_at().filter(|at| *at <= now) {
            self.move_to(at);
            if let Some((until, id)) = self.prefilling.first().copied()
                && until <= at
            {
                self.prefilling.remove(&(until, id));
                self.first_token(id);
                told.push((id, Milestone::First));
            } else if let Some((next, id)) = self.decoding.pop_first() {
                // Rounding may have left it a hair short.
                self.progress = self.progress.max(f64::from_bits(next));
                let milestone = self.step(id);
                told.push((id, milestone));
            }
        }
        self.move_to(now);
    }

    fn slots(&self) -> usize {
        (f64::from(self.capacity.slots) * self.ratio).round() as usize
    }

    fn rate(&self) -> f64 {
        let alone = self.capacity.decode_tokens_per_s;
        let streams = self.decoding.len().max(1) as f64;
        let shared = self.capacity.batch_tokens_per_s.map(|batch| batch * self.ratio / streams);
        shared.map_or(alone, |shared| shared.min(alone)).max(1e-6)
    }

    fn time_of(&self, progress: u64) -> Tick {
        let left = (f64::from_bits(progress) - self.progress).max(0.0);
        self.now + Duration::from_nanos((left / self.rate() * 1e9).ceil() as u64)
    }

    fn move_to(&mut self, now: Tick) {
        if !self.decoding.is_empty() {
            self.progress += self.rate() * now.since(self.now).as_secs_f64();
        }
        self.now = self.now.max(now);
    }

    fn start_waiting(&mut self) {
        while self.running() < self.slots() {
            let Some(id) = self.queue.pop_front() else {
                return;
            };
            let Some(job) = self.jobs.get_mut(&id) else {
                continue;
            };
            self.waiting -= 1;
            let prefill = f64::from(job.work.input_tokens) / self.capacity.prefill_tokens_per_s;
            let base = millis(self.capacity.first_token_ms).as_secs_f64();
            let until = self.now + Duration::from_secs_f64((base + prefill) * self.slowness);
            job.stage = Stage::Prefilling { until };
            self.prefilling.insert((until, id));
        }
    }

    fn first_token(&mut self, id: JobId) {
        let progress = self.progress;
        if let Some(job) = self.jobs.get_mut(&id) {
            let step = job.work.step_tokens.clamp(1, job.work.output_tokens.max(1));
            let next = (progress + f64::from(step)).to_bits();
            job.stage = Stage::Decoding { began: progress, next, step };
            self.decoding.insert((next, id));
        }
    }

    /// A stream has come to its milestone, which is out of the set already.
    fn step(&mut self, id: JobId) -> Milestone {
        let Some(job) = self.jobs.get_mut(&id) else {
            return Milestone::Done;
        };
        let Stage::Decoding { began, step, .. } = job.stage else {
            return Milestone::Done;
        };
        if step >= job.work.output_tokens {
            self.jobs.remove(&id);
            self.start_waiting();
            return Milestone::Done;
        }
        let further = (step + job.work.step_tokens.max(1)).min(job.work.output_tokens);
        let next = (began + f64::from(further)).to_bits();
        job.stage = Stage::Decoding { began, next, step: further };
        self.decoding.insert((next, id));
        Milestone::Tokens(step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capacity() -> Capacity {
        Capacity {
            slots: 2,
            prefill_tokens_per_s: 1_000.0,
            decode_tokens_per_s: 50.0,
            batch_tokens_per_s: None,
            first_token_ms: 0,
            queue_max: 1,
        }
    }

    const WORK: Work = Work { input_tokens: 1_000, output_tokens: 100, step_tokens: 50 };

    fn told_until(engine: &mut Engine, seconds: u64) -> Vec<(JobId, Milestone)> {
        let mut told = Vec::new();
        engine.advance(Tick::from_millis(seconds * 1_000), &mut told);
        told
    }

    #[test]
    fn a_request_is_prefilled_then_decoded() {
        let mut engine = Engine::new(capacity());
        engine.offer(WORK).unwrap();
        assert_eq!(told_until(&mut engine, 1), [(0, Milestone::First)]);
        assert_eq!(told_until(&mut engine, 2), [(0, Milestone::Tokens(50))]);
        assert_eq!(told_until(&mut engine, 3), [(0, Milestone::Done)]);
        assert_eq!((engine.running(), engine.next_at()), (0, None));
    }

    #[test]
    fn the_third_waits_and_the_fourth_is_refused() {
        let mut engine = Engine::new(capacity());
        for _ in 0..3 {
            engine.offer(WORK).unwrap();
        }
        assert_eq!(engine.offer(WORK), Err(QueueFull));
        let told = told_until(&mut engine, 4);
        assert_eq!(told.last(), Some(&(2, Milestone::First)), "its second of prefill began at 3 s");
    }

    #[test]
    fn a_shared_batch_slows_every_stream() {
        let batch = Capacity { batch_tokens_per_s: Some(50.0), ..capacity() };
        let mut engine = Engine::new(batch);
        engine.offer(WORK).unwrap();
        engine.offer(WORK).unwrap();
        let told = told_until(&mut engine, 4);
        assert!(!told.contains(&(0, Milestone::Done)), "two streams of 100 tokens need 4 s");
        assert_eq!(told_until(&mut engine, 5).len(), 2);
    }

    #[test]
    fn whoever_leaves_frees_his_place() {
        let mut engine = Engine::new(capacity());
        let ids: Vec<_> = (0..3).map(|_| engine.offer(WORK).unwrap()).collect();
        engine.cancel(ids[0]);
        assert_eq!((engine.running(), engine.waiting()), (2, 0));
        assert!(engine.is_unborn(ids[2]));
        engine.crash();
        assert_eq!(engine.next_at(), None);
    }

    #[test]
    fn half_a_provider_takes_half() {
        let mut engine = Engine::new(capacity());
        engine.set_health(0.5, 10.0);
        engine.offer(WORK).unwrap();
        engine.offer(WORK).unwrap();
        assert_eq!((engine.running(), engine.waiting()), (1, 1));
        assert!(told_until(&mut engine, 9).is_empty());
        assert_eq!(told_until(&mut engine, 10), [(0, Milestone::First)]);
    }
}
