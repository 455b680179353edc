//! What people reported in the last 24 hours as a series for programs, beside what is usual. Which
//! report is counted is not decided here.

use std::collections::BTreeMap;

use domain::ReportKind;
use serde::Serialize;

use crate::answer::Page;
use crate::status::dates::rfc3339;
use crate::status::view::{ReportBucket, ReportSeries, StatusView};

#[derive(Serialize)]
struct Series<'v> {
    component: &'v str,
    name: &'v str,
    /// Of the latest point.
    status: &'static str,
    points: Vec<Point>,
}

#[derive(Serialize)]
struct Point {
    point_in_time: String,
    total: u32,
    by_type: BTreeMap<&'static str, u32>,
    baseline: f64,
    baseline_max: f64,
    status: &'static str,
}

#[derive(Serialize)]
struct Answer<'v> {
    series: Vec<Series<'v>>,
}

/// The answer.
pub(crate) fn page(view: &StatusView) -> Page {
    super::json(&Answer { series: view.reports.iter().map(series).collect() })
}

fn series(one: &ReportSeries) -> Series<'_> {
    Series {
        component: one.component.as_str(),
        name: &one.name.en,
        status: one.buckets.last().map_or("success", status),
        points: one.buckets.iter().map(point).collect(),
    }
}

fn point(bucket: &ReportBucket) -> Point {
    let kinds = ReportKind::ALL.iter().zip(bucket.by_kind).filter(|(_, count)| *count > 0);
    Point {
        point_in_time: rfc3339(bucket.at),
        total: bucket.count,
        by_type: kinds.map(|(kind, count)| (kind.as_str(), count)).collect(),
        baseline: bucket.usual,
        baseline_max: bucket.usual_max,
        status: status(bucket),
    }
}

/// Within what is usual, above its mean, above the most that is usual.
fn status(bucket: &ReportBucket) -> &'static str {
    let count = f64::from(bucket.count);
    if count > bucket.usual_max {
        "danger"
    } else if count > bucket.usual {
        "warning"
    } else {
        "success"
    }
}
