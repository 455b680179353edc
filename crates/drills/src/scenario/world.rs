//! What is to be heard of a day beside the traffic: providers' own pages, people's reports, probes,
//! and whether our own line stands. Plain data; who tells it to the product is in `replay`.

use std::time::Duration;

use detection::{Capability, ComponentId, Condition};
use serde::Deserialize;

use super::raw;
use super::read::{Mistake, Reader};
use super::{Foreseen, Scenario, Window};

/// Reports of one kind about one part, in a minute.
const PER_MIN_MAX: f64 = 500.0;

/// Everything outside of the traffic.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outside {
    pub posts: Vec<PagePost>,
    pub reports: Vec<ReportFlow>,
    pub probes: Vec<Probed>,
    /// When our own line is cut. Where it is told, canaries are sent out.
    pub cuts: Vec<Window>,
    /// What is expected of verdicts, incidents and advice.
    pub foreseen: Vec<Foreseen>,
}

/// A provider's page tells of trouble, from one moment to another.
#[derive(Debug, Clone, PartialEq)]
pub struct PagePost {
    pub window: Window,
    pub component: ComponentId,
    /// `None` for a post that is written when all is over: the part was green all the time.
    pub condition: Option<Condition>,
    pub title: String,
    /// The moment that it carries.
    pub dated: Duration,
}

/// What people complain of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Complaint {
    #[default]
    Errors,
    Slow,
    CannotLogIn,
    WrongAnswers,
    OverCapacity,
    Other,
}

/// People who report.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportFlow {
    pub window: Window,
    pub component: ComponentId,
    pub per_min: f64,
    pub complaint: Complaint,
}

/// A part that is probed, and the simulated provider that answers for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Probed {
    pub component: ComponentId,
    pub provider: String,
}

impl Outside {
    /// Keeps what touches the short form, of which nothing is expected.
    pub(super) fn shorten(
        &mut self,
        clip: impl Fn(Window) -> Window,
        touches: impl Fn(&Window) -> bool,
    ) {
        self.posts.retain(|post| touches(&post.window));
        for post in &mut self.posts {
            post.window = clip(post.window);
            post.dated = clip(Window { from: post.dated, until: post.dated }).from;
        }
        self.reports.retain(|flow| touches(&flow.window));
        self.reports.iter_mut().for_each(|flow| flow.window = clip(flow.window));
        self.foreseen.clear();
        self.cuts.iter_mut().for_each(|cut| *cut = clip(*cut));
    }
}

impl Reader<'_> {
    /// A part of a provider of this story, such as `openai/app`.
    pub(super) fn part(
        &self,
        text: &raw::Text,
        scenario: &Scenario,
    ) -> Result<ComponentId, Mistake> {
        let known = text.get_ref().split_once('/').filter(|(provider, capability)| {
            scenario.providers.contains_key(*provider) && Capability::of(capability).is_some()
        });
        known.map(|_| ComponentId::new(text.get_ref().as_str())).ok_or_else(|| {
            let words: Vec<_> = Capability::ALL.iter().map(|known| known.as_str()).collect();
            let said = format!(
                "`{}` is no part such as `openai/app`: a provider of this file and one of {}",
                text.get_ref(),
                words.join(", ")
            );
            self.mistake(text.span(), said)
        })
    }

    pub(super) fn outside(
        &self,
        file: &raw::File,
        scenario: &Scenario,
    ) -> Result<Outside, Mistake> {
        let end = scenario.duration;
        let posts = file.lookout.pages.iter().map(|raw| self.post(raw, scenario));
        let reports = file.lookout.reports.iter().map(|raw| {
            if !(0.0..=PER_MIN_MAX).contains(&raw.per_min) {
                let said = format!("`per_min` must be from 0 to {PER_MIN_MAX}");
                return Err(self.mistake(raw.at.span(), said));
            }
            Ok(ReportFlow {
                window: self.window(&raw.at, Some(&raw.until), end)?,
                component: self.part(&raw.component, scenario)?,
                per_min: raw.per_min,
                complaint: raw.kind.unwrap_or_default(),
            })
        });
        let probes = file.lookout.probes.iter().map(|raw| {
            Ok(Probed {
                component: self.part(&raw.component, scenario)?,
                provider: self.known(&raw.provider, scenario)?.to_owned(),
            })
        });
        let cuts =
            file.lookout.own_network.iter().map(|raw| self.window(&raw.at, Some(&raw.until), end));
        Ok(Outside {
            posts: posts.collect::<Result<_, Mistake>>()?,
            reports: reports.collect::<Result<_, Mistake>>()?,
            probes: probes.collect::<Result<_, Mistake>>()?,
            cuts: cuts.collect::<Result<_, Mistake>>()?,
            foreseen: self.foreseen(file, end)?,
        })
    }

    fn post(&self, raw: &raw::Page, scenario: &Scenario) -> Result<PagePost, Mistake> {
        let condition = match &raw.condition {
            None => None,
            Some(text) => match Condition::of(text.get_ref()) {
                Condition::Unknown => {
                    let words: Vec<_> =
                        Condition::ALL.iter().skip(1).map(|known| known.as_str()).collect();
                    let said = format!("`condition` must be one of {}", words.join(", "));
                    return Err(self.mistake(text.span(), said));
                }
                condition => Some(condition),
            },
        };
        let window = self.window(&raw.at, raw.until.as_ref(), scenario.duration)?;
        Ok(PagePost {
            window,
            component: self.part(&raw.component, scenario)?,
            condition,
            title: raw.title.clone(),
            dated: raw.dated.as_ref().map_or(Ok(window.from), |dated| self.moment(dated))?,
        })
    }
}
