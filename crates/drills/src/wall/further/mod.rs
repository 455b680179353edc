//! The faults beyond S16, which the public bench does not have: their names and sentences. What
//! each does to a request is in `decide`, what it says in `compose`. Faults S38 and S39 are left
//! out: a surge is a drill's business, and a gateway's own dead store is not a provider's fault.
//! Nor is slow DNS: the wall is reached by its address.

mod decide;
mod list;

use super::catalogue::Scene;

pub(super) use decide::decide;
pub(super) use list::FURTHER;

/// What a model beyond S16 does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plot {
    KeepAlive,
    Crawl,
    QuotaInBand,
    EmptyStream,
    Busy,
    ResetMid,
    FailsMid,
    RefusesPrefill,
    CutCall,
    StartsOver,
    ForeignSeal,
    SealedElsewhere,
    Accelerated,
    Straight,
    Restless,
    Blip,
    Left,
    Thinks,
    StartFails,
    Poison,
    Probe,
    Down,
    Unfinished,
    CutJson,
    StallCall,
    WrongType,
    PageOk,
    PageBad,
    Gzip,
    EndlessLine,
    HugeEvent,
    Hints,
    MidChunk,
    BadChunk,
    LengthLong,
    LengthShort,
    GoAway,
    StreamReset,
    TlsBroken,
    ExpiredKey,
    OtherAnswer,
    ShortAnswer,
    Paraphrase,
    Limited,
    RetryDate,
    RetryDay,
    RetryInBody,
    Spent,
    Flap,
    SlowHead,
    Twice,
    Stray,
    Unknown,
    Bom,
    Crlf,
    NoSpace,
    Tiny,
    Split,
    Fields,
    Comments,
    FailsFirst,
    Hollow,
    HeadOnly,
    HangsUp,
    AlwaysReset,
    Afterword,
    Repeats,
    Preface,
    KeepAliveMid,
    LateKey,
}

/// Every fault beyond S16, by its model's name.
pub(crate) fn faults() -> impl Iterator<Item = (&'static str, Plot)> {
    FURTHER.iter().filter_map(|entry| match entry.scene {
        Scene::Further(plot) => Some((entry.id, plot)),
        _ => None,
    })
}

impl Plot {
    /// Whether it breaks off its own answer after forty words and then, asked to go on, does what
    /// its sentence says. Two such models make a ladder.
    pub(crate) fn is_of_takeover(self) -> bool {
        matches!(
            self,
            Self::RefusesPrefill
                | Self::StartsOver
                | Self::ForeignSeal
                | Self::OtherAnswer
                | Self::ShortAnswer
                | Self::Paraphrase
                | Self::Repeats
                | Self::Preface
        )
    }
}
