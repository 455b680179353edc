//! Dates, times and spans as the status page and its interfaces spell them, all in UTC. Which moment
//! is meant is not known here.

use clock::UnixMs;

use super::lang::Lang;

pub(crate) const DAY_MS: u64 = 86_400_000;
const MINUTE_MS: u64 = 60_000;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] =
    ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];
const WEEKDAYS_ZH: [&str; 7] =
    ["星期四", "星期五", "星期六", "星期日", "星期一", "星期二", "星期三"];

/// A day of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Date {
    pub(crate) year: u64,
    /// From 1.
    pub(crate) month: u64,
    pub(crate) day: u64,
}

impl Date {
    /// The day of a moment.
    pub(crate) fn of(at: UnixMs) -> Self {
        let day = i64::try_from(at.as_millis() / DAY_MS).unwrap_or(i64::MAX);
        let date = clock::calendar::Date::of_day(day);
        let [year, month, day] =
            [date.year, date.month, date.day].map(|part| u64::try_from(part).unwrap_or_default());
        Self { year, month, day }
    }

    fn month_name(self) -> &'static str {
        let index = usize::try_from(self.month.saturating_sub(1)).unwrap_or_default();
        MONTHS.get(index).copied().unwrap_or_default()
    }

    /// `4 Jun`, `6月4日`.
    pub(crate) fn short(self, lang: Lang) -> String {
        match lang {
            Lang::En => format!("{} {}", self.day, self.month_name().get(..3).unwrap_or_default()),
            Lang::Zh => format!("{}月{}日", self.month, self.day),
        }
    }

    /// `4 June`, `6 月 4 日`.
    pub(crate) fn plain(self, lang: Lang) -> String {
        match lang {
            Lang::En => format!("{} {}", self.day, self.month_name()),
            Lang::Zh => format!("{} 月 {} 日", self.month, self.day),
        }
    }

    /// `June 2024`, `2024 年 6 月`.
    pub(crate) fn month_and_year(self, lang: Lang) -> String {
        match lang {
            Lang::En => format!("{} {}", self.month_name(), self.year),
            Lang::Zh => format!("{} 年 {} 月", self.year, self.month),
        }
    }

    /// `2024-06`, as addresses have it.
    pub(crate) fn year_month(self) -> String {
        format!("{:04}-{:02}", self.year, self.month)
    }
}

fn weekday<'a>(at: UnixMs, names: &[&'a str; 7]) -> &'a str {
    let index = usize::try_from(at.as_millis() / DAY_MS % 7).unwrap_or_default();
    names.get(index).copied().unwrap_or_default()
}

/// Hour, minute and second of the day.
fn clock_of(at: UnixMs) -> (u64, u64, u64) {
    let seconds = at.as_seconds() % 86_400;
    (seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

/// `14:14`.
pub(crate) fn time(at: UnixMs) -> String {
    let (hour, minute, _) = clock_of(at);
    format!("{hour:02}:{minute:02}")
}

/// `Tuesday 4 June 2024, 14:40 UTC`, `2024 年 6 月 4 日星期二 14:40 UTC`.
pub(crate) fn full(at: UnixMs, lang: Lang) -> String {
    let (date, time) = (Date::of(at), time(at));
    match lang {
        Lang::En => {
            let weekday = weekday(at, &WEEKDAYS);
            format!("{weekday} {} {}, {time} UTC", date.plain(lang), date.year)
        }
        Lang::Zh => {
            let weekday = weekday(at, &WEEKDAYS_ZH);
            format!("{} 年 {}{weekday} {time} UTC", date.year, date.plain(lang))
        }
    }
}

/// The time, with the day before it where that is not the day of `now`: `14:14 UTC`,
/// `3 June, 14:14 UTC`.
pub(crate) fn near(at: UnixMs, now: UnixMs, lang: Lang) -> String {
    let (date, today, time) = (Date::of(at), Date::of(now), time(at));
    if date == today {
        return format!("{time} UTC");
    }
    let day = match (date.year == today.year, lang) {
        (true, _) => date.plain(lang),
        (false, Lang::En) => format!("{} {}", date.plain(lang), date.year),
        (false, Lang::Zh) => format!("{} 年 {}", date.year, date.plain(lang)),
    };
    match lang {
        Lang::En => format!("{day}, {time} UTC"),
        Lang::Zh => format!("{day} {time} UTC"),
    }
}

/// The same without the zone, where a list says it once or the page's foot does.
pub(crate) fn brief(at: UnixMs, now: UnixMs, lang: Lang) -> String {
    near(at, now, lang).trim_end_matches(" UTC").to_owned()
}

/// From when to when, with the day once: `4 June, 06:49 to 11:10`.
pub(crate) fn range(from: UnixMs, to: UnixMs, now: UnixMs, lang: Lang) -> String {
    let until = match Date::of(from) == Date::of(to) {
        true => format!("{} UTC", time(to)),
        false => near(to, from, lang),
    };
    let from = brief(from, now, lang);
    match lang {
        Lang::En => format!("{from} to {until}"),
        Lang::Zh => format!("{from} 至 {until}"),
    }
}

/// A span in its two largest units: `26 min`, `4 h 21 min`; `26 分钟`, `4 小时 21 分`.
pub(crate) fn span(ms: u64, lang: Lang) -> String {
    let minutes = ms / MINUTE_MS;
    let (days, hours, rest) = (minutes / 1_440, minutes / 60 % 24, minutes % 60);
    match (lang, days, hours, rest) {
        (Lang::En, 0, 0, 0) => "less than a minute".to_owned(),
        (Lang::Zh, 0, 0, 0) => "不到一分钟".to_owned(),
        (Lang::En, 0, 0, _) => format!("{rest} min"),
        (Lang::Zh, 0, 0, _) => format!("{rest} 分钟"),
        (Lang::En, 0, _, 0) => format!("{hours} h"),
        (Lang::Zh, 0, _, 0) => format!("{hours} 小时"),
        (Lang::En, 0, ..) => format!("{hours} h {rest} min"),
        (Lang::Zh, 0, ..) => format!("{hours} 小时 {rest} 分"),
        (Lang::En, 1, ..) => format!("1 day {hours} h"),
        (Lang::En, ..) => format!("{days} days {hours} h"),
        (Lang::Zh, ..) => format!("{days} 天 {hours} 小时"),
    }
}

/// `2024-06-04T14:40:00.000Z`, as interfaces have it.
pub(crate) fn rfc3339(at: UnixMs) -> String {
    let (date, (hour, minute, second)) = (Date::of(at), clock_of(at));
    let Date { year, month, day } = date;
    let millis = at.as_millis() % 1_000;
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// `Tue, 04 Jun 2024 14:40:00 +0000` (RFC 5322), as RSS has it.
pub(crate) fn rfc5322(at: UnixMs) -> String {
    let (date, (hour, minute, second)) = (Date::of(at), clock_of(at));
    let weekday = weekday(at, &WEEKDAYS).get(..3).unwrap_or_default();
    let month = date.month_name().get(..3).unwrap_or_default();
    let (day, year) = (date.day, date.year);
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} +0000")
}

/// `20240604T144000Z`, as calendars have it.
pub(crate) fn calendar(at: UnixMs) -> String {
    let (date, (hour, minute, second)) = (Date::of(at), clock_of(at));
    let Date { year, month, day } = date;
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// `<small>Jun <var data-var='date'>4</var>, …` as Atlassian's feeds write the time of an update.
pub(crate) fn feed_small(at: UnixMs) -> String {
    let date = Date::of(at);
    let month = date.month_name().get(..3).unwrap_or_default();
    format!(
        "<small>{month} <var data-var='date'>{:>2}</var>, <var data-var='time'>{}</var> UTC</small>",
        date.day,
        time(at)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> UnixMs {
        UnixMs::new(1_717_512_009_230)
    }

    #[test]
    fn a_moment_reads_well_everywhere() {
        assert_eq!(rfc3339(at()), "2024-06-04T14:40:09.230Z");
        assert_eq!(rfc5322(at()), "Tue, 04 Jun 2024 14:40:09 +0000");
        assert_eq!(calendar(at()), "20240604T144009Z");
        assert_eq!(full(at(), Lang::En), "Tuesday 4 June 2024, 14:40 UTC");
        assert_eq!(full(at(), Lang::Zh), "2024 年 6 月 4 日星期二 14:40 UTC");
        let yesterday = at().minus_ms(DAY_MS);
        assert_eq!(near(yesterday, at(), Lang::En), "3 June, 14:40 UTC");
        assert_eq!(near(at(), at(), Lang::Zh), "14:40 UTC");
        let later = at().plus_ms(4 * 3_600_000 + 21 * 60_000);
        assert_eq!(range(at(), later, later, Lang::En), "14:40 to 19:01 UTC");
        assert_eq!(
            range(yesterday, later, at(), Lang::Zh),
            "6 月 3 日 14:40 至 6 月 4 日 19:01 UTC"
        );
        assert_eq!(Date::of(at()).year_month(), "2024-06");
    }

    #[test]
    fn leap_days_and_turns_of_years_are_dates() {
        for (millis, wanted) in [
            (0, "1970-01-01"),
            (1_709_164_800_000, "2024-02-29"),
            (1_709_251_200_000, "2024-03-01"),
            (1_735_689_599_999, "2024-12-31"),
            (1_735_689_600_000, "2025-01-01"),
            (951_782_400_000, "2000-02-29"),
            (4_107_542_400_000, "2100-03-01"),
        ] {
            assert_eq!(rfc3339(UnixMs::new(millis)).get(..10), Some(wanted));
        }
    }

    #[test]
    fn spans_have_two_units_at_most() {
        for (minutes, en, zh) in [
            (0, "less than a minute", "不到一分钟"),
            (26, "26 min", "26 分钟"),
            (60, "1 h", "1 小时"),
            (261, "4 h 21 min", "4 小时 21 分"),
            (1_500, "1 day 1 h", "1 天 1 小时"),
            (4_400, "3 days 1 h", "3 天 1 小时"),
        ] {
            let ms = minutes * MINUTE_MS;
            assert_eq!((span(ms, Lang::En).as_str(), span(ms, Lang::Zh).as_str()), (en, zh));
        }
    }
}
