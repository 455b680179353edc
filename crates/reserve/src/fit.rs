//! What the reserve cannot do, said before it is asked.

use domain::{Content, Conversation, Full, Loss, Losses, Needs, Operation, Request, Role};

use crate::script;

/// More letters of other scripts than this, of all letters, and the text is taken as one that the
/// model cannot read. It knows English only; a foreign word or a Greek letter in an English
/// question does no harm, but one Chinese sentence with an English name in it is mostly Chinese.
const FOREIGN_PERCENT_MAX: usize = 30;

/// Why the reserve cannot serve this request, in a few plain words; `None` if it can.
pub(crate) fn unfit(request: &Request) -> Option<Box<str>> {
    if request.operation == Operation::Embed {
        return Some("the reserve makes no embeddings".into());
    }
    if let Some(reason) = beyond(request.outline.needs) {
        return Some(reason);
    }
    match conversation(request) {
        Ok(conversation) => unfit_conversation(conversation),
        Err(_) => Some("the reserve cannot read these messages".into()),
    }
}

/// The request in the internal form.
///
/// # Errors
/// A sentence about what cannot be read.
pub(crate) fn conversation(request: &Request) -> Result<&Conversation, String> {
    let read = |request: &Request| dialects::of(request.dialect).read_full(request);
    match request.full(read) {
        Ok(Full::Conversation(conversation)) => Ok(conversation),
        Ok(Full::Embed(_)) => Err("this is no conversation".to_owned()),
        Err(malformed) => Err(malformed.message),
    }
}

/// What of the request the reserve does not heed although it answers.
pub(crate) fn losses(conversation: &Conversation) -> Losses {
    let mut losses = Losses::default();
    let sampling = &conversation.sampling;
    let about = &conversation.about;
    for (field, asked) in [
        ("top_k", sampling.top_k.is_some()),
        ("presence_penalty", sampling.presence_penalty.is_some_and(|penalty| penalty != 0.0)),
        ("frequency_penalty", sampling.frequency_penalty.is_some_and(|penalty| penalty != 0.0)),
        ("reasoning", conversation.needs.contains(Needs::REASONING)),
        ("metadata", about.metadata.is_some()),
        ("service_tier", about.service_tier.is_some()),
    ] {
        if asked {
            losses.dropped(field);
        }
    }
    conversation.unmapped.iter().for_each(|name| losses.add(Loss::unmapped(name)));
    losses
}

fn unfit_conversation(conversation: &Conversation) -> Option<Box<str>> {
    if let Some(reason) = beyond(conversation.needs) {
        return Some(reason);
    }
    let mut parts = conversation.turns.iter().flat_map(|turn| &turn.content);
    let readable = |part: &Content| {
        matches!(part, Content::Text(_) | Content::Refusal(_) | Content::Thinking(_))
    };
    if !parts.all(readable) {
        return Some("the reserve reads text only".into());
    }
    // The latest question counts by itself: a long English system line before a Chinese question
    // would hide it.
    let asked = conversation.turns.iter().rev().find(|turn| turn.role == Role::User);
    let foreign = asked.is_some_and(|turn| mostly_foreign([turn.text()]))
        || mostly_foreign(conversation.turns.iter().map(domain::Turn::text));
    foreign.then(|| {
        let asked = asked.map(domain::Turn::text).unwrap_or_default();
        script::english_only(&asked).into()
    })
}

/// A wish to think is none that an answer could not do without; it is a loss.
fn beyond(needs: Needs) -> Option<Box<str>> {
    let needs = needs.beyond(Needs::REASONING);
    if needs.is_empty() {
        return None;
    }
    let names: Vec<_> = needs.names().collect();
    Some(format!("the reserve cannot do: {}", names.join(", ")).into())
}

fn mostly_foreign(texts: impl IntoIterator<Item = String>) -> bool {
    let (mut letters, mut foreign) = (0_usize, 0_usize);
    for text in texts {
        for letter in text.chars().filter(|letter| letter.is_alphabetic()) {
            letters += 1;
            foreign += usize::from(!latin(letter));
        }
    }
    foreign * 100 > letters * FOREIGN_PERCENT_MAX
}

fn latin(letter: char) -> bool {
    letter.is_ascii_alphabetic()
        || matches!(letter,
            'ª' | 'º' | '\u{c0}'..='\u{2af}' | '\u{1d00}'..='\u{1eff}' | '\u{2c60}'..='\u{2c7f}'
            | '\u{a720}'..='\u{a7ff}' | '\u{fb00}'..='\u{fb06}' | '\u{ff21}'..='\u{ff3a}'
            | '\u{ff41}'..='\u{ff5a}')
}

#[cfg(test)]
mod tests {
    use domain::Turn;

    use super::*;

    fn ask(system: &str, user: &str) -> Option<Box<str>> {
        let turn = |role, text: &str| Turn::new(role, vec![Content::text(text)]);
        unfit_conversation(&Conversation {
            turns: vec![turn(Role::System, system), turn(Role::User, user)],
            ..Conversation::default()
        })
    }

    #[test]
    fn english_with_a_foreign_word_fits() {
        assert_eq!(ask("", "What does 你好 mean?"), None);
        assert_eq!(ask("", "Où est le café? Was heißt π?"), None);
        assert_eq!(ask("", "1 + 1 = ?"), None);
        assert_eq!(ask("", ""), None);
    }

    #[test]
    fn another_script_does_not() {
        assert!(ask("", "请介绍一下 Seawall 的功能").is_some());
        assert!(ask(&"You are a helpful assistant. ".repeat(50), "今天天气怎么样？").is_some());
        assert!(ask("", "Сколько стоит доставка?").is_some());
    }

    #[test]
    fn needs_are_named() {
        let reason = beyond(Needs::TOOLS | Needs::IMAGES);
        assert_eq!(reason.as_deref(), Some("the reserve cannot do: tools, images"));
        assert_eq!(beyond(Needs::default()), None);
    }

    #[test]
    fn pictures_among_the_words_do_not_fit() {
        let foreign = domain::Foreign {
            dialect: domain::Dialect::OpenAiChat,
            kind: "hologram".into(),
            json: domain::Json::new("{}"),
        };
        let turn = Turn::new(Role::User, vec![Content::Foreign(foreign)]);
        let conversation = Conversation { turns: vec![turn], ..Conversation::default() };
        assert!(unfit_conversation(&conversation).is_some());
    }
}
