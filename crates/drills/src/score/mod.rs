//! Counts what a policy gave to those who asked and what it did to the providers.

mod books;
mod domino;
mod expect;
mod figures;
mod seen;
mod series;

pub(crate) use books::{Books, Outcome, Story};
pub(crate) use domino::has_fallen;
pub use expect::Judged;
pub(crate) use expect::{figure_names, is_figure, judge};
pub use figures::{Ends, FirstToken, PolicyFigures, ProviderFigures};
pub use seen::{Advised, IncidentTold, Seen, VerdictTold};
pub use series::{Decision, PolicySeries, ProviderSeries};

pub(crate) use figures::{Accounts, figures};
pub(crate) use seen::judge_seen;
pub(crate) use series::series;
