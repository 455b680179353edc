//! Which outcome of an attempt counts as what: the one table of it, so that nobody else decides.

use domain::FaultClass;

use crate::Traffic;

impl Traffic {
    /// Counts a good answer.
    pub fn count_good(&mut self) {
        self.good = self.good.saturating_add(1);
    }

    /// Counts an attempt that failed. `was_paced` says that a 429 came although the rest that the
    /// former one asked for was kept: only then it speaks of the provider. What is our own fault is
    /// not counted at all.
    pub fn count_fault(&mut self, class: FaultClass, was_paced: bool) {
        self.count_faults(class, was_paced, 1);
    }

    /// Counts so many of them.
    pub fn count_faults(&mut self, class: FaultClass, was_paced: bool, count: u32) {
        let place = match class {
            FaultClass::Overloaded => &mut self.faults.overload,
            FaultClass::RateLimited if was_paced => &mut self.faults.overload,
            FaultClass::ServerError | FaultClass::Empty | FaultClass::Malformed => {
                &mut self.faults.server_errors
            }
            FaultClass::Silent | FaultClass::SlowFirstToken | FaultClass::Crawling => {
                &mut self.faults.timeouts
            }
            FaultClass::Stalled | FaultClass::Cut => &mut self.faults.cuts,
            FaultClass::Connect | FaultClass::Reset => &mut self.faults.connections,
            FaultClass::RateLimited
            | FaultClass::Acceleration
            | FaultClass::QuotaExhausted
            | FaultClass::SpendLimit
            | FaultClass::KeyRejected => &mut self.refusals.count,
            // A name that the provider does not know is a mistake of whoever wrote it.
            FaultClass::ModelUnknown
            | FaultClass::ContextLength
            | FaultClass::ContentFilter
            | FaultClass::CallerFault
            | FaultClass::CallerGone => &mut self.caller_faults,
            FaultClass::TotalTime
            | FaultClass::Unfit
            | FaultClass::Outrun
            | FaultClass::ForeignProofs
            | FaultClass::Busy
            | FaultClass::Internal => return,
        };
        *place = place.saturating_add(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_is_counted_once_or_not_at_all() {
        let count = |class, was_paced| {
            let mut traffic = Traffic::default();
            traffic.count_fault(class, was_paced);
            (traffic.faults.total(), traffic.refusals.count, traffic.caller_faults)
        };
        assert_eq!(count(FaultClass::Overloaded, false), (1, 0, 0));
        assert_eq!(count(FaultClass::RateLimited, false), (0, 1, 0));
        assert_eq!(count(FaultClass::RateLimited, true), (1, 0, 0));
        assert_eq!(count(FaultClass::KeyRejected, true), (0, 1, 0));
        assert_eq!(count(FaultClass::Cut, false), (1, 0, 0));
        assert_eq!(count(FaultClass::ContentFilter, false), (0, 0, 1));
        assert_eq!(count(FaultClass::Internal, false), (0, 0, 0));
    }
}
