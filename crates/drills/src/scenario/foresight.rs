//! What a story expects of verdicts, incidents and advice: how it is checked that it can be meant.
//! Whether it came out is judged in `score`.

use std::time::Duration;

use detection::{CauseClass, Certainty, ComponentId, Health};

use super::Window;
use super::raw::{self, Text};
use super::read::{Mistake, Reader};

/// One expectation.
#[derive(Debug, Clone, PartialEq)]
pub struct Foreseen {
    pub name: String,
    pub what: Foresight,
}

/// What is expected.
#[derive(Debug, Clone, PartialEq)]
pub enum Foresight {
    /// A verdict at least so sure must come within the window, or must not.
    Verdict {
        component: ComponentId,
        certainty: Certainty,
        state: Option<Health>,
        cause: Option<CauseClass>,
        window: Window,
        never: bool,
    },
    /// So many incidents of parts whose id begins so.
    Count { of: String, count: u32 },
    /// The nth of them, from 1 on.
    Incident { of: String, number: usize, cause: Option<CauseClass>, lag: (Duration, Duration) },
    /// The lowest share of its ramp that a provider was left within the window.
    Advice { provider: String, at_least: f64, at_most: f64, window: Window },
}

/// No page is later in any story.
const LAG_MAX: Duration = Duration::from_secs(14 * 86_400);

impl Reader<'_> {
    pub(super) fn foreseen(
        &self,
        file: &raw::File,
        end: Duration,
    ) -> Result<Vec<Foreseen>, Mistake> {
        let mut all = Vec::new();
        for raw in &file.lookout.verdicts {
            all.push(Foreseen { name: raw.name.clone(), what: self.verdict(raw, end)? });
        }
        for raw in &file.lookout.incidents {
            let of = raw.of.get_ref().clone();
            if let Some(count) = raw.count {
                let what = Foresight::Count { of: of.clone(), count };
                all.push(Foreseen { name: raw.name.clone(), what });
            }
            let is_of_one = raw.cause.is_some()
                || raw.lag_at_least.is_some()
                || raw.lag_at_most.is_some()
                || raw.number.is_some();
            if is_of_one {
                all.push(Foreseen { name: raw.name.clone(), what: self.incident(raw, of)? });
            } else if raw.count.is_none() {
                let said = "`[[lookout.incidents]]` needs `count`, `cause` or a lag";
                return Err(self.mistake(raw.of.span(), said));
            }
        }
        for raw in &file.lookout.advice {
            let what = Foresight::Advice {
                provider: raw.provider.get_ref().clone(),
                at_least: raw.at_least.unwrap_or(0.0),
                at_most: raw.at_most.unwrap_or(1.0),
                window: self.span_from(raw.from.as_ref(), raw.until.as_ref(), end)?,
            };
            all.push(Foreseen { name: raw.name.clone(), what });
        }
        Ok(all)
    }

    fn verdict(&self, raw: &raw::Verdict, end: Duration) -> Result<Foresight, Mistake> {
        let mut window = self.span_from(raw.from.as_ref(), raw.until.as_ref(), end)?;
        if let Some(within) = &raw.within {
            window.until = (window.from + self.span_of(within)?).min(end);
        }
        let certainty = raw.certainty.as_ref();
        Ok(Foresight::Verdict {
            component: ComponentId::new(raw.component.get_ref().as_str()),
            certainty: self
                .word(certainty, Certainty::of, &Certainty::ALL.map(Certainty::as_str))?
                .unwrap_or(Certainty::Confirmed),
            state: self.word(raw.state.as_ref(), Health::of, &Health::ALL.map(Health::as_str))?,
            cause: self.cause(raw.cause.as_ref())?,
            window,
            never: raw.never,
        })
    }

    fn incident(&self, raw: &raw::Incidents, of: String) -> Result<Foresight, Mistake> {
        let lag = |text: &Option<Text>, default| {
            text.as_ref().map_or(Ok(default), |text| self.span_of(text))
        };
        Ok(Foresight::Incident {
            of,
            number: raw.number.unwrap_or(1).max(1),
            cause: self.cause(raw.cause.as_ref())?,
            lag: (lag(&raw.lag_at_least, Duration::ZERO)?, lag(&raw.lag_at_most, LAG_MAX)?),
        })
    }

    fn cause(&self, text: Option<&Text>) -> Result<Option<CauseClass>, Mistake> {
        self.word(text, CauseClass::of, &CauseClass::ALL.map(CauseClass::as_str))
    }

    fn span_from(
        &self,
        from: Option<&Text>,
        until: Option<&Text>,
        end: Duration,
    ) -> Result<Window, Mistake> {
        match from {
            Some(from) => self.window(from, until, end),
            None => Ok(Window {
                from: Duration::ZERO,
                until: until.map_or(Ok(end), |until| self.moment(until))?,
            }),
        }
    }

    /// A word of a closed set.
    fn word<T>(
        &self,
        text: Option<&Text>,
        of: impl Fn(&str) -> Option<T>,
        known: &[&str],
    ) -> Result<Option<T>, Mistake> {
        let Some(text) = text else { return Ok(None) };
        of(text.get_ref()).map(Some).ok_or_else(|| {
            let said = format!("`{}` is none of {}", text.get_ref(), known.join(", "));
            self.mistake(text.span(), said)
        })
    }
}
