//! What a second provider is asked once a first one has broken off in mid-sentence: the caller's
//! own conversation, what was said so far, and the wish that it go on. Whether the answer does go
//! on is found out by the splice, and not here.

use domain::{Content, Conversation, Role, Turn};
use resilience::Manner;

/// Characters of the end that are quoted to a model which is asked to go on.
const QUOTED_CHARS: usize = 100;

/// What was said so far, and how the upstream is asked to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Continuation {
    /// The answer's text as the caller has it; never empty.
    pub said: Box<str>,
    pub manner: Manner,
}

impl Continuation {
    /// The caller's conversation with what was said behind it, and with the wish where the manner
    /// needs one. Thinking is left out: its proofs are worth nothing elsewhere.
    pub fn extend(&self, conversation: &Conversation) -> Conversation {
        let mut extended = conversation.clone();
        let said = match self.manner {
            // Blanks at the end of a prefill are refused by some; the splice knows of them.
            Manner::Prefill => self.said.trim_end(),
            Manner::UserTurn => &*self.said,
        };
        match extended.turns.last_mut() {
            // The caller had begun the answer himself.
            Some(last) if last.role == Role::Assistant => match last.content.last_mut() {
                Some(Content::Text(text)) => text.text.push_str(said),
                _ => last.content.push(Content::text(said)),
            },
            _ => extended.turns.push(Turn::new(Role::Assistant, vec![Content::text(said)])),
        }
        if self.manner == Manner::UserTurn {
            extended.turns.push(Turn::new(Role::User, vec![Content::text(self.wish())]));
        }
        extended
    }

    /// The last words are asked for once more: by them the splice knows that this is no other
    /// answer, and cuts them off.
    fn wish(&self) -> String {
        let skipped = self.said.chars().count().saturating_sub(QUOTED_CHARS);
        let end: String = self.said.chars().skip(skipped).collect();
        format!(
            "The connection broke while you were answering, so your last message is only the \
             first part of your answer. Go on exactly where it ends, in the same language, tone \
             and layout. Begin with its last five words as they stand, and say the very next word \
             right behind them. Repeat nothing else, do not start again, do not comment on this. \
             It ends with: {end}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> Conversation {
        let turns = vec![Turn::new(Role::User, vec![Content::text("Tell me.")])];
        Conversation { turns, ..Conversation::default() }
    }

    #[test]
    fn a_prefill_ends_with_what_was_said_and_without_its_last_blank() {
        let going_on = Continuation { said: "One two ".into(), manner: Manner::Prefill };
        let turns = going_on.extend(&asked()).turns;
        assert_eq!(turns.len(), 2);
        assert_eq!((turns[1].role, turns[1].text().as_str()), (Role::Assistant, "One two"));
    }

    #[test]
    fn a_user_turn_quotes_the_end_and_no_more() {
        let said = format!("{}the end", "ä".repeat(500));
        let going_on = Continuation { said: said.clone().into(), manner: Manner::UserTurn };
        let turns = going_on.extend(&asked()).turns;
        assert_eq!((turns[1].role, turns[1].text()), (Role::Assistant, said));
        assert_eq!(turns[2].role, Role::User);
        let wish = turns[2].text();
        assert!(wish.ends_with("the end") && wish.matches('ä').count() == 93, "{wish}");
    }

    #[test]
    fn a_turn_that_the_caller_began_is_one_with_what_followed() {
        let mut begun = asked();
        begun.turns.push(Turn::new(Role::Assistant, vec![Content::text("Once")]));
        let going_on = Continuation { said: " upon".into(), manner: Manner::Prefill };
        let turns = going_on.extend(&begun).turns;
        assert_eq!((turns.len(), turns[1].text().as_str()), (2, "Once upon"));
    }
}
