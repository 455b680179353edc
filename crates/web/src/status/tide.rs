//! The tide: load against capacity over a day, as the geometry of one picture and the sentences that
//! tell the same. The figures come ready.

use std::fmt::Write as _;

use clock::UnixMs;

use super::dates;
use super::lang::Lang;
use super::view::{Tide, TidePoint};

/// The picture's own units.
const WIDTH: f64 = 1_440.0;
const HEIGHT: f64 = 288.0;
/// The bed carries the hours.
const BED: f64 = 36.0;
/// What is kept free above the highest stone.
const AIR: f64 = 28.0;
/// Length of the words for load and capacity.
const LABEL: f64 = 260.0;
/// A day in steps of five minutes; of more, the latest are drawn.
const POINTS_MAX: usize = 288;
const HOUR_MS: u64 = 3_600_000;

/// A dashed mark with its words.
pub(crate) struct Mark {
    pub(crate) x: String,
    /// It ends a little below the coping, so that it crosses no other words.
    pub(crate) foot: String,
    pub(crate) text_x: String,
    pub(crate) anchor: &'static str,
    pub(crate) words: String,
}

/// The picture.
pub(crate) struct TidePicture {
    pub(crate) label: String,
    pub(crate) wall: String,
    pub(crate) coping: String,
    pub(crate) sea: String,
    pub(crate) edge: String,
    /// Load above the wall; empty if there is none.
    pub(crate) over: String,
    pub(crate) hours: Vec<(String, String)>,
    pub(crate) marks: Vec<Mark>,
    /// Where the load is now.
    pub(crate) now_y: String,
    pub(crate) asked: String,
    pub(crate) asked_y: String,
    pub(crate) capacity: String,
    pub(crate) capacity_y: String,
    pub(crate) why: Option<String>,
}

impl TidePicture {
    /// `None` without at least two moments.
    pub(crate) fn of(tide: &Tide, lang: Lang) -> Option<Self> {
        let latest = tide.points.len().saturating_sub(POINTS_MAX);
        let points = tide.points.get(latest..).unwrap_or_default();
        let [first, .., last] = points else { return None };
        let scale = Scale::of(points, first.at, last.at)?;
        let asked = rate(last.asked_per_s);
        let capacity = rate(last.capacity_per_s);
        let now_y = scale.y(last.asked_per_s);
        let (capacity_y, asked_y) = scale.label_heights(points);
        let (coping, sea) = (scale.steps(points), scale.line(points));
        let bottom = HEIGHT;
        Some(Self {
            label: label(&asked, &capacity, lang),
            wall: format!("{coping}V{bottom}H0Z"),
            sea: format!("{sea}V{bottom}H0Z"),
            over: scale.over(points),
            hours: scale.hours(first.at, last.at),
            marks: marks(tide, &scale, lang),
            now_y: format!("{now_y:.1}"),
            asked_y: format!("{asked_y:.1}"),
            capacity_y: format!("{capacity_y:.1}"),
            asked: lang
                .pick(format!("asked now: {asked} a second"), format!("现在请求：每秒 {asked}")),
            capacity: lang.pick(
                format!("can be answered: {capacity} a second"),
                format!("可应答：每秒 {capacity}"),
            ),
            why: tide.why.as_ref().map(|why| lang.of(why).to_owned()),
            coping,
            edge: sea,
        })
    }
}

fn label(asked: &str, capacity: &str, lang: Lang) -> String {
    lang.pick(
        format!("Requests a second over 24 hours. Now {asked}; we can answer {capacity}."),
        format!("24 小时内每秒的请求。现在 {asked}，可应答 {capacity}。"),
    )
}

/// Requests a second as a person says them.
fn rate(per_s: f64) -> String {
    if per_s < 10.0 { format!("{per_s:.1}") } else { format!("{per_s:.0}") }
}

struct Scale {
    from: UnixMs,
    span_ms: f64,
    top: f64,
}

impl Scale {
    fn of(points: &[TidePoint], from: UnixMs, to: UnixMs) -> Option<Self> {
        let span_ms = to.since(from) as f64;
        let highest =
            |top: f64, point: &TidePoint| top.max(point.asked_per_s).max(point.capacity_per_s);
        let top = points.iter().fold(0.0, highest);
        (span_ms > 0.0 && top > 0.0 && top.is_finite()).then_some(Self { from, span_ms, top })
    }

    fn x(&self, at: UnixMs) -> f64 {
        at.since(self.from) as f64 / self.span_ms * WIDTH
    }

    fn y(&self, per_s: f64) -> f64 {
        let room = HEIGHT - BED - AIR;
        HEIGHT - BED - (per_s.max(0.0) / self.top).min(1.0) * room
    }

    /// The coping: level until the capacity changes.
    fn steps(&self, points: &[TidePoint]) -> String {
        let mut path = String::new();
        let mut held = f64::NAN;
        for point in points {
            let (x, y) = (self.x(point.at), self.y(point.capacity_per_s));
            if path.is_empty() {
                push(&mut path, format_args!("M0 {y:.1}"));
            } else if (y - held).abs() > 0.05 {
                push(&mut path, format_args!("H{x:.1}V{y:.1}"));
            }
            held = y;
        }
        push(&mut path, format_args!("H{WIDTH}"));
        path
    }

    fn line(&self, points: &[TidePoint]) -> String {
        let mut path = String::new();
        for point in points {
            let verb = if path.is_empty() { 'M' } else { 'L' };
            let (x, y) = (self.x(point.at), self.y(point.asked_per_s));
            push(&mut path, format_args!("{verb}{x:.1} {y:.1}"));
        }
        path
    }

    /// Bars where more is asked than can be answered.
    fn over(&self, points: &[TidePoint]) -> String {
        let mut path = String::new();
        for pair in points.windows(2) {
            let [point, next] = pair else { continue };
            if point.asked_per_s > point.capacity_per_s {
                let (x, to) = (self.x(point.at), self.x(next.at));
                let (top, foot) = (self.y(point.asked_per_s), self.y(point.capacity_per_s));
                push(&mut path, format_args!("M{x:.1} {top:.1}H{to:.1}V{foot:.1}H{x:.1}Z"));
            }
        }
        path
    }

    /// Where the words for capacity and load stand, so that the first are on stone and the others in
    /// water along their whole length.
    fn label_heights(&self, points: &[TidePoint]) -> (f64, f64) {
        let last = points.iter().filter(|point| self.x(point.at) >= WIDTH - LABEL);
        let (mut coping, mut lowest_coping) = (HEIGHT, 0.0_f64);
        let (mut water, mut lowest_water) = (HEIGHT, 0.0_f64);
        for point in last {
            let (top, surface) = (self.y(point.capacity_per_s), self.y(point.asked_per_s));
            (coping, lowest_coping) = (coping.min(top), lowest_coping.max(top));
            (water, lowest_water) = (water.min(surface), lowest_water.max(surface));
        }
        let on_stone = lowest_coping + 22.0;
        // Where the water leaves no stone to write on, the words stand above the wall.
        let capacity_y = if on_stone + 8.0 < water { on_stone } else { (coping - 10.0).max(16.0) };
        (capacity_y, (lowest_water + 24.0).min(HEIGHT - BED - 8.0))
    }

    /// Every third full hour, where its figure has room.
    fn hours(&self, from: UnixMs, to: UnixMs) -> Vec<(String, String)> {
        let step = 3 * HOUR_MS;
        let first = from.as_millis().next_multiple_of(step);
        let hours = (first..=to.as_millis()).step_by(usize::try_from(step).unwrap_or(usize::MAX));
        let placed = hours.map(|at| (self.x(UnixMs::new(at)), dates::time(UnixMs::new(at))));
        let roomy = placed.filter(|(x, _)| (24.0..=WIDTH - 24.0).contains(x));
        roomy.map(|(x, hour)| (format!("{x:.1}"), hour)).collect()
    }
}

/// Marks from the right to the left, leaving out those that would be written over another.
fn marks(tide: &Tide, scale: &Scale, lang: Lang) -> Vec<Mark> {
    const APART: f64 = 230.0;
    let mut taken = f64::INFINITY;
    let mut marks = Vec::new();
    for (at, words) in tide.marks.iter().rev() {
        let x = scale.x(*at);
        if *at < scale.from || taken - x < APART {
            continue;
        }
        let at_the_end = x > WIDTH - APART;
        // Words on the left of their line take the room that the next mark would have.
        taken = if at_the_end { x - APART / 2.0 } else { x };
        marks.push(Mark {
            x: format!("{x:.1}"),
            foot: format!("{:.1}", scale.y(capacity_at(&tide.points, *at)) + 14.0),
            text_x: format!("{:.1}", if at_the_end { x - 8.0 } else { x + 8.0 }),
            anchor: if at_the_end { "end" } else { "start" },
            words: lang.of(words).to_owned(),
        });
    }
    marks
}

/// The capacity that stood when it happened.
fn capacity_at(points: &[TidePoint], at: UnixMs) -> f64 {
    let before = points.iter().rev().find(|point| point.at <= at);
    before.or(points.first()).map_or(0.0, |point| point.capacity_per_s)
}

fn push(path: &mut String, part: std::fmt::Arguments<'_>) {
    path.write_fmt(part).expect("a string takes everything");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tide(asked: &[f64], capacity: &[f64]) -> Tide {
        let both = asked.iter().zip(capacity).enumerate();
        let points = both.map(|(hour, (asked, capacity))| TidePoint {
            at: UnixMs::new(hour as u64 * HOUR_MS),
            asked_per_s: *asked,
            capacity_per_s: *capacity,
        });
        Tide { points: points.collect(), ..Tide::default() }
    }

    #[test]
    fn water_above_the_wall_is_drawn_apart() {
        let within = TidePicture::of(&tide(&[1.0, 2.0], &[4.0, 4.0]), Lang::En).expect("drawn");
        assert_eq!(within.over, "");
        assert_eq!(within.coping, "M0 28.0H1440");
        let above = TidePicture::of(&tide(&[5.0, 2.0], &[4.0, 4.0]), Lang::En).expect("drawn");
        assert!(above.over.starts_with("M0.0 28.0H1440.0"), "{}", above.over);
        assert!(above.label.contains("Now 2.0; we can answer 4.0"));
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        for empty in [tide(&[], &[]), tide(&[1.0], &[1.0]), tide(&[0.0, 0.0], &[0.0, 0.0])] {
            assert!(TidePicture::of(&empty, Lang::En).is_none());
        }
        let broken = tide(&[f64::INFINITY, 1.0], &[1.0, 1.0]);
        assert!(TidePicture::of(&broken, Lang::En).is_none());
    }
}
