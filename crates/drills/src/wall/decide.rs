//! Which act follows from a scene and the circumstances of a request. How it is played on a
//! connection is in `play`.

use std::time::Duration;

use super::catalogue::Scene;
use super::dress::Dress;
use super::further;
use super::refusal::Cause;
use super::timing::Timings;

/// S08 and S14 cut after so many pieces.
pub(crate) const CUT_AFTER: usize = 40;
/// S09 stalls after so many, and the errors within a stream come after as many.
pub(crate) const STALL_AFTER: usize = 20;

/// What is done with one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Act {
    Answer(Play),
    Refuse(Cause),
    /// Not a byte for so long, then the connection closes.
    Silence(Duration),
    Reset,
    /// Something that is no answer in the dialect's form.
    Page(Page),
}

/// What comes instead of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Page {
    /// A page for people, with this status.
    Html(u16),
    /// It says that it is compressed, and is not.
    Gzip,
    /// The head, a byte at a time.
    Drip(Duration),
}

/// How an answer is given; the default is a healthy one without any wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Play {
    /// Before the first piece of a stream.
    pub(crate) first_wait: Duration,
    /// Between the head and the body of an answer that is not streamed.
    pub(crate) whole_wait: Duration,
    /// Between two pieces of a stream.
    pub(crate) between: Duration,
    /// While a stream waits for its first piece, its keep-alives come at this pace.
    pub(crate) ping_every: Option<Duration>,
    pub(crate) fault: Option<Fault>,
    pub(crate) dress: Dress,
}

/// What an error within a stream says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failing {
    Overloaded,
    Quota,
    Server,
}

impl Failing {
    pub(crate) fn cause(self) -> Cause {
        match self {
            Self::Overloaded => Cause::Overloaded,
            Self::Quota => Cause::Spent,
            Self::Server => Cause::ServerError,
        }
    }
}

/// What goes wrong within an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The answer breaks off after so many pieces, and the connection stays open for so long.
    Break {
        after: usize,
        stall: Duration,
    },
    /// After so many pieces an event tells an error, and the stream ends.
    Error {
        after: usize,
        failing: Failing,
    },
    /// The tenth event cannot be read.
    Malformed,
    /// The stream ends in order but for its last mark.
    NoMark,
    /// The connection is reset after so many pieces.
    Reset {
        after: usize,
    },
    /// The body ends in order after so many pieces, and nothing says that the answer did.
    Unfinished {
        after: usize,
    },
    /// A body without a byte.
    Bare,
    /// Keep-alives, or words of no letters, come after so many pieces until the span is over.
    Idle {
        after: usize,
        every: Duration,
        span: Duration,
        hollow: bool,
    },
    /// One line that does not end before so much was sent.
    EndlessLine {
        mib: usize,
    },
    /// Unknown events come between the pieces, one of them with so much in it.
    Aside {
        kib: usize,
    },
    /// The opening comes twice.
    Twice,
    /// A word comes for an index that was never opened.
    Stray,
    /// Words come after the mark.
    Afterword,
    /// The connection closes within a chunk, or the next chunk has no size.
    MidChunk {
        after: usize,
    },
    BadChunk {
        after: usize,
    },
}

impl Play {
    pub(crate) fn healthy(between: Duration) -> Self {
        let zero = Duration::ZERO;
        Self {
            first_wait: zero,
            whole_wait: zero,
            between,
            ping_every: None,
            fault: None,
            dress: Dress::Plain,
        }
    }

    pub(crate) fn with(self, fault: Fault) -> Self {
        Self { fault: Some(fault), ..self }
    }
}

/// The circumstances of one request.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one fact of a request")]
pub(crate) struct Circumstances {
    /// How often the model was asked for before.
    pub(crate) earlier: u32,
    pub(crate) since_reset: Duration,
    /// Since the model was asked for the last time.
    pub(crate) since_last: Option<Duration>,
    /// How often it was asked for within the last second, this time too.
    pub(crate) last_second: u32,
    /// Whether the key is the one that the model was first asked with.
    pub(crate) first_key: bool,
    /// Whether the request asks to go on with a part of the text, in whatever way.
    pub(crate) continues: bool,
    /// Whether it brings sealed reasoning.
    pub(crate) sealed: bool,
    /// Whether it holds the marker that S36 cannot bear.
    pub(crate) poisoned: bool,
    /// Whether the request ends with an assistant turn.
    pub(crate) prefilled: bool,
    /// Whether the wall expects a key and the request has it.
    pub(crate) key_matched: bool,
    pub(crate) streamed: bool,
}

/// The act that a scene plays in these circumstances.
pub(crate) fn decide(scene: Scene, case: &Circumstances, timings: &Timings) -> Act {
    let healthy = Play::healthy(timings.between);
    let first = case.earlier == 0;
    match scene {
        Scene::DeadKey if !case.key_matched => Act::Refuse(Cause::BadKey),
        Scene::NoPrefill | Scene::Turns if case.prefilled => Act::Refuse(Cause::NoPrefill),
        Scene::Slow => Act::Answer(Play {
            whole_wait: timings.slow_between * 30,
            ..Play::healthy(timings.slow_between)
        }),
        Scene::ErrorFirst | Scene::ErrorMid if !case.streamed => Act::Refuse(Cause::Overloaded),
        Scene::ErrorFirst => {
            Act::Answer(healthy.with(Fault::Error { after: 0, failing: Failing::Overloaded }))
        }
        Scene::ErrorMid => {
            let failing = Failing::Overloaded;
            Act::Answer(healthy.with(Fault::Error { after: STALL_AFTER, failing }))
        }
        Scene::S01 if first => {
            Act::Refuse(Cause::RateLimited { retry_after_s: Some(timings.retry_after_s) })
        }
        Scene::S02 => Act::Refuse(Cause::RateLimited { retry_after_s: None }),
        Scene::S03 if first => Act::Refuse(Cause::ServerError),
        Scene::S04 | Scene::S16 => Act::Refuse(Cause::Overloaded),
        Scene::S05 if first => Act::Reset,
        Scene::S06 => Act::Silence(timings.silence),
        Scene::S07 => Act::Answer(Play {
            first_wait: timings.first_token,
            whole_wait: timings.first_token,
            ..healthy
        }),
        Scene::S08 | Scene::S14 => {
            let stall = Duration::ZERO;
            Act::Answer(healthy.with(Fault::Break { after: CUT_AFTER, stall }))
        }
        Scene::S09 => {
            let stall = timings.stall;
            Act::Answer(healthy.with(Fault::Break { after: STALL_AFTER, stall }))
        }
        Scene::S10 => Act::Answer(healthy.with(Fault::Malformed)),
        Scene::S11 => Act::Answer(healthy.with(Fault::NoMark)),
        Scene::S12 => Act::Refuse(Cause::TooLong),
        Scene::S13 => Act::Refuse(Cause::Filtered),
        Scene::S15 if case.since_reset < timings.down => Act::Refuse(Cause::Overloaded),
        Scene::Further(plot) => further::decide(plot, case, timings),
        _ => Act::Answer(healthy),
    }
}

#[cfg(test)]
mod tests {
    use super::super::timing::Profile;
    use super::*;

    fn act(scene: Scene, earlier: u32, since_reset_ms: u64) -> Act {
        let case = Circumstances {
            earlier,
            since_reset: Duration::from_millis(since_reset_ms),
            prefilled: true,
            key_matched: false,
            streamed: true,
            ..Circumstances::default()
        };
        decide(scene, &case, &Profile::Full.timings())
    }

    #[test]
    fn what_happens_once_happens_once() {
        let healthy = Act::Answer(Play::healthy(Duration::from_millis(15)));
        for scene in [Scene::S01, Scene::S03, Scene::S05] {
            assert_ne!(act(scene, 0, 0), healthy);
            assert_eq!(act(scene, 1, 0), healthy);
        }
        for scene in [Scene::S02, Scene::S04, Scene::S06, Scene::S12, Scene::S13, Scene::S16] {
            assert_ne!(act(scene, 0, 0), healthy);
            assert_eq!(act(scene, 9, 90_000), act(scene, 0, 0));
        }
    }

    #[test]
    fn the_outage_ends_by_time() {
        assert_eq!(act(Scene::S15, 3, 59_999), Act::Refuse(Cause::Overloaded));
        assert!(matches!(act(Scene::S15, 0, 60_000), Act::Answer(_)));
    }

    #[test]
    fn refusals_depend_on_the_request() {
        assert_eq!(act(Scene::NoPrefill, 0, 0), Act::Refuse(Cause::NoPrefill));
        assert_eq!(act(Scene::DeadKey, 0, 0), Act::Refuse(Cause::BadKey));
        assert!(matches!(act(Scene::Plain, 0, 0), Act::Answer(_)));
    }
}
