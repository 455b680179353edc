//! What people report, as a picture of bars over the band of what is usual. The scale is that of the
//! square root, so that a peak of hundreds does not hide what is usual. Who may report, and how it
//! is counted, is not known here.

use std::fmt::Write as _;

use super::dates;
use super::lang::{Lang, beside};
use super::view::{ReportBucket, ReportSeries};

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 160.0;
/// Counts that get a line of their own.
const TICKS: [u32; 10] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000];
/// A day in quarters of an hour; of more, the latest are drawn.
const BUCKETS_MAX: usize = 96;
/// The picture is never lower than this count.
const COUNT_MIN: f64 = 4.0;

/// The picture of one series.
pub(crate) struct CrowdPicture {
    pub(crate) name: String,
    pub(crate) label: String,
    pub(crate) band: String,
    /// Bars above the band, and within it.
    pub(crate) above: String,
    pub(crate) within: String,
    /// Height and count of each line.
    pub(crate) lines: Vec<(String, u32)>,
    pub(crate) hours: Vec<String>,
    pub(crate) peak: String,
    /// The latest bucket and the highest ones, as a table: time, count, usual.
    pub(crate) rows: Vec<(String, u32, String)>,
}

impl CrowdPicture {
    /// `None` without buckets.
    pub(crate) fn of(series: &ReportSeries, lang: Lang) -> Option<Self> {
        let latest = series.buckets.len().saturating_sub(BUCKETS_MAX);
        let buckets = series.buckets.get(latest..).unwrap_or_default();
        let (first, last) = (buckets.first()?, buckets.last()?);
        let peak = buckets.iter().max_by_key(|bucket| bucket.count)?;
        let usual = buckets.iter().fold(0.0, |most: f64, bucket| most.max(bucket.usual_max));
        let scale = Scale { top: f64::from(peak.count).max(usual).max(COUNT_MIN) };
        let step = WIDTH / buckets.len() as f64;
        let (mut above, mut within) = (String::new(), String::new());
        for (index, bucket) in buckets.iter().enumerate() {
            let path = if is_above(bucket) { &mut above } else { &mut within };
            if bucket.count > 0 {
                let (x, y) = (index as f64 * step + step * 0.15, scale.y(f64::from(bucket.count)));
                let (wide, foot) = (step * 0.7, HEIGHT);
                write!(path, "M{x:.1} {foot}V{y:.1}h{wide:.1}V{foot}Z")
                    .expect("a string takes everything");
            }
        }
        let name = lang.of(&series.name).to_owned();
        Some(Self {
            label: label(&name, peak, last, lang),
            band: scale.band(buckets, step),
            above,
            within,
            lines: scale.lines(),
            hours: hours(buckets, lang),
            peak: peak_words(peak, lang),
            rows: rows(buckets, first, last),
            name,
        })
    }
}

fn is_above(bucket: &ReportBucket) -> bool {
    f64::from(bucket.count) > bucket.usual_max
}

fn peak_words(peak: &ReportBucket, lang: Lang) -> String {
    let (count, at) = (peak.count, dates::time(peak.at));
    match (lang, count) {
        (Lang::En, 0) => "no reports".to_owned(),
        (Lang::Zh, 0) => "没有报告".to_owned(),
        (Lang::En, _) => format!("peak {count} at {at}"),
        (Lang::Zh, _) => format!("最高 {count}（{at}）"),
    }
}

fn label(name: &str, peak: &ReportBucket, last: &ReportBucket, lang: Lang) -> String {
    let (now, usual) = (last.count, usual(last));
    let peak = peak_words(peak, lang);
    lang.pick(
        format!(
            "Reports about {name} in 15 minutes, over 24 hours: {peak}; now {now}, usual at this hour {usual}."
        ),
        format!(
            "{}：{peak}；现在 {now}，此时平常为 {usual}。",
            beside(&beside("24 小时内每 15 分钟关于", name), "的报告")
        ),
    )
}

fn usual(bucket: &ReportBucket) -> String {
    format!("{:.0}", bucket.usual.max(0.0))
}

fn hours(buckets: &[ReportBucket], lang: Lang) -> Vec<String> {
    let quarter = buckets.len().div_ceil(4).max(1);
    let mut hours: Vec<String> =
        buckets.iter().step_by(quarter).map(|bucket| dates::time(bucket.at)).collect();
    hours.push(lang.pick("now", "现在").to_owned());
    hours
}

/// The last bucket of each two hours with its count, so that the picture can be read as a table.
fn rows(
    buckets: &[ReportBucket],
    first: &ReportBucket,
    last: &ReportBucket,
) -> Vec<(String, u32, String)> {
    const STEP: usize = 8;
    let several = last.at > first.at;
    let chunks = buckets.rchunks(STEP).filter(|_| several);
    let sums = chunks.filter_map(|chunk| {
        let from = chunk.first()?;
        let count = chunk.iter().map(|bucket| bucket.count).fold(0, u32::saturating_add);
        let usual: f64 = chunk.iter().map(|bucket| bucket.usual.max(0.0)).sum();
        Some((dates::time(from.at), count, format!("{usual:.0}")))
    });
    let mut rows: Vec<_> = sums.collect();
    rows.reverse();
    rows
}

struct Scale {
    top: f64,
}

impl Scale {
    fn y(&self, count: f64) -> f64 {
        HEIGHT - (count.max(0.0) / self.top).min(1.0).sqrt() * (HEIGHT - 8.0)
    }

    fn band(&self, buckets: &[ReportBucket], step: f64) -> String {
        let mut path = format!("M0 {HEIGHT}");
        for (index, bucket) in buckets.iter().enumerate() {
            let y = self.y(bucket.usual_max);
            write!(path, "L{:.1} {y:.1}H{:.1}", index as f64 * step, (index + 1) as f64 * step)
                .expect("a string takes everything");
        }
        write!(path, "V{HEIGHT}Z").expect("a string takes everything");
        path
    }

    /// The highest count that fits, and others below it that do not crowd it.
    fn lines(&self) -> Vec<(String, u32)> {
        let mut lines: Vec<(f64, u32)> = Vec::new();
        for count in TICKS.into_iter().rev().filter(|count| f64::from(*count) <= self.top) {
            let y = self.y(f64::from(count));
            if lines.last().is_none_or(|(above, _)| y - above >= 34.0) && HEIGHT - y >= 20.0 {
                lines.push((y, count));
            }
        }
        lines.into_iter().map(|(y, count)| (format!("{y:.1}"), count)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clock::UnixMs;
    use detection::ComponentId;

    use super::super::view::Text;

    #[test]
    fn a_crowd_stands_above_the_band_and_the_usual_still_shows() {
        let bucket = |index: u64, count| ReportBucket {
            at: UnixMs::new(index * 900_000),
            count,
            by_kind: [0; 6],
            usual: 6.0,
            usual_max: 14.0,
        };
        let buckets = (0..96).map(|index| bucket(index, if index > 90 { 412 } else { 5 }));
        let name = Text::plain("ChatGPT’s app");
        let component = ComponentId::new("openai/app");
        let series = ReportSeries { component, name, buckets: buckets.collect() };
        let picture = CrowdPicture::of(&series, Lang::En).expect("drawn");
        assert_eq!(picture.above.matches('M').count(), 5);
        assert_eq!(picture.within.matches('M').count(), 91);
        assert_eq!(picture.rows.len(), 12);
        assert_eq!(picture.rows.last(), Some(&("22:00".to_owned(), 2_075, "48".to_owned())));
        assert!(picture.label.contains("now 412, usual at this hour 6"), "{}", picture.label);
        // The band of 14 is 28 of 152 high under a peak of 412, where a straight scale leaves 5.
        assert!(picture.band.contains("L0.0 132.0H10.0"), "{}", picture.band);
        let empty = ReportSeries { buckets: Vec::new(), ..series };
        assert!(CrowdPicture::of(&empty, Lang::En).is_none());
    }
}
