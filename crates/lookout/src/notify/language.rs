//! The languages of letters, and the words that they have of their own. What an incident says was
//! written elsewhere; what has a Chinese counterpart there is told in Chinese here.

use std::borrow::Cow;

use clock::UnixMs;
use clock::calendar::Date;
use detection::{Impact, in_chinese};

use super::story::words;
use crate::feeds::moment::to_mail_date;

const DAY_MS: u64 = 86_400_000;

/// A language of letters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Language {
    #[default]
    English,
    /// 简体中文
    Chinese,
}

impl Language {
    /// The language of a tag such as `zh-Hans`; English for all that no letter is written in.
    pub fn of(tag: &str) -> Self {
        let main = tag.split(['-', '_']).next().unwrap_or_default();
        if main.eq_ignore_ascii_case("zh") { Self::Chinese } else { Self::English }
    }

    /// What a link of ours ends with, so that its page speaks the same.
    pub fn of_link(self) -> &'static str {
        self.pick("", "&lang=zh-Hans")
    }

    pub(super) fn pick<T>(self, english: T, chinese: T) -> T {
        match self {
            Self::English => english,
            Self::Chinese => chinese,
        }
    }

    /// What Seawall wrote in this language; what somebody else wrote stays as it is.
    pub(super) fn said(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::English => Cow::Borrowed(text),
            Self::Chinese => in_chinese(text).map_or(Cow::Borrowed(text), Cow::Owned),
        }
    }

    /// The word for how far an incident or planned work is.
    pub(super) fn status(self, status: &'static str) -> Cow<'static, str> {
        let chinese = match (self, status) {
            (Self::Chinese, "investigating") => "正在调查",
            (Self::Chinese, "identified") => "已找到原因",
            (Self::Chinese, "monitoring") => "恢复观察中",
            (Self::Chinese, "resolved") => "已结束",
            (Self::Chinese, "postmortem") => "事后复盘",
            (Self::Chinese, "scheduled") => "已计划",
            (Self::Chinese, "in_progress") => "进行中",
            (Self::Chinese, "verifying") => "检查中",
            (Self::Chinese, "completed") => "已完成",
            (Self::Chinese, "cancelled") => "已取消",
            _ => return Cow::Owned(words(status)),
        };
        Cow::Borrowed(chinese)
    }

    /// The word for an impact; none for what hurts nobody.
    pub(super) fn impact(self, impact: Impact) -> Option<&'static str> {
        let chinese = match impact {
            Impact::None | Impact::Maintenance => return None,
            Impact::Minor => "变慢或部分故障",
            Impact::Major => "重大故障",
            Impact::Critical => "全面故障",
        };
        Some(self.pick(impact.as_str(), chinese))
    }

    /// A moment, in UTC.
    pub(super) fn moment(self, at: UnixMs) -> String {
        if self == Self::English {
            return to_mail_date(at);
        }
        let date = Date::of_day(i64::try_from(at.as_millis() / DAY_MS).unwrap_or(i64::MAX));
        let minutes = at.as_seconds() / 60 % 1_440;
        let (hour, minute) = (minutes / 60, minutes % 60);
        format!("{} 年 {} 月 {} 日 {hour:02}:{minute:02} UTC", date.year, date.month, date.day)
    }
}

#[cfg(test)]
mod tests {
    use detection::{MaintenancePhase, Phase};

    use super::*;

    #[test]
    fn every_status_has_a_chinese_word() {
        let phases = Phase::ALL.map(Phase::as_str);
        let works = MaintenancePhase::ALL.map(MaintenancePhase::as_str);
        for status in phases.into_iter().chain(works) {
            let said = Language::Chinese.status(status);
            assert!(!said.bytes().any(|byte| byte.is_ascii_alphabetic()), "{status}: {said}");
            assert!(Language::English.status(status).is_ascii());
        }
    }

    #[test]
    fn a_tag_is_read_and_a_moment_told() {
        for (tag, wanted) in [
            ("zh-Hans", Language::Chinese),
            ("ZH_tw", Language::Chinese),
            ("en", Language::English),
            ("", Language::English),
            ("zhx", Language::English),
        ] {
            assert_eq!(Language::of(tag), wanted, "{tag}");
        }
        let at = UnixMs::new(1_717_510_455_000);
        assert_eq!(Language::Chinese.moment(at), "2024 年 6 月 4 日 14:14 UTC");
        assert_eq!(Language::English.moment(at), to_mail_date(at));
    }
}
