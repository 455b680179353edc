//! The threads that load the model and speak. They are never the relay's, and give way to it. A
//! panic in here ends one answer, not the process.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use clock::Clock;
use domain::{Fault, FaultClass};
use tracing::{error, info, warn};
use upstream::Readiness;

use crate::file::{self, VerifyError};
use crate::generate::{self, Limits, Voice};
use crate::gguf;
use crate::queue::{Job, Queue};
use crate::settings::ReserveSettings;
use crate::tokenizer::Tokenizer;

/// How far the engine gives way to everything else on the machine.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;
/// Taken for one answer before the first was measured.
const ANSWER_MS_FIRST: u64 = 4000;

/// The file to load: where, and which one it must be.
#[derive(Debug, Clone)]
pub(crate) struct Weights {
    pub(crate) path: PathBuf,
    pub(crate) sha256: Box<str>,
}

/// What callers and engine threads share.
pub(crate) struct Engine {
    pub(crate) queue: Queue,
    pub(crate) threads: u64,
    readiness: Mutex<Readiness>,
    clock: Arc<dyn Clock>,
    /// A running mean of what one answer takes.
    answer_ms: AtomicU64,
}

impl Engine {
    /// Begins to load on a thread of its own, which then speaks, beside `threads - 1` others.
    pub(crate) fn start(
        settings: ReserveSettings,
        weights: Weights,
        clock: Arc<dyn Clock>,
    ) -> Arc<Self> {
        let threads = settings.threads.max(1);
        let engine = Arc::new(Self {
            queue: Queue::new(settings.queue_max),
            threads: u64::try_from(threads).unwrap_or(u64::MAX),
            readiness: Mutex::new(Readiness::Loading),
            clock,
            answer_ms: AtomicU64::new(ANSWER_MS_FIRST),
        });
        let first = engine.clone();
        engine.spawn(0, move || first.load_and_speak(&settings, &weights, threads));
        engine
    }

    pub(crate) fn readiness(&self) -> Readiness {
        self.readiness.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How long it takes until everyone who waits was served and one more begins, as a guess.
    pub(crate) fn expected_wait(&self) -> Duration {
        let waiting = u64::try_from(self.queue.waiting()).unwrap_or(u64::MAX);
        let answer_ms = self.answer_ms.load(Ordering::Relaxed);
        Duration::from_millis(answer_ms.saturating_mul(waiting.saturating_add(1)) / self.threads)
    }

    fn set(&self, readiness: Readiness) {
        *self.readiness.lock().unwrap_or_else(PoisonError::into_inner) = readiness;
    }

    fn spawn(&self, nth: usize, work: impl FnOnce() + Send + 'static) {
        let thread = thread::Builder::new().name(format!("reserve-{nth}"));
        let spawned = thread.spawn(move || {
            give_way();
            work();
        });
        if let Err(error) = spawned {
            warn!(%error, "a thread of the reserve could not be started");
            if nth == 0 {
                self.set(Readiness::Unavailable(
                    "the reserve's thread could not be started".into(),
                ));
            }
        }
    }

    fn load_and_speak(
        self: Arc<Self>,
        settings: &ReserveSettings,
        weights: &Weights,
        threads: usize,
    ) {
        let began = self.clock.now();
        let voice = catch_unwind(AssertUnwindSafe(|| load(settings, weights)))
            .unwrap_or_else(|_| Err("the reserve model's loader failed".to_owned()));
        let voice = match voice {
            Ok(voice) => Arc::new(voice),
            Err(reason) => {
                warn!(reason, path = %weights.path.display(), "the reserve model cannot be used");
                self.set(Readiness::Unavailable(reason.into()));
                return;
            }
        };
        let took_ms = self.clock.now().since(began).as_millis();
        info!(took_ms, threads, "the reserve model is loaded");
        self.set(Readiness::Ready);
        for nth in 1..threads {
            let (engine, voice) = (self.clone(), voice.clone());
            self.spawn(nth, move || engine.speak(&voice));
        }
        self.speak(&voice);
    }

    fn speak(&self, voice: &Voice) {
        while let Some(mut job) = self.queue.take() {
            let began = self.clock.now();
            let go_on = |job: &Job| !job.gone() && !self.queue.closed();
            let ended =
                catch_unwind(AssertUnwindSafe(|| generate::answer(voice, &mut job, &go_on)));
            let fault = match ended {
                Ok(Ok(())) => None,
                Ok(Err(fault)) => Some(fault),
                Err(_) => {
                    error!(request_id = %job.request_id, "the reserve panicked over an answer");
                    Some(Fault::new(FaultClass::Internal, "the reserve panicked"))
                }
            };
            if let Some(fault) = fault {
                tell(&mut job, fault);
            } else if !job.gone() {
                self.learn(self.clock.now().since(began));
            }
        }
    }

    fn learn(&self, took: Duration) {
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let mean = self.answer_ms.load(Ordering::Relaxed);
        self.answer_ms.store(mean - mean / 8 + took_ms / 8, Ordering::Relaxed);
    }
}

/// Tells the fault where the caller listens: before the answer began or in it.
fn tell(job: &mut Job, fault: Fault) {
    let told = match job.begun.take() {
        Some(begun) => begun.send(Err(fault)).is_ok(),
        None => job.pieces.try_send(Err(fault)).is_ok(),
    };
    if !told {
        info!(request_id = %job.request_id, "the caller left before the reserve could say why it failed");
    }
}

fn load(settings: &ReserveSettings, weights: &Weights) -> Result<Voice, String> {
    let (file, _) = file::open(&weights.path, &weights.sha256).map_err(|error| match error {
        VerifyError::Missing { .. } => {
            "the reserve model's file is missing: run `seawall model fetch`, then start again"
                .to_owned()
        }
        VerifyError::WrongHash { expected, found, .. } => format!(
            "the reserve model's file has the sha256 {found}, expected {expected}: run `seawall \
             model fetch`, then start again"
        ),
        VerifyError::Io { source, .. } => {
            format!("the reserve model's file cannot be read: {source}")
        }
    })?;
    let broken =
        |error: &dyn std::fmt::Display| format!("the reserve model cannot be loaded: {error}");
    let (model, vocabulary) = gguf::read(file).map_err(|error| broken(&error))?;
    let tokenizer = Tokenizer::new(vocabulary).map_err(|error| broken(&error))?;
    let limits = Limits::new(settings, model.shape.context);
    Ok(Voice { model, tokenizer, limits })
}

/// Lowers this thread's priority, which on Linux is a thing of threads and elsewhere of processes.
fn give_way() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICENESS) {
        warn!(%error, "the reserve cannot lower its priority");
    }
}
