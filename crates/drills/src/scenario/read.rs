//! Reads a scenario file and checks it; every mistake has its line.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use domain::Dialect;
use toml::Spanned;

use super::raw::{self, Text};
use super::{
    Arrivals, Crowd, Event, Expectation, Fault, Fleet, Flight, Herd, Outside, Provider, Scenario,
    Turn, Window, read_trace, when,
};
use crate::crowd::Sizes;
use crate::provider::{Capacity, QuotaSettings};

/// Alternations that one event may be spelled into.
const ALTERNATIONS_MAX: usize = 10_000;
/// Requests a second that a crowd may send.
const RATE_MAX: f64 = 2_000.0;
const POLICIES: [&str; 3] = ["single", "naive", "seawall"];

/// What is wrong with a scenario file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    pub file: String,
    pub line: usize,
    pub text: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.text)
    }
}

impl std::error::Error for Mistake {}

/// Reads a scenario; trace files are looked for beside it.
///
/// # Errors
/// The first mistake.
pub fn read(name: &str, text: &str, path: &Path) -> Result<Scenario, Mistake> {
    let reader = Reader { text, path, start_unix_s: 0 };
    let file: raw::File = toml::from_str(text).map_err(|error| {
        let span = error.span().unwrap_or_default();
        reader.mistake(span, error.message().lines().collect::<Vec<_>>().join(" "))
    })?;
    reader.scenario(name, &file)
}

pub(super) struct Reader<'a> {
    text: &'a str,
    path: &'a Path,
    start_unix_s: u64,
}

impl Reader<'_> {
    pub(super) fn mistake(&self, span: Range<usize>, text: impl Into<String>) -> Mistake {
        let before = self.text.get(..span.start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        Mistake { file: self.path.display().to_string(), line, text: text.into() }
    }

    pub(super) fn span_of(&self, text: &Text) -> Result<Duration, Mistake> {
        when::span(text.get_ref()).ok_or_else(|| {
            let said = format!("`{}` is no span such as `90s`, `2m30s` or `11h`", text.get_ref());
            self.mistake(text.span(), said)
        })
    }

    fn span_or(&self, text: Option<&Text>, default_s: u64) -> Result<Duration, Mistake> {
        text.map_or(Ok(Duration::from_secs(default_s)), |text| self.span_of(text))
    }

    pub(super) fn moment(&self, text: &Text) -> Result<Duration, Mistake> {
        when::moment(text.get_ref(), self.start_unix_s).ok_or_else(|| {
            let said = format!("`{}` is no moment such as `06:49` or `+90s`", text.get_ref());
            self.mistake(text.span(), said)
        })
    }

    pub(super) fn window(
        &self,
        from: &Text,
        until: Option<&Text>,
        end: Duration,
    ) -> Result<Window, Mistake> {
        let window = Window {
            from: self.moment(from)?,
            until: until.map_or(Ok(end), |until| self.moment(until))?,
        };
        if window.until < window.from {
            let said = format!("it begins at `{}`, after its end", from.get_ref());
            return Err(self.mistake(from.span(), said));
        }
        Ok(window)
    }

    fn scenario(mut self, name: &str, file: &raw::File) -> Result<Scenario, Mistake> {
        let start = &file.start;
        self.start_unix_s = when::start(start.get_ref()).ok_or_else(|| {
            self.mistake(start.span(), "`start` is a time such as `2024-06-04T06:30:00Z`")
        })?;
        let duration = self.span_of(&file.duration)?;
        if duration.is_zero() {
            return Err(
                self.mistake(file.duration.span(), "`duration` must be longer than nothing")
            );
        }
        for (is_missing, what) in [
            (file.providers.is_empty(), "`[providers.NAME]`"),
            (file.crowds.is_empty(), "`[[crowds]]`"),
            (file.fleet.ladder.is_empty(), "a rung in the fleet's `ladder`"),
        ] {
            if is_missing {
                return Err(self.mistake(0..0, format!("a scenario needs {what}")));
            }
        }
        let mut scenario = Scenario {
            name: name.to_owned(),
            title: file.title.clone(),
            about: file.about.trim().to_owned(),
            what_if: file.what_if,
            start_unix_s: self.start_unix_s,
            duration,
            short: Window { from: Duration::ZERO, until: duration },
            providers: file
                .providers
                .iter()
                .map(|(name, provider)| Ok((name.clone(), self.provider(provider)?)))
                .collect::<Result<_, Mistake>>()?,
            events: Vec::new(),
            flights: Vec::new(),
            crowds: Vec::new(),
            fleet: Fleet { model: String::new(), ladder: Vec::new(), settings: String::new() },
            herd: None,
            outside: Outside::default(),
            expectations: Vec::new(),
        };
        for event in &file.events {
            self.event(event, &mut scenario)?;
        }
        scenario.events.sort_by_key(|event| event.window.from);
        for flight in &file.flights {
            scenario.flights.push(self.flight(flight, &scenario)?);
        }
        for (index, crowd) in file.crowds.iter().enumerate() {
            scenario.crowds.push(self.crowd(index, crowd, duration)?);
        }
        scenario.fleet = self.fleet(&file.fleet, &scenario)?;
        scenario.herd = file.herd.as_ref().map(|herd| self.herd(herd, &scenario)).transpose()?;
        for expect in &file.expect {
            scenario.expectations.push(self.expectation(expect, duration)?);
        }
        scenario.outside = self.outside(file, &scenario)?;
        scenario.short = match &file.short {
            Some(short) => {
                let from = self.moment(&short.from)?;
                Window { from, until: from + self.span_of(&short.duration)? }
            }
            None => default_short(&scenario),
        };
        scenario.short.until = scenario.short.until.min(duration);
        Ok(scenario)
    }

    fn provider(&self, raw: &raw::Provider) -> Result<Provider, Mistake> {
        let wrong = |text: &str| Err(self.mistake(raw.slots.span(), text));
        let positive = |figure: f64| figure.is_finite() && figure > 0.0;
        let capacity = Capacity {
            slots: *raw.slots.get_ref(),
            prefill_tokens_per_s: raw.prefill_tokens_per_s.unwrap_or(8_000.0),
            decode_tokens_per_s: raw.decode_tokens_per_s.unwrap_or(50.0),
            batch_tokens_per_s: raw.batch_tokens_per_s,
            first_token_ms: raw.first_token_ms.unwrap_or(250),
            queue_max: raw.queue_max.unwrap_or(1_000),
        };
        let rates = [
            capacity.prefill_tokens_per_s,
            capacity.decode_tokens_per_s,
            capacity.batch_tokens_per_s.unwrap_or(1.0),
        ];
        if capacity.slots == 0 || !rates.into_iter().all(positive) {
            return wrong("`slots` and every `..._tokens_per_s` of a provider must be above 0");
        }
        let ambient = raw.ambient.unwrap_or(0.0);
        if !(0.0..=1.0).contains(&ambient) {
            return wrong("`ambient` must be a share of the provider's capacity, from 0 to 1");
        }
        if raw.refusal.is_some_and(|refusal| ![429, 503, 529].contains(&refusal)) {
            return wrong("`refusal` must be 429, 503 or 529");
        }
        let quota = raw.quota.as_ref();
        Ok(Provider {
            kind: raw.kind,
            capacity,
            quota: QuotaSettings {
                requests_per_min: quota.and_then(|quota| quota.requests_per_min),
                tokens_per_min: quota.and_then(|quota| quota.tokens_per_min),
                refused_count: quota.is_some_and(|quota| quota.refused_count),
                growth_max: quota.and_then(|quota| quota.growth_max),
            },
            refusal: raw.refusal,
            finishes_abandoned: raw.abandoned == Some(raw::Abandoned::Finish),
            ambient,
            world_patience: self.span_or(raw.world_patience.as_ref(), 20)?,
            is_reserve: raw.reserve,
        })
    }

    pub(super) fn known<'t>(
        &self,
        name: &'t Text,
        scenario: &Scenario,
    ) -> Result<&'t str, Mistake> {
        if scenario.providers.contains_key(name.get_ref().as_str()) {
            return Ok(name.get_ref());
        }
        let names: Vec<_> = scenario.providers.keys().map(String::as_str).collect();
        let said =
            format!("there is no provider `{}`; there are {}", name.get_ref(), names.join(", "));
        Err(self.mistake(name.span(), said))
    }

    fn event(&self, raw: &raw::Event, scenario: &mut Scenario) -> Result<(), Mistake> {
        let whole = if raw.state.is_some() {
            self.window(&raw.at, raw.until.as_ref(), scenario.duration)?
        } else {
            let at = self.moment(&raw.at)?;
            Window { from: at, until: at }
        };
        let effect = match (&raw.provider, &raw.state) {
            (None, None) => None,
            (Some(provider), Some(state)) => {
                let provider = self.known(provider, scenario)?.to_owned();
                Some((provider, self.fault(state, raw)?))
            }
            (Some(_), None) | (None, Some(_)) => {
                return Err(self.mistake(
                    raw.at.span(),
                    "an event needs both `provider` and `state`; a note for the reader has neither",
                ));
            }
        };
        let share = raw.share.unwrap_or(1.0);
        if !(0.0..=1.0).contains(&share) {
            return Err(self.mistake(raw.at.span(), "`share` must be from 0 to 1"));
        }
        let part = |window| Event { window, effect: effect.clone(), share, text: raw.why.clone() };
        let (Some(every), Some(on)) = (&raw.every, &raw.on) else {
            scenario.events.push(part(whole));
            return Ok(());
        };
        let (every, on) = (self.span_of(every)?, self.span_of(on)?);
        if on.is_zero() || on >= every {
            let said = "`on` must be longer than nothing and shorter than `every`";
            return Err(self.mistake(raw.at.span(), said));
        }
        let mut from = whole.from;
        while from < whole.until {
            scenario.events.push(part(Window { from, until: (from + on).min(whole.until) }));
            from += every;
            if scenario.events.len() > ALTERNATIONS_MAX {
                let said = format!(
                    "it goes on and off more than {ALTERNATIONS_MAX} times; make `every` longer"
                );
                return Err(self.mistake(raw.at.span(), said));
            }
        }
        Ok(())
    }

    fn fault(&self, state: &Spanned<raw::State>, raw: &raw::Event) -> Result<Fault, Mistake> {
        use raw::State as S;
        let factor = raw.factor;
        let factor_or = |default: f64| factor.unwrap_or(default);
        let takes_factor = matches!(state.get_ref(), S::BrownOut | S::Capacity | S::Acceleration);
        if factor.is_some() && !takes_factor {
            let said = "only `brown_out`, `capacity` and `acceleration` take a `factor`";
            return Err(self.mistake(state.span(), said));
        }
        if factor.is_some_and(|factor| !(0.0..=1_000.0).contains(&factor)) {
            return Err(self.mistake(state.span(), "`factor` must be from 0 to 1000"));
        }
        Ok(match state.get_ref() {
            S::Down => Fault::Down,
            S::Unreachable => Fault::Unreachable,
            S::Silent => Fault::Silent,
            S::BrownOut => Fault::BrownOut(factor_or(10.0)),
            S::Capacity => Fault::Capacity(factor_or(0.5).min(1.0)),
            S::LimitWall => Fault::LimitWall,
            S::Overloaded => Fault::Overloaded,
            S::Acceleration => Fault::Acceleration(factor_or(1.5)),
            S::Errors => Fault::Errors,
            S::EmptyStream => Fault::EmptyStream,
            S::Stall => Fault::Stall,
            S::Cut => Fault::Cut,
            S::Malformed => Fault::Malformed,
            S::SlowDns => Fault::SlowDns(Duration::from_millis(raw.delay_ms.unwrap_or(1_500))),
        })
    }

    fn flight(&self, raw: &raw::Flight, scenario: &Scenario) -> Result<Flight, Mistake> {
        if !(0.0..=10.0).contains(&raw.gain) {
            return Err(self.mistake(raw.at.span(), "`gain` must be from 0 to 10"));
        }
        Ok(Flight {
            window: self.window(&raw.at, Some(&raw.until), scenario.duration)?,
            from: raw.from.clone(),
            to: self.known(&raw.to, scenario)?.to_owned(),
            gain: raw.gain,
            lag_median: self.span_of(&raw.lag_median)?,
            back_median: self.span_or(raw.back_median.as_ref(), 900)?,
        })
    }

    fn crowd(&self, index: usize, raw: &raw::Crowd, end: Duration) -> Result<Crowd, Mistake> {
        let name = raw.name.clone().unwrap_or_else(|| format!("crowd-{}", index + 1));
        let (arrivals, sizes) = self.arrivals(&name, raw, end)?;
        Ok(Crowd {
            tenant: raw.tenant.clone().unwrap_or_else(|| name.clone()),
            name,
            arrivals,
            sizes,
            stream_share: raw.stream_share.unwrap_or(0.7).clamp(0.0, 1.0),
            dialects: self.dialects(raw.dialects.as_ref())?,
            turns: raw.turns.unwrap_or(1).clamp(1, 50),
            think: self.span_or(raw.think.as_ref(), 30)?,
            patience: self.span_or(raw.patience.as_ref(), 30)?,
            total: self.span_or(raw.total.as_ref(), 120)?,
            hang_up_share: raw.hang_up_share.unwrap_or(0.0).clamp(0.0, 1.0),
            retries: raw.retries.unwrap_or(2).min(10),
        })
    }

    fn dialects(
        &self,
        raw: Option<&Spanned<BTreeMap<String, f64>>>,
    ) -> Result<Vec<(Dialect, f64)>, Mistake> {
        let Some(raw) = raw else {
            return Ok(vec![(Dialect::OpenAiChat, 1.0)]);
        };
        let wrong = |text: String| Err(self.mistake(raw.span(), text));
        let sum: f64 = raw.get_ref().values().sum();
        let fits = |share: &f64| share.is_finite() && *share >= 0.0;
        if !raw.get_ref().values().all(fits) || sum <= 0.0 || !sum.is_finite() {
            return wrong("the shares of `dialects` are not below zero, and not all zero".into());
        }
        let mut dialects = Vec::new();
        for (name, share) in raw.get_ref() {
            let Some(dialect) = Dialect::ALL.into_iter().find(|known| known.as_str() == name)
            else {
                let known: Vec<_> = Dialect::ALL.iter().map(|known| known.as_str()).collect();
                return wrong(format!("nobody speaks `{name}`; there are {}", known.join(", ")));
            };
            dialects.push((dialect, share / sum));
        }
        Ok(dialects)
    }

    fn arrivals(
        &self,
        name: &str,
        raw: &raw::Crowd,
        end: Duration,
    ) -> Result<(Arrivals, Sizes), Mistake> {
        match (&raw.rate, &raw.trace) {
            (Some(rate), None) => {
                let fits = |rate: f64| (0.0..=RATE_MAX).contains(&rate);
                let unfit = || format!("`rate` must be from 0 to {RATE_MAX} requests a second");
                let turns = raw.turns_of_rate.iter().map(|turn| {
                    let (at, over) = (self.moment(&turn.at)?, self.span_or(turn.over.as_ref(), 0)?);
                    if !fits(turn.rate) {
                        return Err(self.mistake(turn.at.span(), unfit()));
                    }
                    Ok(Turn { at, over, per_s: turn.rate })
                });
                let mut turns = turns.collect::<Result<Vec<_>, Mistake>>()?;
                turns.sort_by_key(|turn| turn.at);
                if !fits(*rate.get_ref()) {
                    return Err(self.mistake(rate.span(), unfit()));
                }
                let cv = raw.cv.unwrap_or(1.0).clamp(0.1, 10.0);
                Ok((Arrivals::Rate { first_per_s: *rate.get_ref(), turns, cv }, Sizes::Chat))
            }
            (None, Some(trace)) => {
                let path = self.path.parent().unwrap_or(Path::new("")).join(trace.file.get_ref());
                let scale = trace.scale.unwrap_or(1.0);
                let arrivals = read_trace(&path, *trace.format.get_ref(), scale, end)
                    .map_err(|error| self.mistake(trace.file.span(), error))?;
                Ok((Arrivals::Trace(arrivals), Sizes::Chat))
            }
            (rate, _) => {
                let span = rate.as_ref().map_or(0..0, Spanned::span);
                let said = format!("the crowd `{name}` needs one of `rate` and `trace`, not both");
                Err(self.mistake(span, said))
            }
        }
    }

    fn fleet(&self, raw: &raw::Fleet, scenario: &Scenario) -> Result<Fleet, Mistake> {
        let mut ladder = Vec::new();
        for step in &raw.ladder {
            let span = step.span();
            let rungs = match step.get_ref() {
                raw::Rungs::One(rung) => vec![rung.clone()],
                raw::Rungs::Equals(rungs) => rungs.clone(),
            };
            for rung in &rungs {
                let provider = rung.split('/').next().unwrap_or_default();
                if !rung.contains('/') || !scenario.providers.contains_key(provider) {
                    let names: Vec<_> = scenario.providers.keys().map(String::as_str).collect();
                    let said = format!(
                        "`{rung}` must be `provider/model`, with a provider of this file: {}",
                        names.join(", ")
                    );
                    return Err(self.mistake(span, said));
                }
            }
            ladder.push(rungs);
        }
        let model = raw.model.clone().unwrap_or_else(|| "assistant".to_owned());
        Ok(Fleet { model, ladder, settings: raw.settings.clone() })
    }

    fn herd(&self, raw: &raw::Herd, scenario: &Scenario) -> Result<Herd, Mistake> {
        let alternates = raw.alternates.iter().map(|name| Ok(self.known(name, scenario)?.into()));
        Ok(Herd {
            home: self.known(&raw.home, scenario)?.to_owned(),
            load: raw.load,
            alternates: alternates.collect::<Result<_, Mistake>>()?,
        })
    }

    fn expectation(&self, raw: &raw::Expect, end: Duration) -> Result<Expectation, Mistake> {
        let policy = raw.policy.as_ref().map_or("seawall", |policy| policy.get_ref());
        if !POLICIES.contains(&policy) {
            let span = raw.policy.as_ref().map_or(0..0, Spanned::span);
            return Err(self.mistake(span, "`policy` must be single, naive or seawall"));
        }
        if !crate::score::is_figure(raw.figure.get_ref()) {
            let said = format!(
                "the report has no figure `{}`; it has {}",
                raw.figure.get_ref(),
                crate::score::figure_names()
            );
            return Err(self.mistake(raw.figure.span(), said));
        }
        if raw.at_least.is_none() && raw.at_most.is_none() {
            return Err(
                self.mistake(raw.figure.span(), "an expectation needs `at_least` or `at_most`")
            );
        }
        let window = match &raw.from {
            Some(from) => Some(self.window(from, raw.until.as_ref(), end)?),
            None => None,
        };
        Ok(Expectation {
            name: raw.name.clone(),
            policy: policy.to_owned(),
            figure: raw.figure.get_ref().clone(),
            at_least: raw.at_least,
            at_most: raw.at_most,
            window,
        })
    }
}

/// From a minute before the first fault, for six minutes.
fn default_short(scenario: &Scenario) -> Window {
    let first = scenario.events.iter().find(|event| event.effect.is_some());
    let first = first.map_or(Duration::ZERO, |event| event.window.from);
    let from = first.saturating_sub(Duration::from_secs(60));
    Window { from, until: from + Duration::from_secs(360) }
}
