//! Reads public traces of real arrivals as a crowd. Formats are those of the published files; a
//! compressed file is unpacked by whoever has it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use clock::Dice;
use serde::Deserialize;

use crate::crowd::{Size, Sizes, exponential, gamma, poisson};

/// Bytes of a trace file that are read.
const FILE_BYTES_MAX: u64 = 512 << 20;
/// Requests that one trace may become.
const REQUESTS_MAX: usize = 5_000_000;

/// Bounds of a client's unevenness. Published windows reach 166; one in a thousand is above 50.
const CV_MIN: f64 = 0.1;
const CV_MAX: f64 = 50.0;

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
    /// `client,window_start_s,rate_rps,cv,…`: the rate of each client in windows of ten minutes, and
    /// how uneven its gaps are. The clients' windows stand one client after another.
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
    let origin_s = origin_s(text, format);
    let mut trace = Vec::new();
    for (index, line) in rows(text, format) {
        let row = row_of(line, format)
            .ok_or((index + 1, "it is not as a line of the `format` named for it"))?;
        let at_s = row.at_s - origin_s;
        if at_s >= end.as_secs_f64() && format != TraceFormat::Servegen {
            break;
        }
        for after_s in row.moments(scale, &mut dice) {
            let at = at_s + after_s;
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

/// The lines that are rows, with their index.
fn rows(text: &str, format: TraceFormat) -> impl Iterator<Item = (usize, &str)> {
    let heads = usize::from(format != TraceFormat::Mooncake);
    text.lines().enumerate().skip(heads).filter(|(_, line)| !line.trim().is_empty())
}

/// The moment with which the trace begins.
fn origin_s(text: &str, format: TraceFormat) -> f64 {
    let mut moments = rows(text, format).filter_map(|(_, line)| Some(row_of(line, format)?.at_s));
    match format {
        TraceFormat::Servegen => moments.fold(f64::INFINITY, f64::min),
        _ => moments.next().unwrap_or_default(),
    }
}

/// Some requests from a moment on.
struct Row {
    at_s: f64,
    coming: Coming,
    size: Option<Size>,
}

/// How the requests of a row follow each other.
enum Coming {
    One,
    /// So many, each at some moment of the span.
    Many {
        count: f64,
        span_s: f64,
    },
    /// A flow through the span; the gaps have this coefficient of variation.
    Flow {
        per_s: f64,
        cv: f64,
        span_s: f64,
    },
}

impl Row {
    /// Seconds after the row's own moment at which requests come, in no order. One of the file is
    /// `scale` of the crowd; parts of one are thrown.
    fn moments(&self, scale: f64, dice: &mut Dice) -> Vec<f64> {
        match self.coming {
            Coming::One => {
                let more = usize::from(dice.fraction() < scale.fract());
                vec![0.0; scale.floor() as usize + more]
            }
            Coming::Many { count, span_s } => {
                let count = poisson(dice, count * scale);
                (0..count).map(|_| dice.fraction() * span_s).collect()
            }
            Coming::Flow { per_s, cv, span_s } => flow(dice, per_s * scale, cv, span_s),
        }
    }
}

/// Moments with Gamma gaps. The first one is what is left of a gap that began before, else uneven
/// flows would bring too many: long gaps are the likeliest to be met, and where in them is even.
fn flow(dice: &mut Dice, per_s: f64, cv: f64, span_s: f64) -> Vec<f64> {
    let mut moments = Vec::new();
    if per_s <= 0.0 {
        return moments;
    }
    let mean_s = 1.0 / per_s;
    let met = 1.0 + cv * cv;
    let mut at = gamma(dice, mean_s * met, cv / met.sqrt()) * dice.fraction();
    while at < span_s && moments.len() <= REQUESTS_MAX {
        moments.push(at);
        at += gamma(dice, mean_s, cv);
    }
    moments
}

fn row_of(line: &str, format: TraceFormat) -> Option<Row> {
    let mut cells = line.split(',');
    let mut figure = || cells.next()?.trim().parse::<f64>().ok().filter(|f| f.is_finite());
    match format {
        TraceFormat::Azure => {
            let at_s = day_seconds(cells.next()?)?;
            let mut tokens = || cells.next()?.trim().parse::<u32>().ok();
            let size = Size { input_tokens: tokens()?, output_tokens: tokens()?.max(1) };
            Some(Row { at_s, coming: Coming::One, size: Some(size) })
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
            Some(Row { at_s, coming: Coming::One, size: Some(size) })
        }
        TraceFormat::BurstgptHourly => {
            let (at_s, count) = (figure()?, figure()?);
            Some(Row { at_s, coming: Coming::Many { count, span_s: 3_600.0 }, size: None })
        }
        TraceFormat::Servegen => {
            cells.next()?;
            let mut figure = || cells.next()?.trim().parse::<f64>().ok().filter(|f| f.is_finite());
            let (at_s, per_s, cv) = (figure()?, figure()?, figure()?.clamp(CV_MIN, CV_MAX));
            Some(Row { at_s, coming: Coming::Flow { per_s, cv, span_s: 600.0 }, size: None })
        }
        TraceFormat::Worldcup => {
            let at_s = day_seconds(cells.next()?)?;
            let count = cells.next()?.trim().parse::<f64>().ok()?;
            Some(Row { at_s, coming: Coming::Many { count, span_s: 60.0 }, size: None })
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
        // The second client's windows come after the first's and begin before.
        let servegen = "client,window_start_s,rate_rps,cv,p,a,b\n0,2400,0.5,1,Gamma,1,1\n1,1800,0.5,2,Weibull,1,1\n1,2400,0.5,1,Gamma,1,1\n";
        let trace = parse(servegen, TraceFormat::Servegen, 1.0, HOUR).unwrap();
        let early = trace.iter().filter(|(at, _)| at.as_secs() < 600).count();
        assert!((200..400).contains(&early), "{early}");
        assert!((500..700).contains(&(trace.len() - early)), "{}", trace.len());
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

    #[test]
    fn an_uneven_flow_brings_as_many_and_in_bursts() {
        let mut dice = Dice::seeded(5);
        let counts: Vec<f64> =
            (0..4_000).map(|_| flow(&mut dice, 0.1, 4.0, 600.0).len() as f64).collect();
        let mean = counts.iter().sum::<f64>() / 4_000.0;
        assert!((mean / 60.0 - 1.0).abs() < 0.05, "{mean}");
        let variance = counts.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / 4_000.0;
        // Poisson's would be as large as the mean; for long spans it is the mean times 16.
        assert!(variance > 8.0 * mean, "{variance}");
        assert!(flow(&mut dice, 0.0, 1.0, 600.0).is_empty());
    }

    /// A published file, unpacked, where the recordings lie beside the clone.
    fn published(name: &str) -> Option<String> {
        let named = std::env::vars().find(|(name, _)| name == "SEAWALL_FIXTURES");
        let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures");
        let folder = named.map_or_else(beside, |(_, path)| Path::new(&path).to_owned());
        let file = folder.join("data").join(name);
        if !file.is_file() {
            return None;
        }
        if !name.ends_with(".gz") {
            return fs::read_to_string(file).ok();
        }
        let unpacked = std::process::Command::new("gzip").arg("-dc").arg(file).output().ok()?;
        String::from_utf8(unpacked.stdout).ok()
    }

    #[test]
    fn the_published_files_are_read_whole() {
        use TraceFormat::{Azure, BurstgptHourly, Mooncake, Servegen, Worldcup};
        let day = Duration::from_secs(86_400);
        // Requests in the first so many seconds, as counted in the files by other means.
        for (name, format, scale, end, count) in [
            ("llm_traces/AzureLLMInferenceTrace_conv_2023.csv.gz", Azure, 1.0, day, 19_366.0),
            ("llm_traces/mooncake_conversation_trace.jsonl.gz", Mooncake, 1.0, day, 12_031.0),
            ("llm_traces/burstgpt1_hourly_days00_30.csv", BurstgptHourly, 0.1, day * 31, 74_314.0),
            ("llm_traces/servegen_deepseek-r1_clients_day.csv.gz", Servegen, 0.1, day, 138_367.0),
            ("llm_traces/servegen_m-small_clients_week1.csv.gz", Servegen, 0.01, HOUR, 28_504.0),
            (
                "surges/worldcup98_requests_per_minute_apr30_jun25.csv.gz",
                Worldcup,
                0.1,
                day,
                117_793.0,
            ),
        ] {
            let Some(text) = published(name) else {
                eprintln!("{name} is not there: skipped (set SEAWALL_FIXTURES)");
                continue;
            };
            let read = parse(&text, format, scale, end).unwrap().len() as f64;
            assert!((read / count - 1.0).abs() < 0.03, "{name}: {read} instead of {count}");
        }
    }
}
