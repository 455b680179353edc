//! Reads public traces of real arrivals as a crowd. Formats are those of the published files; a
//! compressed file is unpacked by whoever has it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use clock::Dice;
use serde::Deserialize;

use crate::crowd::{Size, Sizes, exponential, poisson};

/// Bytes of a trace file that are read.
const FILE_BYTES_MAX: u64 = 512 << 20;
/// Requests that one trace may become.
const REQUESTS_MAX: usize = 5_000_000;

/// Instead of a file's name: the small sample of the format that ships with the product.
const SAMPLE: &str = "sample";

/// Requests by their moments.
pub type Trace = Vec<(Duration, Size)>;

/// Which published form a trace has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TraceFormat {
    /// `TIMESTAMP,ContextTokens,GeneratedTokens`.
    Azure,
    /// JSON lines with `timestamp` (ms), `input_length`, `output_length`.
    Mooncake,
    /// `hour_start_s,requests,…`: requests of each hour, spread evenly by chance.
    BurstgptHourly,
    /// `client,window_start_s,rate_rps,…`: rates of clients in windows of ten minutes.
    Servegen,
    /// `period,count`: requests of each minute.
    Worldcup,
}

/// Reads a trace up to `end`. `scale` is how many requests stand for one of the file's. Where the
/// file has no sizes, they are those of the built-in table.
///
/// # Errors
/// In words: the file, or the line that cannot be understood.
pub(crate) fn read_trace(
    path: &Path,
    format: TraceFormat,
    scale: f64,
    end: Duration,
) -> Result<Trace, String> {
    let own = |format: TraceFormat| match format {
        TraceFormat::Azure => include_str!("../../scenarios/samples/azure.csv"),
        TraceFormat::Mooncake => include_str!("../../scenarios/samples/mooncake.jsonl"),
        TraceFormat::BurstgptHourly => include_str!("../../scenarios/samples/burstgpt_hourly.csv"),
        TraceFormat::Servegen => include_str!("../../scenarios/samples/servegen.csv"),
        TraceFormat::Worldcup => include_str!("../../scenarios/samples/worldcup.csv"),
    };
    let wrong = |(line, text)| format!("`{}` line {line}: {text}", path.display());
    if path.file_name().is_some_and(|name| name == SAMPLE) {
        return parse(own(format), format, scale, end).map_err(wrong);
    }
    let named = |error| format!("cannot read `{}`: {error}", path.display());
    let bytes = fs::metadata(path).map_err(named)?.len();
    if bytes > FILE_BYTES_MAX {
        return Err(format!(
            "`{}` has {bytes} bytes; up to {FILE_BYTES_MAX} are read, so cut out a part",
            path.display()
        ));
    }
    let text = fs::read_to_string(path).map_err(named)?;
    parse(&text, format, scale, end).map_err(wrong)
}

fn parse(
    text: &str,
    format: TraceFormat,
    scale: f64,
    end: Duration,
) -> Result<Trace, (usize, &'static str)> {
    let mut dice = Dice::seeded(0x7ac3);
    let mut first = None;
    let mut trace = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let is_head = index == 0 && format != TraceFormat::Mooncake;
        if is_head || line.trim().is_empty() {
            continue;
        }
        let row = row_of(line, format)
            .ok_or((index + 1, "it is not as a line of the `format` named for it"))?;
        let first = *first.get_or_insert(row.at_s);
        let at_s = row.at_s - first;
        if at_s >= end.as_secs_f64() && format != TraceFormat::Servegen {
            break;
        }
        let count = poisson_of(&mut dice, row.count * scale, row.spread_s > 0.0);
        for _ in 0..count {
            let at = at_s + dice.fraction() * row.spread_s;
            let size = row.size.unwrap_or_else(|| Sizes::Chat.throw(&mut dice));
            if at >= 0.0 && at < end.as_secs_f64() {
                trace.push((Duration::from_secs_f64(at), size));
            }
            if trace.len() > REQUESTS_MAX {
                return Err((
                    index + 1,
                    "up to here there are more requests than a drill sends; lower `scale`",
                ));
            }
        }
    }
    trace.sort_by_key(|(at, _)| *at);
    Ok(trace)
}

/// Counts are kept where they are given and whole, and thrown where they are a rate.
fn poisson_of(dice: &mut Dice, mean: f64, of_rate: bool) -> u32 {
    if of_rate {
        return poisson(dice, mean);
    }
    let more = u32::from(dice.fraction() < mean.fract());
    mean.floor() as u32 + more
}

/// Some requests from a moment on.
struct Row {
    at_s: f64,
    spread_s: f64,
    count: f64,
    size: Option<Size>,
}

fn row_of(line: &str, format: TraceFormat) -> Option<Row> {
    let mut cells = line.split(',');
    let mut figure = || cells.next()?.trim().parse::<f64>().ok().filter(|f| f.is_finite());
    match format {
        TraceFormat::Azure => {
            let at_s = day_seconds(cells.next()?)?;
            let mut tokens = || cells.next()?.trim().parse::<u32>().ok();
            let size = Size { input_tokens: tokens()?, output_tokens: tokens()?.max(1) };
            Some(Row { at_s, spread_s: 0.0, count: 1.0, size: Some(size) })
        }
        TraceFormat::Mooncake => {
            #[derive(Deserialize)]
            struct Line {
                timestamp: f64,
                input_length: u32,
                output_length: u32,
            }
            let line: Line = serde_json::from_str(line).ok()?;
            let size =
                Size { input_tokens: line.input_length, output_tokens: line.output_length.max(1) };
            // Stamps come in bunches of three seconds; spread, one request stays one.
            let at_s = line.timestamp / 1_000.0 + exponential_of(line.timestamp, line.input_length);
            Some(Row { at_s, spread_s: 0.0, count: 1.0, size: Some(size) })
        }
        TraceFormat::BurstgptHourly => {
            let (at_s, count) = (figure()?, figure()?);
            Some(Row { at_s, spread_s: 3_600.0, count, size: None })
        }
        TraceFormat::Servegen => {
            cells.next()?;
            let mut figure = || cells.next()?.trim().parse::<f64>().ok().filter(|f| f.is_finite());
            let (at_s, rate) = (figure()?, figure()?);
            Some(Row { at_s, spread_s: 600.0, count: rate * 600.0, size: None })
        }
        TraceFormat::Worldcup => {
            let at_s = day_seconds(cells.next()?)?;
            let count = cells.next()?.trim().parse::<f64>().ok()?;
            Some(Row { at_s, spread_s: 60.0, count, size: None })
        }
    }
}

/// A spread of at most three seconds that depends on nothing but the request.
fn exponential_of(stamp: f64, input: u32) -> f64 {
    let mut dice = Dice::seeded(stamp.to_bits() ^ u64::from(input));
    exponential(&mut dice, 1.0).min(3.0)
}

/// Seconds of a stamp such as `2023-11-16 18:15:46.6805900`, from any fixed origin.
fn day_seconds(stamp: &str) -> Option<f64> {
    let (date, time) = stamp.trim().split_once(' ')?;
    let day = super::when::start(&format!("{date}T00:00Z"))?;
    let mut parts = time.split(':');
    let mut part = || parts.next()?.parse::<f64>().ok();
    Some(day as f64 + part()? * 3_600.0 + part()? * 60.0 + part()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    #[test]
    fn every_format_is_read() {
        let azure = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.68,374,44\n2023-11-16 18:15:50.68,396,109\n";
        let trace = parse(azure, TraceFormat::Azure, 1.0, HOUR).unwrap();
        assert_eq!(
            trace[1],
            (Duration::from_secs(4), Size { input_tokens: 396, output_tokens: 109 })
        );
        let mooncake = "{\"timestamp\": 0, \"input_length\": 6758, \"output_length\": 500, \"hash_ids\": [0]}\n{\"timestamp\": 60000, \"input_length\": 5, \"output_length\": 9, \"hash_ids\": []}\n";
        let trace = parse(mooncake, TraceFormat::Mooncake, 1.0, HOUR).unwrap();
        assert_eq!((trace.len(), trace[1].1.output_tokens), (2, 9));
        let burst = "hour_start_s,requests,s\n0,3600,1\n3600,9,9\n";
        let count = parse(burst, TraceFormat::BurstgptHourly, 0.5, HOUR).unwrap().len();
        assert!((1_650..1_950).contains(&count), "{count}");
        let servegen = "client,window_start_s,rate_rps,cv,p,a,b\n0,2400,0.5,6,Gamma,1,1\n1,2400,0.5,6,Gamma,1,1\n";
        let count = parse(servegen, TraceFormat::Servegen, 1.0, HOUR).unwrap().len();
        assert!((500..700).contains(&count), "{count}");
        let worldcup = "period,count\n1998-04-30 21:30:00,200\n1998-04-30 21:31:00,1100\n";
        let trace = parse(worldcup, TraceFormat::Worldcup, 1.0, HOUR).unwrap();
        let second = trace.iter().filter(|(at, _)| at.as_secs() >= 60).count();
        assert!((950..1_250).contains(&second), "{second}");
    }

    #[test]
    fn every_format_has_a_sample() {
        use TraceFormat::{Azure, BurstgptHourly, Mooncake, Servegen, Worldcup};
        for format in [Azure, Mooncake, BurstgptHourly, Servegen, Worldcup] {
            let trace = read_trace(Path::new("sample"), format, 1.0, HOUR).unwrap();
            assert!(trace.len() > 80, "{format:?}: {}", trace.len());
            assert!(trace.is_sorted_by_key(|(at, _)| *at), "{format:?}");
        }
    }

    #[test]
    fn a_wrong_line_is_named() {
        let text = "h\n2023-11-16 18:15:46.68,374,44\nnonsense\n";
        assert_eq!(parse(text, TraceFormat::Azure, 1.0, HOUR).unwrap_err().0, 3);
    }
}
