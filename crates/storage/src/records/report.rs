//! What users reported, as counts for the chart of the last day. Who reported never comes in here.

use clock::UnixMs;
use detection::ComponentId;
use domain::ReportKind;

/// How many reports of one kind a component had in the quarter of an hour from `start`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportBin {
    pub component: ComponentId,
    pub start: UnixMs,
    pub kind: ReportKind,
    pub count: u64,
}
