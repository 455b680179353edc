//! What each scene says to a request. When it is sent, and whether to its end, is decided in
//! `decide`; in which form, in `dialect`.

use serde_json::{Value, json};

use super::answer::{Answer, Citation, Finish, Piece, REFUSAL, SIGNATURE, TEXT, THOUGHT, Tokens};
use super::ask::{Ask, Offer};
use super::catalogue::Scene;
use super::further::Plot;
use super::schema::{self, Filling};

/// How many words `fb-ok-slow` says.
const SLOW_WORDS: usize = 30;
/// After so many words `fb-length` has no room left.
const LENGTH_WORDS: usize = 12;
/// After so many words the filter of `fb-filter-mid` cuts.
const FILTER_WORDS: usize = 20;
/// What `fb-cached` found in its cache, beyond the words of the prompt.
const CACHED_TOKENS: usize = 1024;
/// The arguments of a call come in so many parts.
const ARGUMENT_PARTS: usize = 3;
/// Thoughts that S37 takes all of its limit for.
const PROBE_TOKENS_MAX: u64 = 16;
/// How far S60 comes.
const SHORT_WORDS: usize = 20;
/// What S86 says first.
const PREFACE: &str = "Certainly, here is the rest of the text:\n\n";
/// What S61 makes of one of its last words; at the cut it was "long".
const REWORDED: &str = "tall";
/// What S59 says instead of going on.
const OTHER: &str = "Bread needs flour, water, salt and time. Mix them in the evening, fold the \
    dough twice, and let it stand until the morning; then bake it hot.";
/// Answers other than the text come in at most so many pieces, or one more.
const PIECES_MAX: usize = 60;
/// And in pieces of at least so many characters.
const PIECE_CHARS_MIN: usize = 8;

const CITATION: Citation = Citation {
    url: "https://harbour.example/mornings",
    title: "Mornings at the harbour",
    quote: "Each morning the harbour wakes before the town does.",
    start: 0,
    end: 52,
};

/// The answer of a scene to a request; `body` is the request as it came.
pub(crate) fn compose(scene: Scene, ask: &Ask, body: &[u8]) -> Answer {
    let (pieces, finish) = pieces(scene, ask, body);
    let cached = if scene == Scene::Cached { CACHED_TOKENS } else { 0 };
    let counted = |piece: &&Piece| !matches!(piece, Piece::Signature(_) | Piece::Citation(_));
    let thought = |piece: &&Piece| matches!(piece, Piece::Thought(_));
    let tokens = Tokens {
        input: ask.prompt_words + cached,
        cached,
        output: pieces.iter().filter(counted).count(),
        reasoning: pieces.iter().filter(thought).count(),
    };
    Answer { pieces, finish, tokens }
}

fn pieces(scene: Scene, ask: &Ask, body: &[u8]) -> (Vec<Piece>, Finish) {
    let said = match scene {
        Scene::Tools | Scene::ParallelTools if !ask.ends_with_tool && !ask.tools.is_empty() => {
            let calls = if scene == Scene::Tools { 1 } else { 2 };
            return (call(&ask.tools, calls), Finish::Tools);
        }
        // As the public bench has it, this one says everything again if a user turn asks.
        Scene::Tools | Scene::ParallelTools | Scene::NoPrefill => words(TEXT),
        Scene::Turns => said_again(ask, &Again::PLAIN),
        Scene::Further(plot) => return further(plot, ask),
        Scene::Thinking => {
            let thought = split_words(THOUGHT).map(Piece::Thought);
            let seal = std::iter::once(Piece::Signature(SIGNATURE));
            thought.chain(seal).chain(words(TEXT)).collect()
        }
        Scene::Citations => words(TEXT).into_iter().chain([Piece::Citation(CITATION)]).collect(),
        Scene::Refusal => {
            return (split_words(REFUSAL).map(Piece::Refusal).collect(), Finish::Refused);
        }
        Scene::FilterMid => return (first_words(FILTER_WORDS), Finish::Filtered),
        Scene::Length => return (first_words(LENGTH_WORDS), Finish::Length),
        Scene::Slow => first_words(SLOW_WORDS),
        Scene::Json => split_even(&json_text(ask.schema.as_ref())),
        Scene::Image => {
            let plural = if ask.images == 1 { "" } else { "s" };
            words(&format!("I see {} image{plural}.", ask.images))
        }
        Scene::Echo => split_even(&String::from_utf8_lossy(body)),
        _ => words(rest(ask)),
    };
    (said, Finish::Stop)
}

/// Calls of the first offered tools, or of the first again where there are too few.
fn call(offers: &[Offer], calls: usize) -> Vec<Piece> {
    let chosen = |index: usize| offers.get(index).or(offers.first());
    (0..calls).filter_map(|index| Some((index, chosen(index)?))).flat_map(call_of).collect()
}

fn call_of((index, offer): (usize, &Offer)) -> Vec<Piece> {
    let text = arguments(offer, index);
    let chars: Vec<char> = text.chars().collect();
    let parts: Vec<String> = chars
        .chunks(chars.len().div_ceil(ARGUMENT_PARTS).max(1))
        .map(|part| part.iter().collect())
        .collect();
    let count = parts.len();
    let mut pieces = vec![Piece::Call { index, name: offer.name.clone() }];
    pieces.extend(parts.into_iter().enumerate().map(|(at, part)| {
        let last = at + 1 == count;
        Piece::Arguments { index, part, last }
    }));
    pieces
}

/// Arguments that fit the tool's schema. A tool that says nothing of them, or asks for a city, is
/// told one; the second call's differ from the first's.
fn arguments(offer: &Offer, index: usize) -> String {
    let filling = if index == 0 { Filling::FIRST } else { Filling::SECOND };
    let properties = offer.schema.as_ref().and_then(|schema| schema.get("properties"));
    let properties = properties.and_then(Value::as_object).filter(|found| !found.is_empty());
    let city = properties.is_none_or(|properties| properties.contains_key("city"));
    let mut filled = match (&offer.schema, properties) {
        (Some(schema), Some(_)) => schema::fill(schema, filling),
        _ => json!({}),
    };
    if let (true, Some(filled)) = (city, filled.as_object_mut()) {
        filled.insert("city".to_owned(), json!(if index == 0 { "Lagos" } else { "Oslo" }));
    }
    filled.to_string()
}

fn json_text(schema: Option<&Value>) -> String {
    let filled = schema.map(|schema| schema::fill(schema, Filling::FIRST));
    filled.unwrap_or_else(|| json!({ "answer": "wall" })).to_string()
}

/// What is left of the text if a part of it is to be continued; else the whole.
fn rest(ask: &Ask) -> &'static str {
    ask.continued(TEXT).map_or(TEXT, |(_, left)| left)
}

/// What a fault beyond S16 says, as far as it comes.
fn further(plot: Plot, ask: &Ask) -> (Vec<Piece>, Finish) {
    let calls = matches!(plot, Plot::CutCall | Plot::StallCall);
    let said = match plot {
        _ if calls && !ask.ends_with_tool && !ask.tools.is_empty() => {
            return (call(&ask.tools, 1), Finish::Tools);
        }
        Plot::CutJson => split_even(&json_text(ask.schema.as_ref())),
        Plot::Probe if ask.output_tokens_max.is_some_and(|limit| limit <= PROBE_TOKENS_MAX) => {
            let limit = ask.output_tokens_max.and_then(|limit| usize::try_from(limit).ok());
            let thought = split_words(THOUGHT).map(Piece::Thought);
            return (thought.take(limit.unwrap_or_default()).collect(), Finish::Length);
        }
        Plot::ForeignSeal if ask.continued(TEXT).is_none() => {
            let thought = split_words(THOUGHT).map(Piece::Thought);
            let seal = std::iter::once(Piece::Signature(SIGNATURE));
            thought.chain(seal).chain(words(TEXT)).collect()
        }
        Plot::StartsOver => words(TEXT),
        Plot::OtherAnswer if ask.continued(TEXT).is_some() => words(OTHER),
        Plot::ShortAnswer if ask.continued(TEXT).is_some() => first_words(SHORT_WORDS),
        Plot::Paraphrase => said_again(ask, &Again { words: 8, reworded: true, ..Again::PLAIN }),
        Plot::Repeats => said_again(ask, &Again::PLAIN),
        Plot::Preface => said_again(ask, &Again { preface: PREFACE, ..Again::PLAIN }),
        _ => words(rest(ask)),
    };
    (said, Finish::Stop)
}

/// What comes before the rest where a model is asked to go on.
struct Again {
    preface: &'static str,
    /// The last words, so many of them.
    words: usize,
    /// One of them is another now.
    reworded: bool,
}

impl Again {
    const PLAIN: Self = Self { preface: "", words: 6, reworded: false };
}

/// The last words of what was said, then what is left; the text itself if nothing is to be
/// continued.
fn said_again(ask: &Ask, again: &Again) -> Vec<Piece> {
    let Some((said, left)) = ask.continued(TEXT) else { return words(TEXT) };
    let mut last: Vec<&str> = said.split_whitespace().rev().take(again.words).collect();
    last.reverse();
    if let (true, Some(word)) = (again.reworded, last.get_mut(1)) {
        *word = REWORDED;
    }
    // A word that was broken off is not parted from its end, and a space is not doubled.
    let space = if said.ends_with(' ') { " " } else { "" };
    words(&format!("{}{}{space}{left}", again.preface, last.join(" ")))
}

fn words(text: &str) -> Vec<Piece> {
    split_words(text).map(Piece::Text).collect()
}

fn first_words(count: usize) -> Vec<Piece> {
    split_words(TEXT).take(count).map(Piece::Text).collect()
}

/// The space stands before the word, as providers send it.
fn split_words(text: &str) -> impl Iterator<Item = String> {
    text.split(' ').enumerate().filter_map(|(index, part)| match (index, part) {
        (0, "") => None,
        (0, part) => Some(part.to_owned()),
        (_, part) => Some(format!(" {part}")),
    })
}

/// A bounded number of pieces of even length.
fn split_even(text: &str) -> Vec<Piece> {
    let chars: Vec<char> = text.chars().collect();
    let size = (chars.len() / PIECES_MAX).max(PIECE_CHARS_MIN);
    chars.chunks(size).map(|part| Piece::Text(part.iter().collect())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(answer: &Answer) -> String {
        let text = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            other => panic!("{other:?}"),
        };
        answer.pieces.iter().map(text).collect()
    }

    fn offering(tools: &[(&str, Value)]) -> Ask {
        let offer = |(name, schema): &(&str, Value)| Offer {
            name: (*name).to_owned(),
            schema: Some(schema.clone()),
        };
        Ask { tools: tools.iter().map(offer).collect(), ..Ask::default() }
    }

    fn calls(answer: &Answer) -> Vec<(String, Value)> {
        let mut calls: Vec<(String, String)> = Vec::new();
        for piece in &answer.pieces {
            match piece {
                Piece::Call { index, name } => {
                    assert_eq!(*index, calls.len());
                    calls.push((name.clone(), String::new()));
                }
                Piece::Arguments { index, part, .. } => calls[*index].1.push_str(part),
                other => panic!("{other:?}"),
            }
        }
        calls.into_iter().map(|(name, text)| (name, serde_json::from_str(&text).unwrap())).collect()
    }

    #[test]
    fn the_text_has_sixty_words_and_each_is_a_piece() {
        assert_eq!(TEXT.split_whitespace().count(), 60);
        let answer = compose(Scene::Plain, &Ask::default(), b"");
        assert_eq!((answer.pieces.len(), answer.tokens.output), (60, 60));
        assert_eq!((text(&answer).as_str(), answer.finish), (TEXT, Finish::Stop));
    }

    #[test]
    fn a_prefix_is_continued_at_every_byte() {
        let asked = |prefix: &str| Ask { prefill: Some(prefix.to_owned()), ..Ask::default() };
        for at in 0..=TEXT.len() {
            let (prefix, rest) = TEXT.split_at(at);
            assert_eq!(text(&compose(Scene::S08, &asked(prefix), b"")), rest);
        }
        assert_eq!(text(&compose(Scene::Plain, &asked("Each evening"), b"")), TEXT);
    }

    #[test]
    fn calls_follow_what_is_offered() {
        let city = json!({"type": "object", "properties": {"city": {"type": "string"}}});
        let time = json!({"type": "OBJECT", "properties": {"hour": {"type": "INTEGER"}}});
        let both = offering(&[("weather", city), ("time", time.clone())]);
        let one = compose(Scene::Tools, &both, b"");
        assert_eq!((one.finish, one.tokens.output), (Finish::Tools, 4));
        assert_eq!(calls(&one), [("weather".to_owned(), json!({"city": "Lagos"}))]);
        let two = calls(&compose(Scene::ParallelTools, &both, b""));
        assert_eq!(two[1], ("time".to_owned(), json!({"hour": 8})));

        let twice = calls(&compose(Scene::ParallelTools, &offering(&[("time", time)]), b""));
        assert_eq!(twice[0], ("time".to_owned(), json!({"hour": 7})));
        assert_eq!(twice[1], ("time".to_owned(), json!({"hour": 8})));

        let done = Ask { ends_with_tool: true, ..both };
        assert_eq!(text(&compose(Scene::ParallelTools, &done, b"")), TEXT);
        assert_eq!(text(&compose(Scene::Tools, &Ask::default(), b"")), TEXT);
    }

    #[test]
    fn the_ends_are_told() {
        let of = |scene| compose(scene, &Ask { prompt_words: 3, ..Ask::default() }, b"");
        let length = of(Scene::Length);
        assert_eq!((length.finish, length.tokens.output), (Finish::Length, 12));
        assert_eq!(of(Scene::FilterMid).finish, Finish::Filtered);
        assert!(TEXT.starts_with(&text(&of(Scene::FilterMid))));
        assert_eq!(of(Scene::Refusal).finish, Finish::Refused);
        let cached = of(Scene::Cached).tokens;
        assert_eq!((cached.input, cached.cached), (1027, 1024));
        let thinking = of(Scene::Thinking).tokens;
        assert_eq!((thinking.reasoning, thinking.output), (12, 72));
        let citation = of(Scene::Citations).citation().unwrap();
        assert_eq!(TEXT.get(citation.start..citation.end), Some(citation.quote));
    }

    #[test]
    fn an_echo_is_the_body_itself() {
        let body = r#"{"model":"m","messages":[],"x":1.0e0,"é":"日本"}"#;
        assert_eq!(text(&compose(Scene::Echo, &Ask::default(), body.as_bytes())), body);
        let long = body.repeat(1000);
        let answer = compose(Scene::Echo, &Ask::default(), long.as_bytes());
        assert_eq!(text(&answer), long);
        assert!(answer.pieces.len() <= PIECES_MAX + 1);
    }
}
