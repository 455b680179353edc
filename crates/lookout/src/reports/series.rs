//! One component's last 24 hours of reports, in bins of 15 minutes.

use std::collections::VecDeque;

use clock::UnixMs;
use domain::ReportKind;

/// The length of a bin in milliseconds.
pub const BIN_MS: u64 = 900_000;
/// Bins that are kept: a day.
pub const BINS: usize = 96;

/// Counts by kind, in the order of [`ReportKind::ALL`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReportCounts([u32; ReportKind::ALL.len()]);

impl ReportCounts {
    /// Reports of one kind.
    pub fn of(&self, kind: ReportKind) -> u32 {
        let place = ReportKind::ALL.iter().position(|known| *known == kind);
        place.and_then(|place| self.0.get(place)).copied().unwrap_or(0)
    }

    /// Reports of all kinds.
    pub fn total(&self) -> u32 {
        self.0.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// So many more of one kind.
    pub fn add(&mut self, kind: ReportKind, more: u32) {
        let place = ReportKind::ALL.iter().position(|known| *known == kind);
        if let Some(count) = place.and_then(|place| self.0.get_mut(place)) {
            *count = count.saturating_add(more);
        }
    }
}

/// Fifteen minutes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReportBin {
    pub starts_at: UnixMs,
    /// Reports that count.
    pub counts: ReportCounts,
    /// Networks that they came from, roughly; few networks behind many reports are no crowd.
    pub networks: u32,
    /// Reports that were refused for a cap: a flood shows here, and not in the counts.
    pub refused: u32,
}

#[derive(Debug, Default)]
pub(super) struct Series {
    /// Oldest first, without gaps.
    bins: VecDeque<ReportBin>,
}

impl Series {
    /// The bin of now. A clock that is set back counts into the newest one.
    pub(super) fn bin(&mut self, now: UnixMs) -> Option<&mut ReportBin> {
        self.advance(now);
        self.bins.back_mut()
    }

    /// All bins up to now; fewer than a day's until a day has gone by.
    pub(super) fn all(&mut self, now: UnixMs) -> Vec<ReportBin> {
        self.advance(now);
        self.bins.iter().copied().collect()
    }

    /// Takes up a bin of a former process; one that is not within the last day is left out. What
    /// came since the start stays.
    pub(super) fn restore(&mut self, now: UnixMs, kept: &ReportBin) {
        self.advance(now);
        let newest = self.bins.back().map_or(now, |bin| bin.starts_at);
        let oldest = newest.minus_ms(BIN_MS * (BINS as u64 - 1));
        if kept.starts_at < oldest || kept.starts_at > newest {
            return;
        }
        // Bins have no gaps, so that those between are opened too.
        while let Some(first) = self.bins.front().map(|bin| bin.starts_at)
            && kept.starts_at < first
        {
            let starts_at = first.minus_ms(BIN_MS);
            self.bins.push_front(ReportBin { starts_at, ..ReportBin::default() });
        }
        if let Some(bin) = self.bins.iter_mut().find(|bin| bin.starts_at == kept.starts_at) {
            ReportKind::ALL.into_iter().for_each(|kind| bin.counts.add(kind, kept.counts.of(kind)));
        }
    }

    fn advance(&mut self, now: UnixMs) {
        let start = now.as_millis() / BIN_MS * BIN_MS;
        let newest = self.bins.back().map(|bin| bin.starts_at.as_millis());
        let kept_ms = BIN_MS * (BINS as u64 - 1);
        let mut next = match newest {
            Some(newest) if newest >= start => return,
            Some(newest) => (newest + BIN_MS).max(start.saturating_sub(kept_ms)),
            None => start,
        };
        if newest.is_some_and(|newest| next > newest + BIN_MS) {
            self.bins.clear();
        }
        while next <= start {
            if self.bins.len() == BINS {
                self.bins.pop_front();
            }
            self.bins.push_back(ReportBin { starts_at: UnixMs::new(next), ..ReportBin::default() });
            next += BIN_MS;
        }
    }
}
