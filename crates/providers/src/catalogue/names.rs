//! Under which names a model may stand in the list, from the one that was asked for to ever looser
//! ones. A looser name never stands for another model, only for another spelling or day of it.

use std::borrow::Cow;

/// The names to look for, the nearest first; all in lower case.
pub(super) fn candidates(model: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let exact = lower(model);
    // `models/gemini-…` as Google lists them, `ft:gpt-…:organisation::id` as OpenAI names tuned
    // models, and a provider's own name before its model's.
    let bare = exact.strip_prefix("models/").map(|bare| Cow::Owned(bare.to_owned()));
    let bare = bare.or_else(|| tuned(&exact).map(|base| Cow::Owned(base.to_owned())));
    let last = exact.rsplit_once('/').map(|(_, last)| Cow::Owned(last.to_owned()));
    let undated =
        undated(bare.as_deref().unwrap_or(&exact)).map(|name| Cow::Owned(name.to_owned()));
    [Some(exact.clone()), bare, undated, last].into_iter().flatten()
}

fn lower(model: &str) -> Cow<'_, str> {
    if model.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(model.to_ascii_lowercase())
    } else {
        Cow::Borrowed(model)
    }
}

/// `ft:BASE` of `ft:BASE:ORGANISATION:NAME:ID`.
fn tuned(model: &str) -> Option<&str> {
    let rest = model.strip_prefix("ft:")?;
    let end = rest.find(':')? + "ft:".len();
    model.get(..end)
}

/// The name without a whole date or `-latest` at its end. Four digits at the end are kept, since
/// they often name another model.
pub(super) fn undated(model: &str) -> Option<&str> {
    if let Some(name) = model.strip_suffix("-latest") {
        return Some(name);
    }
    let is_date = |text: &str| {
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        let dashes = text.bytes().filter(|byte| *byte == b'-').count();
        text.starts_with("20")
            && digits == 8
            && digits + dashes == text.len()
            && (dashes == 0 || dashes == 2)
    };
    ["-YYYYMMDD".len(), "-YYYY-MM-DD".len()].into_iter().find_map(|length| {
        let (name, date) = model.split_at_checked(model.len().checked_sub(length)?)?;
        let date = date.strip_prefix(['-', '@'])?;
        (!name.is_empty() && is_date(date)).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_at_the_end_is_cut_off() {
        assert_eq!(undated("gpt-4.1-2025-04-14"), Some("gpt-4.1"));
        assert_eq!(undated("claude-sonnet-4-5-20250929"), Some("claude-sonnet-4-5"));
        assert_eq!(undated("mistral-large-latest"), Some("mistral-large"));
        for kept in ["mistral-large-2411", "gpt-4-0613", "-20250929", "x-19990101", "é-2025-0-14"]
        {
            assert_eq!(undated(kept), None, "{kept}");
        }
    }

    #[test]
    fn the_nearest_name_comes_first() {
        let names = |model| candidates(model).map(Cow::into_owned).collect::<Vec<_>>();
        assert_eq!(names("GPT-4.1"), ["gpt-4.1"]);
        assert_eq!(
            names("models/gemini-x-2025-01-02"),
            [
                "models/gemini-x-2025-01-02",
                "gemini-x-2025-01-02",
                "gemini-x",
                "gemini-x-2025-01-02"
            ]
        );
        assert_eq!(
            names("ft:gpt-4.1-2025-04-14:acme::b1"),
            ["ft:gpt-4.1-2025-04-14:acme::b1", "ft:gpt-4.1-2025-04-14", "ft:gpt-4.1"]
        );
    }
}
