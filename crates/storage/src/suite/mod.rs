//! What every implementation of [`Store`] must hold, as checks that their tests call,
//! each with an empty store of its own that keeps what [`settings`] says.

mod incidents;
mod notices;
mod readings;
mod retention;
pub mod samples;

use std::fmt::Debug;

use crate::{Bound, Change, Settings, Store, StoreError};

/// A check: an error is a sentence about what is wrong.
pub type Check = fn(&mut dyn Store) -> Result<(), String>;

/// All checks with their names.
pub const CHECKS: &[(&str, Check)] = &[
    ("an empty store has nothing", readings::an_empty_store_has_nothing),
    ("an incident comes back whole", incidents::comes_back_whole),
    ("a later incident takes the place of the former", incidents::is_replaced),
    ("what evidence said stays with its incident", incidents::timelines_stay_with_theirs),
    ("incidents are found by what is asked", incidents::are_found),
    ("incidents come page by page", incidents::come_page_by_page),
    ("planned work comes back whole", incidents::work_comes_back_whole),
    ("planned work is found by its span", incidents::work_is_found_by_span),
    ("minutes make their day", readings::minutes_make_their_day),
    ("a minute written again moves its day once", readings::a_minute_again_moves_its_day_once),
    ("a span holds its start and not its end", readings::a_span_is_half_open),
    ("verdicts come back whole with their evidence", readings::verdicts_come_back_whole),
    ("bins of reports are replaced, not added", readings::report_bins_are_replaced),
    ("subscribers are found by each of their keys", notices::subscribers_are_found),
    ("who leaves is sent nothing more", notices::who_leaves_is_sent_nothing),
    ("messages come when they are due", notices::messages_come_when_due),
    ("what is too large is refused with its batch", notices::what_is_too_large_is_refused),
    ("feeds, keys and settings are kept", notices::small_things_are_kept),
    ("what is too old goes", retention::what_is_too_old_goes),
    ("what is too much goes, oldest first", retention::what_is_too_much_goes),
    ("what is not over stays", retention::what_is_not_over_stays),
];

/// The bounds under which the checks run.
pub fn settings() -> Settings {
    let mut settings = Settings::in_memory();
    let bound = Bound { age_hours_max: 2, rows_max: 10 };
    let keep = &mut settings.retention;
    keep.minutes = bound;
    keep.verdicts = bound;
    keep.evidence = bound;
    keep.report_bins = bound;
    keep.outgoing = bound;
    keep.incidents_max = 3;
    keep.maintenances_max = 3;
    keep.day_rows_max = 10;
    keep.unconfirmed_hours_max = 2;
    keep.subscribers_max = 10;
    keep.revoked_keys_hours_max = 2;
    settings.prune_rows_max = 4;
    settings.change_bytes_max = 20_000;
    settings
}

fn put(store: &mut dyn Store, changes: &[Change]) -> Result<(), String> {
    told(store.apply(changes)).map(drop)
}

fn told<T>(result: Result<T, StoreError>) -> Result<T, String> {
    result.map_err(|error| format!("{error:?}"))
}

fn same<T: PartialEq + Debug>(what: &str, got: &T, wanted: &T) -> Result<(), String> {
    if got == wanted {
        return Ok(());
    }
    Err(format!("{what}\n   got {got:?}\nwanted {wanted:?}"))
}
