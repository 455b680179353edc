//! Curves as SVG, without a script: areas and lines over time, with bands for events.

use std::fmt::Write as _;

/// Points of a curve that are drawn.
const POINTS_MAX: usize = 360;
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 150.0;

/// One curve.
#[derive(Debug)]
pub(super) struct Curve<'a> {
    /// Its class in the style sheet; one that ends in `area` is filled.
    pub(super) class: &'static str,
    pub(super) values: &'a [f64],
}

/// What a chart shows.
#[derive(Debug)]
pub(super) struct Chart<'a> {
    /// What it says, for those who do not see it.
    pub(super) label: &'a str,
    pub(super) curves: &'a [Curve<'a>],
    /// The height of the chart, in the unit of its values.
    pub(super) top: f64,
    /// A line across, such as the capacity.
    pub(super) limit: Option<f64>,
    /// From, until, as shares of the width.
    pub(super) bands: &'a [(f64, f64)],
    /// Times below: place from 0 to 1, and text.
    pub(super) hours: &'a [(f64, String)],
    pub(super) unit: &'a str,
}

/// The chart as an `svg` element.
pub(super) fn svg(chart: &Chart<'_>) -> String {
    let mut text = format!(
        "<svg viewBox=\"-52 -12 {} {}\" role=\"img\" aria-label=\"{}\">",
        WIDTH + 80.0,
        HEIGHT + 44.0,
        escaped(chart.label)
    );
    // Writing into a text cannot fail.
    for (from, until) in chart.bands {
        let (x, width) = (from * WIDTH, ((until - from) * WIDTH).max(1.5));
        _ = write!(
            text,
            "<rect class=\"band\" x=\"{x:.1}\" y=\"0\" width=\"{width:.1}\" height=\"{HEIGHT}\"/>"
        );
    }
    for part in [0.0, 0.5, 1.0] {
        let y = HEIGHT * (1.0 - part);
        let value = chart.top * part;
        let value = if chart.top < 8.0 { format!("{value:.1}") } else { format!("{value:.0}") };
        _ = write!(
            text,
            "<line class=\"grid\" x1=\"0\" x2=\"{WIDTH}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/><text x=\"-6\" y=\"{:.1}\" text-anchor=\"end\">{value}</text>",
            y + 4.0
        );
    }
    _ = write!(text, "<text x=\"6\" y=\"14\">{}</text>", escaped(chart.unit));
    for curve in chart.curves {
        text.push_str(&path(curve, chart.top));
    }
    if let Some(limit) = chart.limit {
        let y = HEIGHT * (1.0 - (limit / chart.top).min(1.0));
        _ = write!(
            text,
            "<line class=\"limit\" x1=\"0\" x2=\"{WIDTH}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"
        );
    }
    for (place, hour) in chart.hours {
        let x = place * WIDTH;
        // The outermost ones stay inside, beside the lowest value and the edge of a small screen.
        let anchor = match *place {
            place if place <= 0.0 => "start",
            place if place >= 1.0 => "end",
            _ => "middle",
        };
        _ = write!(
            text,
            "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{hour}</text>",
            HEIGHT + 24.0
        );
    }
    text.push_str("</svg>");
    text
}

fn path(curve: &Curve<'_>, top: f64) -> String {
    let points = thinned(curve.values);
    let filled = curve.class.ends_with("area");
    let last = points.len().saturating_sub(1).max(1) as f64;
    let mut d = String::new();
    if filled {
        _ = write!(d, "M0 {HEIGHT}");
    }
    for (index, value) in points.iter().enumerate() {
        let x = index as f64 / last * WIDTH;
        let y = HEIGHT * (1.0 - (value / top).clamp(0.0, 1.04));
        let letter = if index == 0 && !filled { 'M' } else { 'L' };
        _ = write!(d, "{letter}{x:.1} {y:.1}");
    }
    if filled {
        _ = write!(d, "L{WIDTH} {HEIGHT}Z");
    }
    format!("<path class=\"{}\" d=\"{d}\"/>", curve.class)
}

/// As many points as can be seen, each the mean of its part.
fn thinned(values: &[f64]) -> Vec<f64> {
    let count = values.len().min(POINTS_MAX);
    let part = |index: usize| {
        let from = index * values.len() / count;
        let until = ((index + 1) * values.len() / count).max(from + 1);
        let part = values.iter().skip(from).take(until - from);
        part.sum::<f64>() / (until - from) as f64
    };
    (0..count).map(part).collect()
}

/// Text that may stand in HTML.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            _ => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_text_stays_text() {
        assert_eq!(escaped("<a href=\"x\">&"), "&lt;a href=&quot;x&quot;&gt;&amp;");
    }

    #[test]
    fn long_series_are_thinned_to_their_means() {
        let values: Vec<f64> = (0..3_600).map(|n| f64::from(n % 10)).collect();
        let thin = thinned(&values);
        assert_eq!(thin.len(), POINTS_MAX);
        assert!(thin.iter().all(|value| (value - 4.5).abs() < 1e-9));
        assert!(thinned(&[]).is_empty());
    }
}
