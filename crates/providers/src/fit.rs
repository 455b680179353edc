//! Whether a model can serve a request, told before it is asked: by what is known of the model, by
//! what the wire can carry, and by what a translation would have to leave behind.

use dialects::{Order, Vendor};
use domain::{
    Content, Conversation, Dialect, EmbedInput, Full, LossKind, Media, MediaKind, MediaSource,
    ModelCard, Needs, Operation, Request, Role, ToolResult, Turn,
};
use memchr::memmem;

use crate::habits::Way;

/// Bytes of a request for each token, more than any text has in the mean.
const BYTES_A_TOKEN: u64 = 4;
/// A request must be so many times over the limit before it is turned away unasked: its bytes are
/// a rough measure, and images are long.
const CLEARLY_OVER: u64 = 2;

/// Without one of these words no turn of a request needs the thing, in the dialects of OpenAI.
const IN_OPENAI: [(Needs, &[&str]); 4] = [
    (Needs::IMAGES, &["image_url\"", "input_image\""]),
    (Needs::AUDIO, &["input_audio\""]),
    (Needs::VIDEO, &["video_url\"", "input_video\""]),
    (Needs::DOCUMENTS, &["\"file\"", "input_file\""]),
];
/// The same for Anthropic's.
const IN_ANTHROPIC: [(Needs, &[&str]); 2] =
    [(Needs::IMAGES, &["\"image\""]), (Needs::DOCUMENTS, &["\"document\""])];
/// Gemini has the same words for all of them.
const IN_GEMINI: &[&str] = &["inlineData\"", "inline_data\"", "fileData\"", "file_data\""];

/// How writers name a medium that they left out.
const MEDIA_WORDS: [&str; 7] =
    ["image", "images", "document", "documents", "audio", "video", "file_id"];
const USUAL_IMAGES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// Members that point at something which another provider keeps.
const STORED: [&str; 6] = [
    "previous_response_id",
    "conversation",
    "prompt",
    "container",
    "cachedContent",
    "cached_content",
];

/// Why the model cannot serve the request; `None` if it can, as far as is known.
pub(crate) fn unfit(
    way: &Way,
    (vendor, card): (Vendor, Option<&ModelCard>),
    request: &Request,
) -> Option<Box<str>> {
    let translates = match way {
        Way::Exchange(route) => !route.relays,
        Way::Estimate => true,
    };
    let full = if translates {
        match request.full(|request| dialects::of(request.dialect).read_full(request)) {
            Ok(full) => Some(full),
            Err(malformed) => return Some(format!("it cannot be translated: {malformed}").into()),
        }
    } else {
        None
    };
    match (request.operation, full) {
        (Operation::Generate, _) => {}
        (Operation::Embed, Some(Full::Embed(embed))) => {
            let numbers = embed.inputs.iter().any(|input| matches!(input, EmbedInput::Tokens(_)));
            return numbers.then(|| "token numbers mean something to their own model only".into());
        }
        _ => return None,
    }
    let cannot = not_served(way, card);
    let lacks = |needs: Needs| needs.beyond(needs.beyond(cannot));
    let mut lacking = lacks(request.outline.needs);
    if lacking.is_empty() && may_matter(cannot, request) {
        // Whether a word in the body is a part's type or just a word is known by reading it.
        let read = request.full(|request| dialects::of(request.dialect).read_full(request));
        if let Ok(Full::Conversation(conversation)) = read {
            lacking = lacks(conversation.needs);
        }
    }
    if !lacking.is_empty() {
        let names: Vec<_> = lacking.names().collect();
        return Some(format!("it cannot do: {}", names.join(", ")).into());
    }
    if is_clearly_too_long(card, request) {
        return Some("the request is far longer than its context".into());
    }
    match full {
        Some(Full::Conversation(conversation)) => left_behind(conversation, way)
            .or_else(|| not_carried(conversation, way, (vendor, card))),
        _ => None,
    }
}

/// A medium that the caller shows and that would not arrive: an answer without having seen it is no
/// answer. Only media are tried of which it is not sure beforehand.
fn not_carried(
    conversation: &Conversation,
    way: &Way,
    (vendor, card): (Vendor, Option<&ModelCard>),
) -> Option<Box<str>> {
    let Way::Exchange(route) = way else { return None };
    let shown = conversation.turns.iter().filter(|turn| turn.role == Role::User);
    let doubtful = shown.flat_map(|turn| &turn.content).filter(|part| is_doubtful(part));
    let doubtful: Vec<Content> = doubtful.cloned().collect();
    if doubtful.is_empty() {
        return None;
    }
    let turns = vec![Turn::new(Role::User, doubtful)];
    let trial = Full::Conversation(Conversation { turns, ..Conversation::default() });
    let unknown = ModelCard::default();
    let written = dialects::of(route.dialect).write_request(&Order {
        operation: Operation::Generate,
        full: &trial,
        model: "trial",
        stream: false,
        vendor,
        card: card.unwrap_or(&unknown),
    });
    let lost = written.losses.iter().find(|loss| {
        loss.kind == LossKind::Dropped && MEDIA_WORDS.contains(&loss.field.as_ref())
    })?;
    let word = lost.field.trim_end_matches('s');
    Some(format!("the request's {word} cannot be carried there").into())
}

/// Every wire takes images of the customary kinds, wherever they come from.
fn is_doubtful(part: &Content) -> bool {
    match part {
        Content::Media(Media { kind: MediaKind::Image, source, mime, .. }) => match source {
            MediaSource::Url(_) => false,
            MediaSource::Base64(_) => {
                mime.as_deref().is_none_or(|mime| !USUAL_IMAGES.contains(&mime))
            }
            MediaSource::File(..) | MediaSource::Text(_) => true,
        },
        Content::Media(_) => true,
        _ => false,
    }
}

/// Needs that would be served badly or not at all. Thinking and hosted tools are no reason to turn
/// a request away: without them there is still an answer, and the loss is named.
fn not_served(way: &Way, card: Option<&ModelCard>) -> Needs {
    let known = card.map_or(Needs::default(), |card| card.cannot);
    let wire = match way {
        Way::Exchange(route) if !route.relays => match route.dialect {
            Dialect::OpenAiChat => Needs::VIDEO,
            Dialect::OpenAiResponses | Dialect::Anthropic => Needs::AUDIO | Needs::VIDEO,
            Dialect::Gemini => Needs::default(),
        },
        _ => Needs::default(),
    };
    (known | wire).beyond(Needs::REASONING | Needs::HOSTED_TOOLS)
}

/// True if the body has a word without which no turn can need what is not served. Bodies can be
/// long, so only words of their own dialect are looked for.
fn may_matter(cannot: Needs, request: &Request) -> bool {
    let has = |word: &&str| memmem::find(&request.body, word.as_bytes()).is_some();
    let any = |words: &[(Needs, &[&str])]| {
        words.iter().any(|(need, words)| cannot.contains(*need) && words.iter().any(has))
    };
    match request.dialect {
        Dialect::OpenAiChat | Dialect::OpenAiResponses => any(&IN_OPENAI),
        Dialect::Anthropic => any(&IN_ANTHROPIC),
        Dialect::Gemini => {
            let media = Needs::IMAGES | Needs::AUDIO | Needs::VIDEO | Needs::DOCUMENTS;
            media.beyond(cannot) != media && IN_GEMINI.iter().any(has)
        }
    }
}

fn is_clearly_too_long(card: Option<&ModelCard>, request: &Request) -> bool {
    let Some(context) = card.and_then(|card| card.context_tokens_max) else { return false };
    let bytes = u64::try_from(request.body.len()).unwrap_or(u64::MAX);
    if bytes / BYTES_A_TOKEN <= context.saturating_mul(CLEARLY_OVER) {
        return false;
    }
    // Most of a long body may be a picture.
    let read = request.full(|request| dialects::of(request.dialect).read_full(request));
    match read {
        Ok(Full::Conversation(conversation)) => {
            conversation.estimated_tokens() > context.saturating_mul(CLEARLY_OVER)
        }
        _ => false,
    }
}

/// What only the provider that it came from can find again.
fn left_behind(conversation: &Conversation, way: &Way) -> Option<Box<str>> {
    let stored = conversation.unmapped.iter().find(|name| STORED.contains(&&***name));
    if let Some(name) = stored {
        return Some(format!("`{name}` means something to its own provider only").into());
    }
    let wire = match way {
        Way::Exchange(route) => Some(route.dialect),
        Way::Estimate => None,
    };
    let parts = conversation.turns.iter().flat_map(|turn| &turn.content);
    parts
        .into_iter()
        .any(|part| has_foreign_file(part, wire))
        .then(|| "a file of the request lies at another provider".into())
}

fn has_foreign_file(part: &Content, wire: Option<Dialect>) -> bool {
    match part {
        Content::Media(Media { source: MediaSource::File(at, _), .. }) => match wire {
            Some(wire) => owner(wire) != owner(*at),
            None => false,
        },
        Content::ToolResult(ToolResult { content, .. }) => {
            content.iter().any(|part| has_foreign_file(part, wire))
        }
        _ => false,
    }
}

/// OpenAI's two forms share their files.
fn owner(dialect: Dialect) -> Dialect {
    match dialect {
        Dialect::OpenAiResponses => Dialect::OpenAiChat,
        other => other,
    }
}
