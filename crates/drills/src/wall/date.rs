//! Seconds since 1970 as dates in the two spellings that providers use. No time zones: all is UTC.

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

struct Date {
    year: u64,
    /// From 1.
    month: u64,
    day: u64,
}

/// The date of a day since 1970.
fn date(days: u64) -> Date {
    // Counted from 1 March of the year 0, so that a leap day is the last day of its year. An era
    // is four hundred years, after which the calendar begins again.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, turned) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    Date { year: era * 400 + year + turned, month, day }
}

fn time(seconds: u64) -> String {
    let rest = seconds % 86_400;
    format!("{:02}:{:02}:{:02}", rest / 3_600, rest / 60 % 60, rest % 60)
}

/// In the spelling of RFC 3339.
pub(crate) fn instant(seconds: u64) -> String {
    let Date { year, month, day } = date(seconds / 86_400);
    format!("{year:04}-{month:02}-{day:02}T{}Z", time(seconds))
}

/// In the spelling of HTTP's headers.
pub(crate) fn http(seconds: u64) -> String {
    let days = seconds / 86_400;
    let Date { year, month, day } = date(days);
    let name = |names: &[&'static str], index: u64| {
        usize::try_from(index).ok().and_then(|index| names.get(index).copied()).unwrap_or_default()
    };
    let (weekday, month) = (name(&DAYS, days % 7), name(&MONTHS, month - 1));
    format!("{weekday}, {day:02} {month} {year:04} {} GMT", time(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_spelled_out() {
        for (seconds, spelled, header) in [
            (0, "1970-01-01T00:00:00Z", "Thu, 01 Jan 1970 00:00:00 GMT"),
            (951_782_399, "2000-02-28T23:59:59Z", "Mon, 28 Feb 2000 23:59:59 GMT"),
            (951_782_400, "2000-02-29T00:00:00Z", "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_717_459_200, "2024-06-04T00:00:00Z", "Tue, 04 Jun 2024 00:00:00 GMT"),
            (4_107_542_400, "2100-03-01T00:00:00Z", "Mon, 01 Mar 2100 00:00:00 GMT"),
        ] {
            assert_eq!(instant(seconds), spelled);
            assert_eq!(http(seconds), header);
        }
    }
}
