//! What is asked of the model's thinking, in the measure that the model's generation has, and the
//! output limit that goes with it.
//!
//! From generation 4.6 on an effort goes as `output_config.effort` with adaptive thinking, and a
//! budget becomes an effort (under 4,096 tokens low, under 16,384 medium, else high), but for 4.6
//! itself, which still takes budgets. Older models get a budget: minimal 1,024, low 2,048, medium
//! 8,192, high 16,384, highest 32,000 tokens, never more than half of the output limit.

use domain::{Effort, Losses, ModelCard, Reasoning};

use super::generation::Generation;
use crate::object::ObjectText;

/// The output limit where neither the caller nor the catalogue names one.
const TOKENS_USUAL: u64 = 4096;
/// The catalogue's limit is asked for up to here: a higher one ties up what no answer uses.
const TOKENS_UNASKED_MAX: u64 = 32_000;
/// Anthropic refuses smaller budgets.
const BUDGET_MIN: u64 = 1024;

/// What stands in the request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// The member `thinking`.
    pub(super) thinking: Option<String>,
    /// The word of `output_config.effort`.
    pub(super) effort: Option<&'static str>,
    /// The model thinks, so that some settings are refused.
    pub(super) on: bool,
    pub(super) tokens_max: u64,
}

/// What forbids thinking in this request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bars {
    /// A tool must be called.
    pub(super) forced_tool: bool,
    /// Tools are answered in the last turn, and the thinking behind their calls is not there.
    pub(super) headless_calls: bool,
}

/// Finds the plan, and names what it cannot keep.
pub(super) fn plan(
    reasoning: Reasoning,
    asked_max: Option<u64>,
    (generation, card): (Generation, &ModelCard),
    bars: Bars,
    losses: &mut Losses,
) -> Plan {
    let known_max = card.output_tokens_max;
    let tokens_max = match (asked_max, known_max) {
        (Some(asked), Some(known)) if asked > known => {
            losses.approximated("max_tokens");
            known
        }
        (Some(asked), _) => asked,
        (None, known) => known.unwrap_or(TOKENS_USUAL).min(TOKENS_UNASKED_MAX),
    };
    let plan = Plan { tokens_max, ..Plan::default() };
    let budget = reasoning.budget_tokens;
    if budget == Some(0) || (budget.is_none() && reasoning.effort == Some(Effort::None)) {
        let off = generation.thinks_unasked().then(|| ObjectText::of("disabled").end());
        return Plan { thinking: off, ..plan };
    }
    if budget.is_none() && reasoning.effort.is_none() {
        if reasoning.shown.is_some() {
            losses.dropped("reasoning.summary");
        }
        return plan;
    }
    let takes_budget = !generation.refuses_old_settings();
    if generation.thinks_adaptively() && !(takes_budget && budget.is_some()) {
        return adaptive(reasoning, plan, bars, losses);
    }
    if bars.forced_tool || bars.headless_calls {
        losses.dropped("reasoning_effort");
        return plan;
    }
    let effort = generation.thinks_adaptively().then_some(reasoning.effort).flatten();
    let shown = reasoning.shown;
    let limit = Limit { asked: asked_max, known: known_max };
    let mut plan = budgeted(reasoning, limit, plan, losses);
    if let (Some(budget), Some(shown)) = (&mut plan.thinking, shown) {
        let word = if shown { "summarized" } else { "omitted" };
        budget.truncate(budget.len() - 1);
        budget.push_str(&format!(r#","display":"{word}"}}"#));
    }
    plan.effort = effort.map(|effort| word(effort, losses));
    plan
}

fn adaptive(reasoning: Reasoning, plan: Plan, bars: Bars, losses: &mut Losses) -> Plan {
    let effort = match (reasoning.effort, reasoning.budget_tokens) {
        (Some(effort), budget) => {
            if budget.is_some() {
                losses.dropped("thinking.budget_tokens");
            }
            effort
        }
        (None, budget) => {
            losses.approximated("thinking.budget_tokens");
            match budget.unwrap_or_default() {
                0..4096 => Effort::Low,
                4096..16_384 => Effort::Medium,
                _ => Effort::High,
            }
        }
    };
    let effort = Some(word(effort, losses));
    if bars.forced_tool {
        losses.approximated("reasoning_effort");
        return Plan { effort, ..plan };
    }
    let display = reasoning.shown.map(|shown| if shown { "summarized" } else { "omitted" });
    let thinking = ObjectText::of("adaptive").text_if("display", display).end();
    Plan { thinking: Some(thinking), effort, on: true, ..plan }
}

fn word(effort: Effort, losses: &mut Losses) -> &'static str {
    match effort {
        Effort::None | Effort::Minimal => {
            losses.approximated("reasoning_effort");
            "low"
        }
        Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High => "high",
        Effort::Highest => "max",
    }
}

/// The output limits that somebody named.
#[derive(Debug, Clone, Copy)]
struct Limit {
    asked: Option<u64>,
    known: Option<u64>,
}

/// The output limit holds thinking and answer together, so the budget must leave room.
fn budgeted(reasoning: Reasoning, limit: Limit, plan: Plan, losses: &mut Losses) -> Plan {
    let (wanted, exact) = match (reasoning.budget_tokens, reasoning.effort) {
        (Some(budget), _) => (budget, true),
        (None, effort) => {
            let budget = match effort.unwrap_or(Effort::Medium) {
                Effort::None | Effort::Minimal => 1024,
                Effort::Low => 2048,
                Effort::Medium => 8192,
                Effort::High => 16_384,
                Effort::Highest => 32_000,
            };
            losses.approximated("reasoning_effort");
            (budget, false)
        }
    };
    let mut tokens_max = plan.tokens_max;
    if limit.asked.is_none() {
        let roomy = wanted.saturating_add(TOKENS_USUAL);
        tokens_max = tokens_max.max(limit.known.map_or(roomy, |known| roomy.min(known)));
    }
    let most = if exact { tokens_max.saturating_sub(1) } else { tokens_max / 2 };
    let budget = wanted.max(BUDGET_MIN).min(most);
    if budget < BUDGET_MIN {
        losses.dropped(if exact { "thinking.budget_tokens" } else { "reasoning_effort" });
        return plan;
    }
    if exact && budget != wanted {
        losses.approximated("thinking.budget_tokens");
    }
    let thinking = ObjectText::of("enabled").raw("budget_tokens", &budget.to_string()).end();
    Plan { thinking: Some(thinking), on: true, tokens_max, ..plan }
}
