//! Gives one answer: reads the prompt, draws tokens, says their text, and knows when to stop.

use clock::Dice;
use domain::{Event, Fault, FaultClass, Finish, Piece, Usage};
use tracing::{info, warn};

use crate::draw::Draw;
use crate::model::{Model, Sequence};
use crate::prompt::{self, PromptError};
use crate::queue::Job;
use crate::repeat::Repeat;
use crate::settings::ReserveSettings;
use crate::speech::{Said, Speech};
use crate::tokenizer::{Token, Tokenizer};

/// A loaded model, ready to speak. Nothing in it changes.
pub(crate) struct Voice {
    pub(crate) model: Model,
    pub(crate) tokenizer: Tokenizer,
    pub(crate) limits: Limits,
}

/// What one answer may take, and how it is drawn where the caller leaves it open.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    pub(crate) context_tokens_max: usize,
    pub(crate) output_tokens_max: usize,
    pub(crate) temperature: f64,
    pub(crate) top_p: f64,
}

impl Limits {
    /// The settings, as far as the model goes along.
    pub(crate) fn new(settings: &ReserveSettings, model_context: usize) -> Self {
        let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        Self {
            context_tokens_max: count(settings.context_tokens_max).min(model_context),
            output_tokens_max: count(settings.output_tokens_max).max(1),
            temperature: settings.temperature,
            top_p: settings.top_p,
        }
    }
}

/// Answers one job. `go_on` is asked all the time, at most some tens of milliseconds apart.
///
/// # Errors
/// The fault that ends the answer, or that keeps it from beginning. If nobody listens any more the
/// answer just ends.
pub(crate) fn answer(
    voice: &Voice,
    job: &mut Job,
    go_on: &dyn Fn(&Job) -> bool,
) -> Result<(), Fault> {
    let Limits { context_tokens_max, output_tokens_max, temperature, top_p } = voice.limits;
    let prompt =
        prompt::write(&job.conversation, &voice.tokenizer, context_tokens_max.saturating_sub(1))
            .map_err(|error| refused(error, context_tokens_max))?;
    let asked = job.conversation.sampling.output_tokens_max;
    let asked = asked.map_or(usize::MAX, |asked| usize::try_from(asked).unwrap_or(usize::MAX));
    let room = context_tokens_max.saturating_sub(prompt.len());
    let budget = asked.min(output_tokens_max).min(room).max(1);
    let mut sequence = Sequence::new(&voice.model.shape, prompt.len() + budget);
    if let Some(begun) = job.begun.take() {
        // Nobody listens: noticed below.
        let _told = begun.send(Ok(())).is_ok();
    }
    let sampling = &job.conversation.sampling;
    let seed = sampling.seed.map(i64::cast_unsigned);
    let dice = seed.map_or_else(Dice::from_entropy, Dice::seeded);
    let draw = Draw::new(
        sampling.temperature.unwrap_or(temperature),
        sampling.top_p.unwrap_or(top_p),
        dice,
    );
    let speech = Speech::new(&sampling.stop);
    let mut answer =
        Answer { voice, job, go_on, draw, speech, repeat: Repeat::default(), output: 0 };
    let Some(finish) = answer.speak(&mut sequence, &prompt, budget)? else {
        return Ok(());
    };
    let usage = Usage {
        input_uncached: u64::try_from(prompt.len()).unwrap_or(u64::MAX),
        output: u64::try_from(answer.output).unwrap_or(u64::MAX),
        ..Usage::default()
    };
    let rest = answer.speech.end();
    answer.say(rest);
    answer.send(Event::finish(finish));
    answer.send(Event::Usage(usage));
    Ok(())
}

fn refused(error: PromptError, context_tokens_max: usize) -> Fault {
    match error {
        PromptError::TooLong(tokens) => Fault::new(
            FaultClass::ContextLength,
            format!(
                "the reserve model's context is {context_tokens_max} tokens, prompt and answer \
                 together, but the messages have at least {tokens}"
            ),
        ),
        PromptError::Tokenizer(error) => Fault::new(FaultClass::Internal, error.to_string()),
    }
}

/// One answer in the making.
struct Answer<'a> {
    voice: &'a Voice,
    job: &'a Job,
    go_on: &'a dyn Fn(&Job) -> bool,
    draw: Draw,
    speech: Speech,
    repeat: Repeat,
    /// Tokens drawn so far, the mark at the end included.
    output: usize,
}

impl Answer<'_> {
    /// Speaks to the end and tells why it ended; `None` if the answer is not wanted any more.
    fn speak(
        &mut self,
        sequence: &mut Sequence,
        prompt: &[Token],
        budget: usize,
    ) -> Result<Option<Finish>, Fault> {
        let (job, go_on) = (self.job, self.go_on);
        let go_on = || go_on(job);
        let mut next = prompt.to_vec();
        loop {
            let Some(scores) = self.voice.model.read(sequence, &next, &go_on) else {
                return Ok(None);
            };
            let token = self.draw.next(scores);
            let token = token.ok_or_else(|| {
                Fault::new(FaultClass::Internal, "the reserve model's scores are no numbers")
            })?;
            self.output += 1;
            let Some(bytes) = self.voice.tokenizer.bytes(token) else {
                return Ok(Some(Finish::Stop));
            };
            let Said { text, stopped } = self.speech.push(bytes);
            if !self.say(text) {
                return Ok(None);
            }
            if stopped {
                return Ok(Some(Finish::Stop));
            }
            if self.repeat.push(token) {
                info!(request_id = %self.job.request_id, tokens = self.output, "the reserve model repeats itself, its answer ends here");
                return Ok(Some(Finish::Stop));
            }
            if self.output >= budget {
                return Ok(Some(Finish::Length));
            }
            next.clear();
            next.push(token);
        }
    }

    /// Sends text, if there is any; false if nobody listens.
    fn say(&self, text: String) -> bool {
        text.is_empty() || self.send(Event::text(text))
    }

    fn send(&self, event: Event) -> bool {
        match self.job.pieces.try_send(Ok(Piece::Native(event))) {
            Ok(()) => true,
            Err(tokio::sync::mpsc::error::TrySendError::Closed(_)) => false,
            Err(tokio::sync::mpsc::error::TrySendError::Full(_)) => {
                warn!(request_id = %self.job.request_id, "the reserve's answer does not fit its channel");
                false
            }
        }
    }
}
