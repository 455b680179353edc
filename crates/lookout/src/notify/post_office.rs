//! Writes letters: who is to be told of a story, when, and in which form.

use std::collections::BTreeMap;
use std::sync::Arc;

use clock::{Clock, Dice, IdMaker, UnixMs};

use super::bodies::{body, confirm_subject, confirm_text, part_changed};
use super::outbox::{KeepError, Letter, Outbox};
use super::subscription::{ChannelKind, Subscribers};
use super::{Flapping, Language, PageFacts, PartChange, Story, When};

/// Letters that are put into the outbox at once.
const BATCH: usize = 500;

/// The post office.
#[derive(Debug)]
pub struct PostOffice {
    outbox: Arc<dyn Outbox>,
    subscribers: Arc<dyn Subscribers>,
    clock: Arc<dyn Clock>,
    ids: IdMaker,
    flapping: Flapping,
    /// Letters are told in the order of their moments, so that no two of one topic share one.
    wrote_at: UnixMs,
}

impl PostOffice {
    /// A post office with dice of its own.
    pub fn new(
        outbox: Arc<dyn Outbox>,
        subscribers: Arc<dyn Subscribers>,
        clock: Arc<dyn Clock>,
        dice: Dice,
    ) -> Self {
        let (ids, flapping) = (IdMaker::new(dice), Flapping::default());
        Self { outbox, subscribers, clock, ids, flapping, wrote_at: UnixMs::default() }
    }

    /// Writes to all who want to know of the story as it is now; gives how many they are.
    ///
    /// # Errors
    /// If the store fails; letters of a part of them may have been taken.
    pub async fn announce(&mut self, story: &Story, page: &PageFacts) -> Result<usize, KeepError> {
        let now = self.moment();
        let gathered_until = match self.flapping.when(self.clock.now(), &story.id) {
            When::Now => now,
            When::In(ms) => now.plus_ms(ms),
        };
        let due_at = |kind: ChannelKind| if kind.is_for_people() { gathered_until } else { now };
        let all = self.subscribers.confirmed().await?;
        let wanting: Vec<_> = all.into_iter().filter(|one| one.wants(story)).collect();
        let draft =
            |language| Draft { topic: story.id.clone(), subject: story.line(language).into(), now };
        let mut told: BTreeMap<(ChannelKind, Language), (Draft, Arc<str>)> = BTreeMap::new();
        for some in wanting.chunks(BATCH) {
            let letters = some.iter().map(|one| {
                let spoken = (one.channel.kind(), one.speaks());
                let made = || (draft(spoken.1), Arc::from(body(spoken, story, page, now)));
                let (draft, body) = told.entry(spoken).or_insert_with(made);
                self.letter(draft, &one.id, body.clone(), due_at(spoken.0))
            });
            let letters = letters.collect();
            self.outbox.put(letters).await?;
        }
        Ok(wanting.len())
    }

    /// Writes to webhooks that want to know of a part whose condition changed; gives how many they
    /// are. People are told of incidents, not of each change of a part.
    ///
    /// # Errors
    /// As [`PostOffice::announce`].
    pub async fn announce_change(
        &mut self,
        change: &PartChange,
        page: &PageFacts,
    ) -> Result<usize, KeepError> {
        let now = self.moment();
        let components = [change.component.clone()];
        let mut wanting = self.subscribers.confirmed().await?;
        wanting.retain(|one| {
            one.channel.kind() == ChannelKind::Webhook && one.wants_any_of(&components)
        });
        let draft = Draft {
            // A later change of the same part holds all that this one says.
            topic: format!("part {}", change.component).into(),
            subject: format!("{}: {}", page.name_of(&change.component), change.to.as_str()).into(),
            now,
        };
        let text: Arc<str> = part_changed(change, page, now).to_string().into();
        for some in wanting.chunks(BATCH) {
            let letters = some.iter().map(|one| self.letter(&draft, &one.id, text.clone(), now));
            let letters = letters.collect();
            self.outbox.put(letters).await?;
        }
        Ok(wanting.len())
    }

    /// Asks an e-mail subscription whether it is wanted. `link` leads to where the answer is given,
    /// with a token of [`super::Consent::confirm_token`]; [`super::ConsentGate`] is asked first.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn ask_consent(
        &mut self,
        subscription: &str,
        page: &PageFacts,
        (link, language): (&str, Language),
    ) -> Result<(), KeepError> {
        let now = self.moment();
        let draft = Draft {
            topic: CONSENT_TOPIC.into(),
            subject: confirm_subject(&page.name, language).into(),
            now,
        };
        let text = confirm_text(&page.name, link, language).into();
        let letter = self.letter(&draft, subscription, text, now);
        self.outbox.put(vec![letter]).await
    }

    fn moment(&mut self) -> UnixMs {
        let now = UnixMs::from_seconds(self.clock.unix_seconds());
        let next = self.wrote_at.plus_ms(1);
        // A clock that was set back must not hold letters back.
        self.wrote_at = if next.since(now) > 1_000 { now } else { now.max(next) };
        self.wrote_at
    }

    fn letter(
        &mut self,
        draft: &Draft,
        subscription: &str,
        body: Arc<str>,
        due_at: UnixMs,
    ) -> Letter {
        Letter {
            id: format!("msg_{}", self.ids.next_id().tail()).into(),
            subscription: subscription.into(),
            topic: draft.topic.clone(),
            subject: draft.subject.clone(),
            body,
            written_at: draft.now,
            due_at,
            attempts: 0,
        }
    }
}

/// What all letters of one story have in common.
struct Draft {
    topic: Box<str>,
    subject: Arc<str>,
    now: UnixMs,
}

/// The topic of questions of consent, the only letters that an unconfirmed subscription gets.
pub(super) const CONSENT_TOPIC: &str = "consent";
