//! The trail of decisions that one request leaves: what was tried or passed over, and why. It is
//! told to the caller in `seawall-why` and holds no text from upstream.

use std::fmt::Write as _;
use std::time::Duration;

use admission::Turn;
use domain::{Fault, FaultClass, Target};
use http::HeaderValue;

/// Bytes of the trail as a header.
const BYTES_MAX: usize = 1024;

/// The trail so far.
#[derive(Debug, Default)]
pub(crate) struct Trail {
    text: String,
    /// Classes of all faults and skips so far, the first rung's first.
    pub(crate) faults: Vec<Fault>,
    /// Rungs that were said to be passed over for being too much now.
    said: Vec<(Target, FaultClass)>,
    /// The earliest wait, in milliseconds, after which something that was passed over may work.
    wait_ms_min: Option<u64>,
    /// The same where a rung's accounts are spent or refused, of which nobody tells a wait.
    pub(crate) accounts_out_ms: Option<u64>,
    /// The turn that the line gave it instead of a place, in milliseconds from then.
    turn_ms: Option<u64>,
    /// The caller's client is asked not to try again by itself: the retry budget had nothing left
    /// for a repetition of ours, or the caller's turn is later than clients wait.
    pub(crate) no_repetition: bool,
    /// The faults are this request's own, as its like has shown before.
    pub(crate) poisoned: bool,
}

impl Trail {
    /// An attempt failed; `then` says what follows.
    pub(crate) fn failed(&mut self, target: &Target, fault: Fault, then: &str) {
        let status = fault.status.map(|status| format!(" {status}")).unwrap_or_default();
        self.add(format_args!("{target} {}{status}, {then}", fault.class));
        if let Some(wait_ms) = fault.retry_after_ms {
            self.wait(wait_ms);
        }
        self.faults.push(fault);
    }

    /// A rung refused how it was asked, and is asked once more in another way.
    pub(crate) fn asked_anew(&mut self, target: &Target, fault: &Fault) {
        self.add(format_args!("{target} {}, asked without them", fault.class));
    }

    /// A rung was passed over without a call.
    pub(crate) fn skipped(&mut self, target: &Target, class: FaultClass, reason: &str) {
        self.add(format_args!("{target} passed over: {reason}"));
        self.faults.push(Fault::new(class, reason));
    }

    /// A rung was passed over, which is said once however often it is looked at.
    pub(crate) fn skipped_once(&mut self, target: &Target, class: FaultClass, reason: &str) {
        let already = |(known, said): &(Target, FaultClass)| known == target && *said == class;
        if !self.said.iter().any(already) {
            self.said.push((target.clone(), class));
            self.skipped(target, class, reason);
        }
    }

    /// The request stood in line for so long.
    pub(crate) fn waited(&mut self, span: Duration) {
        self.add(format_args!("waited {:.1} s", span.as_secs_f64()));
    }

    /// It did not, or in vain; what is told as the wait is the line's own reckoning.
    pub(crate) fn not_waited(&mut self, why: &str, turn: Turn) {
        self.add(format_args!("{why}"));
        self.turn_ms = Some(u64::try_from(turn.after.as_millis()).unwrap_or(u64::MAX));
        self.no_repetition |= turn.is_far;
    }

    /// A second call was made after so long, and `target` was the first to answer.
    pub(crate) fn hedged(&mut self, target: &Target, after: Duration) {
        self.add(format_args!(
            "asked twice after {:.1} s, {target} was quicker",
            after.as_secs_f64()
        ));
    }

    /// An answer that `target` gave so long ago is given again.
    pub(crate) fn recalled(&mut self, target: &Target, age: Duration) {
        self.add(format_args!("{target} was asked the same {} s ago", age.as_secs()));
    }

    /// A stream broke off after content, and whether another rung goes on with it.
    pub(crate) fn broke_off(&mut self, target: &Target, fault: &Fault, then: &str) {
        self.add(format_args!("{target} {} in mid-answer, {then}", fault.class));
    }

    /// Another rung goes on after so many characters.
    pub(crate) fn taken_over(&mut self, target: &Target, after_chars: usize) {
        self.add(format_args!("{target} took over after {after_chars} characters"));
    }

    /// Something may work after this time.
    pub(crate) fn wait(&mut self, wait_ms: u64) {
        self.wait_ms_min = Some(self.wait_ms_min.map_or(wait_ms, |known| known.min(wait_ms)));
    }

    /// A rung has no account left that is served, and is looked at again after this time.
    pub(crate) fn accounts_out(&mut self, span: Option<Duration>) {
        let wait_ms = span.map(|span| u64::try_from(span.as_millis()).unwrap_or(u64::MAX));
        let sooner = |known: u64| wait_ms.map_or(known, |wait_ms| wait_ms.min(known));
        self.accounts_out_ms = self.accounts_out_ms.map(sooner).or(wait_ms);
    }

    /// When it makes sense to come again, in milliseconds. A turn of its own is kept free for it, so
    /// that counts, and not that some rung may take somebody sooner.
    pub(crate) fn wait_ms(&self) -> Option<u64> {
        self.turn_ms.or(self.wait_ms_min)
    }

    /// The retry budget has nothing left for this request.
    pub(crate) fn budget_is_spent(&mut self) {
        self.no_repetition = true;
        self.add(format_args!("retry budget spent"));
    }

    fn add(&mut self, step: std::fmt::Arguments<'_>) {
        if self.text.len() >= BYTES_MAX {
            return;
        }
        if !self.text.is_empty() {
            self.text.push_str("; ");
        }
        // Writing to a String cannot fail.
        let _ok = self.text.write_fmt(step).is_ok();
    }

    /// The trail's text, ending in who served.
    pub(crate) fn header(&self, served_by: Option<&Target>) -> HeaderValue {
        match served_by {
            Some(_) if self.text.is_empty() => HeaderValue::from_static("first choice"),
            Some(target) => header_value(&format!("{}; {target} served", self.text)),
            None => header_value(&self.text),
        }
    }
}

/// Model names may hold anything; a header may not.
fn header_value(text: &str) -> HeaderValue {
    let printable = |c: &char| c.is_ascii_graphic() || *c == ' ';
    let text: String = text.chars().filter(printable).take(BYTES_MAX).collect();
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("unprintable"))
}
