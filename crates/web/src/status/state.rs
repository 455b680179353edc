//! How a component stands, as a glyph, a word and a class for its colour: never colour alone.

use detection::{Cause, CauseClass, Certainty, Condition, MaintenancePhase, Phase};

use super::lang::Lang;
use super::view::ComponentView;

/// A glyph with its word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    /// The name of the symbol in the page.
    pub(crate) glyph: &'static str,
    /// The class in the style sheet.
    pub(crate) class: &'static str,
    pub(crate) word: String,
}

impl State {
    /// The state of a component, with what its keeper calls it where that is said.
    pub(crate) fn of(component: &ComponentView, lang: Lang) -> Self {
        if component.certainty == Certainty::Suspected {
            return Self::suspected(lang);
        }
        let mut state = Self::of_condition(component.condition, lang);
        if let Some(said) = &component.state {
            state.word = lang.of(said).to_owned();
        }
        state
    }

    pub(crate) fn suspected(lang: Lang) -> Self {
        let word = lang.pick("Suspected", "疑似故障").to_owned();
        Self { glyph: "suspect", class: "warn", word }
    }

    pub(crate) fn of_condition(condition: Condition, lang: Lang) -> Self {
        let (glyph, class, en, zh) = match condition {
            Condition::Unknown => ("none", "none", "No data", "无数据"),
            Condition::Operational => ("ok", "ok", "Answers", "应答正常"),
            Condition::UnderMaintenance => ("maint", "maint", "Planned work", "计划维护"),
            Condition::DegradedPerformance => ("warn", "warn", "Slow", "变慢"),
            Condition::PartialOutage => ("part", "part", "Partial outage", "部分故障"),
            Condition::MajorOutage => ("down", "down", "Major outage", "重大故障"),
        };
        Self { glyph, class, word: lang.pick(en, zh).to_owned() }
    }

    /// A thing that is over.
    pub(crate) fn over(lang: Lang) -> Self {
        Self { glyph: "ok", class: "ok", word: lang.pick("Over", "已结束").to_owned() }
    }

    pub(crate) fn planned(phase: MaintenancePhase, lang: Lang) -> Self {
        let word = maintenance_phase(phase, lang).to_owned();
        match phase {
            MaintenancePhase::Completed => Self { word, ..Self::over(lang) },
            MaintenancePhase::Cancelled => Self { glyph: "none", class: "none", word },
            _ => Self { glyph: "maint", class: "maint", word },
        }
    }
}

/// How far the work on an incident is, in a word.
pub(crate) fn phase(phase: Phase, lang: Lang) -> &'static str {
    let (en, zh) = match phase {
        Phase::Investigating => ("Looking into it", "正在调查"),
        Phase::Identified => ("Cause found", "已找到原因"),
        Phase::Monitoring => ("Watching the recovery", "恢复观察中"),
        Phase::Resolved => ("Over", "已结束"),
        Phase::Postmortem => ("Looked back on", "事后复盘"),
    };
    lang.pick(en, zh)
}

/// How far planned work is, in a word.
pub(crate) fn maintenance_phase(phase: MaintenancePhase, lang: Lang) -> &'static str {
    let (en, zh) = match phase {
        MaintenancePhase::Scheduled => ("Planned", "已计划"),
        MaintenancePhase::InProgress => ("Going on", "进行中"),
        MaintenancePhase::Verifying => ("Being checked", "检查中"),
        MaintenancePhase::Completed => ("Done", "已完成"),
        MaintenancePhase::Cancelled => ("Called off", "已取消"),
    };
    lang.pick(en, zh)
}

/// Why it happened, and how sure that is.
pub(crate) fn cause(cause: &Cause, lang: Lang) -> String {
    let (en, zh) = match cause.class {
        CauseClass::ProviderOutage => ("an outage at the provider", "服务商自身的故障"),
        CauseClass::SharedDependency => (
            "an outage of something that several providers stand on",
            "多家服务商的共同依赖发生故障",
        ),
        CauseClass::FleeingUsers => {
            ("people who came over from another provider", "从其他服务商转来的人潮")
        }
        CauseClass::OurNetwork => ("our own network", "我们自己的网络"),
        CauseClass::OurKeyOrQuota => ("our own account or its limits", "我们自己的账户或限额"),
        CauseClass::AttackOnUs => ("an attack on us", "针对我们的攻击"),
        CauseClass::ClientSide => ("the readers’ side", "用户一侧"),
        CauseClass::Maintenance => ("planned work", "计划维护"),
        CauseClass::QualityLoss => ("answers that are there, but bad", "有应答，但质量下降"),
        CauseClass::Inconclusive => {
            return lang.pick("Cause: not known.", "原因：未知。").to_owned();
        }
    };
    let percent = (cause.confidence.clamp(0.0, 1.0) * 100.0).floor();
    match lang {
        Lang::En => format!("Cause: {en}, {percent:.0}\u{a0}% sure."),
        Lang::Zh => format!("原因：{zh}，把握 {percent:.0}%。"),
    }
}
