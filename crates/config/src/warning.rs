//! What is allowed and still worth a second look: ladders that protect less than they seem to.

use std::collections::BTreeMap;
use std::fmt;

use providers::Kind;
use resilience::{ModelSpec, RungModel, RungSpec};

use crate::base_url;
use crate::listen::is_loopback;
use crate::mixture;
use crate::settings::{Settings, Source};

/// One sentence, without a full stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    pub message: Box<str>,
}

impl Warning {
    pub(crate) fn new(message: impl Into<Box<str>>) -> Self {
        Self { message: message.into() }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Everything worth a second look, in a fixed order.
pub fn warnings(settings: &Settings) -> Vec<Warning> {
    let mut said = settings.notes.clone();
    let mut say = |message: String| said.push(Warning::new(message));
    doors(settings, &mut say);
    for model in &settings.models {
        // What was found by the environment is as good as it can be without a file.
        if settings.source != Source::Environment {
            ladder(model, settings, &mut say);
            mixture::warn(model, settings, &mut say);
        }
    }
    if settings.steadiness.failover.hold_tool_calls && !settings.steadiness.failover.takeover {
        say("`hold_tool_calls` does nothing with `takeover = false`".to_owned());
    }
    recall(settings, &mut say);
    shadowed(&settings.models, &mut say);
    unused(settings, &mut say);
    said
}

fn doors(settings: &Settings, say: &mut impl FnMut(String)) {
    if !is_loopback(settings.listen.gateway) && settings.listen.tls.is_none() {
        say(format!(
            "gateway {} has no TLS: callers' keys travel in the clear unless a proxy before it \
             speaks TLS",
            settings.listen.gateway
        ));
    }
    for provider in &settings.providers {
        if base_url::sends_keys_in_the_clear(&provider.base_url) {
            say(format!(
                "provider `{}`: prompts and keys travel in the clear over http",
                provider.name
            ));
        }
    }
    if settings.request_log.payloads {
        say("the request log holds what callers write and what they are answered".to_owned());
    }
}

fn recall(settings: &Settings, say: &mut impl FnMut(String)) {
    let recall = &settings.steadiness.recall;
    if !recall.enabled {
        return;
    }
    if recall.fresh_ms_max == 0 && !recall.stale {
        say("`[recall]` keeps answers that it never gives: allow `stale` or set `fresh_ms_max`"
            .into());
    }
    if recall.fresh_ms_max > 0 {
        say("`[recall] fresh_ms_max`: who asks the same twice is given the same answer twice"
            .into());
    }
}

fn ladder(model: &ModelSpec, settings: &Settings, say: &mut impl FnMut(String)) {
    let steps = &model.ladder.steps;
    let rungs: Vec<&RungSpec> = steps.iter().flatten().collect();
    let name = &model.pattern;
    if let [only] = rungs.as_slice() {
        say(format!(
            "model `{name}` has one rung, `{}`: when it fails, nothing answers",
            written(only)
        ));
    }
    let attempts = usize::try_from(settings.steadiness.failover.attempts_max).unwrap_or(usize::MAX);
    if steps.len() > attempts
        && let Some(rung) = steps.get(attempts).and_then(|step| step.first())
    {
        say(format!(
            "model `{name}`: with attempts_max = {attempts}, `{}` is reached only if rungs before \
             it are skipped",
            written(rung)
        ));
    }
    for (index, step) in steps.iter().enumerate() {
        let reserve = step.iter().any(|rung| is_reserve(rung, settings));
        if reserve && step.len() > 1 {
            say(format!(
                "model `{name}`: the reserve is one of several equals and will get its share of \
                 the healthy traffic"
            ));
        }
        if reserve && index + 1 < steps.len() {
            say(format!(
                "model `{name}`: the reserve stands before other rungs; it is meant to be last"
            ));
        }
    }
    shared_hosts(name, &rungs, settings, say);
}

/// Rungs at one host fall together.
fn shared_hosts(
    name: &str,
    rungs: &[&RungSpec],
    settings: &Settings,
    say: &mut impl FnMut(String),
) {
    let mut by_host: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for rung in rungs {
        let provider = settings.providers.iter().find(|provider| provider.name == rung.provider);
        if let Some(host) = provider.and_then(|provider| base_url::host(&provider.base_url)) {
            by_host.entry(host).or_default().push(format!("`{}`", written(rung)));
        }
    }
    for (host, together) in by_host {
        if together.len() > 1 {
            say(format!(
                "model `{name}`: {} stand on {host} and fall together",
                together.join(", ")
            ));
        }
    }
}

/// Of two patterns that match a name the more particular wins: the one with the longer text before
/// its first `*`, then the one with more text in all. If they are equal in both, the earlier wins,
/// and a later one that matches nothing else is never used.
fn shadowed(models: &[ModelSpec], say: &mut impl FnMut(String)) {
    let weight = |pattern: &str| {
        let stars = pattern.bytes().filter(|byte| *byte == b'*').count();
        pattern.find('*').map(|before| (before, pattern.len() - stars))
    };
    for (index, later) in models.iter().enumerate() {
        let Some(own) = weight(&later.pattern) else {
            continue;
        };
        let by = models.iter().take(index).find(|earlier| {
            weight(&earlier.pattern) == Some(own) && covers(&earlier.pattern, &later.pattern)
        });
        if let Some(by) = by {
            say(format!(
                "model `{}` is never used: `{}` stands before it and matches all of it",
                later.pattern, by.pattern
            ));
        }
    }
}

/// True if every name that `narrow` matches is matched by `wide` too: `wide` must match `narrow`
/// itself, where a `*` of `narrow` can only be matched by one of `wide`.
fn covers(wide: &str, narrow: &str) -> bool {
    let (wide, narrow) = (wide.as_bytes(), narrow.as_bytes());
    let (mut at, mut from) = (0, 0);
    // Where to go on after a mismatch: behind the last `*` of `wide`, one byte further in `narrow`.
    let mut again: Option<(usize, usize)> = None;
    while from < narrow.len() {
        match (wide.get(at), narrow.get(from)) {
            (Some(b'*'), _) => {
                again = Some((at + 1, from));
                at += 1;
            }
            (Some(a), Some(b)) if a == b && *b != b'*' => {
                at += 1;
                from += 1;
            }
            _ => match again {
                Some((after, taken)) => {
                    at = after;
                    from = taken + 1;
                    again = Some((after, from));
                }
                None => return false,
            },
        }
    }
    wide.get(at..).is_none_or(|rest| rest.iter().all(|byte| *byte == b'*'))
}

fn unused(settings: &Settings, say: &mut impl FnMut(String)) {
    for provider in &settings.providers {
        let mut rungs =
            settings.models.iter().flat_map(|model| model.ladder.steps.iter().flatten());
        if !rungs.any(|rung| rung.provider == provider.name) {
            say(format!(
                "provider `{0}` is in no ladder; it answers only to names such as `{0}/MODEL`",
                provider.name
            ));
        }
    }
}

fn is_reserve(rung: &RungSpec, settings: &Settings) -> bool {
    settings
        .providers
        .iter()
        .any(|provider| provider.name == rung.provider && provider.kind == Kind::Reserve)
}

/// A rung as in the file.
pub(crate) fn written(rung: &RungSpec) -> String {
    match &rung.model {
        RungModel::Named(model) => format!("{}/{model}", rung.provider),
        RungModel::AsAsked => format!("{}/*", rung.provider),
    }
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn a_pattern_covers_what_it_matches_whole() {
        for (wide, narrow) in [
            ("*", "a*"),
            ("a*", "a*b"),
            ("a*b*", "a*b"),
            ("a*b*", "a*xb*"),
            ("a**", "a*"),
            ("*a*", "a*a"),
        ] {
            assert!(covers(wide, narrow), "{wide} {narrow}");
        }
        for (wide, narrow) in [
            ("a*", "*"),
            ("a*b", "a*"),
            ("a*b", "a*b*"),
            ("a*b*", "a*"),
            ("ab", "a*"),
            ("a*c*", "a*b*"),
        ] {
            assert!(!covers(wide, narrow), "{wide} {narrow}");
        }
    }
}
