//! The gateway that everybody ships: every request tries a provider, tries again, and then falls
//! over to the next at once, with all its weight. It is written here, apart from the product, so
//! that it stays what it is while the product gets better. It speaks to each provider in that one's
//! own dialect; what a translation might cost is not asked.

use std::time::Duration;

use clock::Dice;

use super::person::{now, pause};
use super::wire::{Ask, End, Lines, Reply, Target};

/// Tries on one provider after the first (LiteLLM's and the SDKs' default).
const RETRIES: u32 = 2;
/// To the first word of one try: as patient as Seawall's own clocks, so that a difference between
/// the policies is one of control.
const FIRST_WORD: Duration = Duration::from_secs(10);

/// Sends a request down the list of providers. Dropping it drops the try under way.
pub(crate) async fn send(
    lines: &Lines,
    ladder: &[Target],
    ask: &Ask<'_>,
    dice: &mut Dice,
) -> Reply {
    let mut last = None;
    for target in ladder {
        for round in 0..=RETRIES {
            let patience =
                if ask.question.stream { now() + FIRST_WORD } else { ask.patience_until };
            let one = Ask { target, patience_until: patience.min(ask.patience_until), ..*ask };
            let reply = lines.send(&one, now()).await;
            let settled = matches!(reply.end, End::Complete | End::HungUp | End::Cut);
            if settled || now() >= ask.patience_until {
                return Reply { served_by: Some(name_of(target)), ..reply };
            }
            let wait = pause(round, reply.retry_after_s, dice);
            last = Some(reply);
            if round < RETRIES {
                tokio::time::sleep_until((now() + wait).min(ask.patience_until)).await;
            }
            if now() >= ask.patience_until {
                break;
            }
        }
    }
    let last = last.expect("a ladder has a provider, and each is tried");
    let end = if now() >= ask.patience_until { End::TooSlow } else { last.end };
    Reply { end, ..last }
}

fn name_of(target: &Target) -> String {
    match target {
        Target::Gateway => "gateway".to_owned(),
        Target::Provider { name, .. } => name.clone(),
    }
}
