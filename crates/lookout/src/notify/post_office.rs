//! Writes letters: who is to be told of a story, when, and in which form.

use std::sync::Arc;

use clock::{Clock, Dice, IdMaker, UnixMs};

use super::bodies::{body, confirm_text};
use super::outbox::{KeepError, Letter, Outbox};
use super::subscription::{ChannelKind, Subscribers};
use super::{Flapping, PageFacts, Story, When};

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
}

impl PostOffice {
    /// A post office with dice of its own.
    pub fn new(
        outbox: Arc<dyn Outbox>,
        subscribers: Arc<dyn Subscribers>,
        clock: Arc<dyn Clock>,
        dice: Dice,
    ) -> Self {
        Self { outbox, subscribers, clock, ids: IdMaker::new(dice), flapping: Flapping::default() }
    }

    /// Writes to all who want to know of the story as it is now; gives how many they are.
    ///
    /// # Errors
    /// If the store fails; letters of a part of them may have been taken.
    pub async fn announce(&mut self, story: &Story, page: &PageFacts) -> Result<usize, KeepError> {
        let now = UnixMs::from_seconds(self.clock.unix_seconds());
        let gathered_until = match self.flapping.when(self.clock.now(), &story.id) {
            When::Now => now,
            When::In(ms) => now.plus_ms(ms),
        };
        let due_at = |kind: ChannelKind| if kind.is_for_people() { gathered_until } else { now };
        let all = self.subscribers.confirmed().await?;
        let wanting: Vec<_> = all.into_iter().filter(|one| one.wants(story)).collect();
        let subject: Box<str> = story.line().into();
        for some in wanting.chunks(BATCH) {
            let letters = some.iter().map(|one| Letter {
                id: letter_id(&mut self.ids),
                subscription: one.id.clone(),
                topic: story.id.clone(),
                subject: subject.clone(),
                body: body(one.channel.kind(), story, page, now).into(),
                written_at: now,
                due_at: due_at(one.channel.kind()),
                attempts: 0,
            });
            self.outbox.put(letters.collect()).await?;
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
        link: &str,
    ) -> Result<(), KeepError> {
        let now = UnixMs::from_seconds(self.clock.unix_seconds());
        let letter = Letter {
            id: letter_id(&mut self.ids),
            subscription: subscription.into(),
            topic: CONSENT_TOPIC.into(),
            subject: format!("Please confirm: incidents on {}", page.name).into(),
            body: confirm_text(&page.name, link).into(),
            written_at: now,
            due_at: now,
            attempts: 0,
        };
        self.outbox.put(vec![letter]).await
    }
}

/// The topic of questions of consent, the only letters that an unconfirmed subscription gets.
pub(super) const CONSENT_TOPIC: &str = "consent";

fn letter_id(ids: &mut IdMaker) -> Box<str> {
    format!("msg_{}", ids.next_id().tail()).into()
}
