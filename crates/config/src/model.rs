//! Reads `[models.NAME]` and its ladder. Which name wins when several match is decided in
//! `resilience`.

use std::collections::BTreeSet;

use providers::Kind;
use resilience::{Clocks, LadderSpec, ModelSpec, RungModel, RungSpec};
use toml::Spanned;
use toml::de::DeValue;

use crate::keys;
use crate::mistake::{Findings, Place, did_you_mean, shown};
use crate::provider::{RESERVE, Roster, unknown_provider};
use crate::raw::{Table, text_of, wrong_type};
use crate::rooms;

/// The reserve's only model.
pub const RESERVE_MODEL: &str = "smollm2-135m";

const NAME_BYTES_MAX: usize = 256;
const STEPS_MAX: usize = 16;
const EQUALS_MAX: usize = 16;
const LADDER: &str = "an array of `provider/model`, or of arrays of them";

/// Reads every table below `[models]`. `clocks` are the defaults.
pub(crate) fn read_all(
    top: &Table<'_>,
    roster: &Roster,
    clocks: Clocks,
    findings: &mut Findings<'_>,
) -> Vec<ModelSpec> {
    let Some(value) = top.get("models") else {
        let message = "no model is configured; add [models.NAME] with a `ladder`";
        findings.lacks(Place::Whole, message);
        return Vec::new();
    };
    let Some(entries) = value.get_ref().as_table() else {
        wrong_type("models", "a table of tables such as [models.assistant]", value, findings);
        return Vec::new();
    };
    if entries.is_empty() {
        findings.lacks(Place::Text(value.span()), "[models] is empty");
    }
    let mut entries: Vec<_> = entries.iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    let mut models = Vec::new();
    for (name, value) in entries {
        let text = name.get_ref().as_ref();
        if let Err(message) = check_name(text) {
            findings.at(name.span(), message);
        }
        if is_cut_by_a_dot(text, value, findings) {
            continue;
        }
        let header = format!("models.{text}");
        let Some(table) = Table::from_value(value, &keys::MODEL, header, findings) else {
            continue;
        };
        let clocks = rooms::clocks(&table, &keys::MODEL_CLOCKS, clocks, findings);
        let ladder = ladder(&table, roster, findings);
        models.push(ModelSpec { pattern: text.into(), ladder, clocks });
    }
    models
}

fn check_name(text: &str) -> Result<(), String> {
    if text.is_empty() || text.len() > NAME_BYTES_MAX {
        return Err(format!("a model's name has 1 to {NAME_BYTES_MAX} bytes"));
    }
    if text.chars().any(char::is_control) || text.trim() != text {
        return Err(format!(
            "the model's name `{}` has control characters, or spaces at its ends",
            shown(text)
        ));
    }
    Ok(())
}

/// `[models.gpt-4.1]` without quotes is a table `1` within `gpt-4`; that deserves a sentence of its
/// own instead of an unknown key `1`.
fn is_cut_by_a_dot(name: &str, value: &Spanned<DeValue<'_>>, findings: &mut Findings<'_>) -> bool {
    let Some(entries) = value.get_ref().as_table() else {
        return false;
    };
    if entries.contains_key("ladder") {
        return false;
    }
    let mut cut = false;
    for (rest, inner) in entries.iter() {
        let mut path = format!("{name}.{}", rest.get_ref());
        let mut inner = inner.get_ref();
        // As many dots as a name can have; the loop ends at the ladder or where no table is.
        for _ in 0..STEPS_MAX {
            let Some(table) = inner.as_table() else { break };
            if table.contains_key("ladder") {
                let message =
                    format!("a name with a dot needs quotes: [models.\"{}\"]", shown(&path));
                findings.at(rest.span(), message);
                cut = true;
                break;
            }
            let Some((next, deeper)) = table.iter().next() else {
                break;
            };
            path = format!("{path}.{}", next.get_ref());
            inner = deeper.get_ref();
        }
    }
    cut
}

fn ladder(table: &Table<'_>, roster: &Roster, findings: &mut Findings<'_>) -> LadderSpec {
    table.require("ladder", findings);
    let mut reader = LadderReader { roster, seen: BTreeSet::new() };
    let mut steps = Vec::new();
    let values = table.array("ladder", LADDER, findings);
    if let Some(value) = table.get("ladder") {
        if value.get_ref().as_array().is_some_and(|array| array.is_empty()) {
            findings.at(value.span(), "the ladder has no rung");
        }
        if values.len() > STEPS_MAX {
            findings.at(value.span(), format!("a ladder has {STEPS_MAX} steps at most"));
        }
    }
    for value in values.iter().take(STEPS_MAX) {
        let step = reader.step(value, findings);
        if !step.is_empty() {
            steps.push(step);
        }
    }
    LadderSpec { steps }
}

struct LadderReader<'r> {
    roster: &'r Roster,
    seen: BTreeSet<String>,
}

impl LadderReader<'_> {
    fn step(&mut self, value: &Spanned<DeValue<'_>>, findings: &mut Findings<'_>) -> Vec<RungSpec> {
        let Some(equals) = value.get_ref().as_array() else {
            return self.rung(value, findings).into_iter().collect();
        };
        if equals.is_empty() {
            findings.at(value.span(), "a step without any rung");
        }
        if equals.len() > EQUALS_MAX {
            findings.at(value.span(), format!("a step has {EQUALS_MAX} equals at most"));
        }
        equals.iter().take(EQUALS_MAX).filter_map(|value| self.rung(value, findings)).collect()
    }

    fn rung(
        &mut self,
        value: &Spanned<DeValue<'_>>,
        findings: &mut Findings<'_>,
    ) -> Option<RungSpec> {
        let Some(text) = value.get_ref().as_str() else {
            // Only the ladder itself may hold an array.
            text_of("a rung", value, findings);
            return None;
        };
        match self.parse(text) {
            Ok(rung) => {
                if !self.seen.insert(text.to_owned()) {
                    let message = format!("`{}` is in this ladder twice", shown(text));
                    findings.at(value.span(), message);
                }
                Some(rung)
            }
            Err(Rung::Malformed(message)) => {
                findings.at(value.span(), message);
                None
            }
            Err(Rung::Unknown(message)) => {
                findings.lacks(Place::Text(value.span()), message);
                None
            }
        }
    }

    fn parse(&self, text: &str) -> Result<RungSpec, Rung> {
        let malformed = |message: String| Err(Rung::Malformed(message));
        let Some((provider, model)) = text.split_once('/') else {
            let hint = did_you_mean(text, self.roster.kinds.keys().map(|name| &**name));
            return malformed(format!("`{}` must be written `provider/model`{hint}", shown(text)));
        };
        let kind = match self.roster.kinds.get(provider) {
            Some(kind) => *kind,
            None if provider == RESERVE => Some(Kind::Reserve),
            None => return Err(Rung::Unknown(unknown_provider(provider, self.roster))),
        };
        if kind == Some(Kind::Reserve) && model != RESERVE_MODEL {
            return malformed(format!("the reserve has one model: `{provider}/{RESERVE_MODEL}`"));
        }
        let model = match model {
            "*" => RungModel::AsAsked,
            starred if starred.contains('*') => {
                return malformed(format!(
                    "in a rung `*` stands alone: `{provider}/*` asks for the name as the caller \
                     asked for it"
                ));
            }
            named => match check_name(named) {
                Ok(()) => RungModel::Named(named.into()),
                Err(message) => return malformed(message),
            },
        };
        Ok(RungSpec { provider: provider.into(), model })
    }
}

/// Why a rung is no rung.
enum Rung {
    Malformed(String),
    Unknown(String),
}
