//! Turns of the internal form, made of contents. Google's calls may have no ids and its results
//! stand in the user's turns: here each call gets an id, and results find their calls and stand
//! in turns of their own.

use domain::{
    Content, Dialect, Foreign, Json, Media, MediaKind, MediaSource, Needs, Proof, ProofKind, Role,
    Text, Thinking, ToolCall, ToolResult, Turn,
};
use serde_json::value::RawValue;

use super::part::{Blob, Call, CallResult, Part};
use crate::base64;
use crate::media::{kind_of_mime, mime_of_address, source_at};
use crate::raw::{All, object};

/// How an id begins that stands for none of Google's. It is left out when it comes back.
pub(super) const MADE_ID: &str = "call_gm_";

/// The turns read so far.
#[derive(Debug, Default)]
pub(super) struct Turns {
    pub(super) list: Vec<Turn>,
    pub(super) needs: Needs,
    pub(super) unmapped: Vec<Box<str>>,
    /// The calls of the assistant's last turn, and where that turn is.
    open: Vec<OpenCall>,
    assistant_at: Option<usize>,
    ids_made: u32,
}

#[derive(Debug)]
struct OpenCall {
    id: Box<str>,
    name: Box<str>,
    answered: bool,
}

impl Turns {
    pub(super) fn system_says(
        &mut self,
        parts: Vec<Option<Part<'_>>>,
        place: &str,
    ) -> Result<(), String> {
        let (said, _results) = self.contents(parts, place)?;
        self.push(Role::System, said);
        Ok(())
    }

    pub(super) fn user_says(
        &mut self,
        parts: Vec<Option<Part<'_>>>,
        place: &str,
    ) -> Result<(), String> {
        let (said, results) = self.contents(parts, place)?;
        if !results.is_empty() {
            self.results_turn().extend(results);
        }
        self.push(Role::User, said);
        Ok(())
    }

    pub(super) fn model_says(
        &mut self,
        parts: Vec<Option<Part<'_>>>,
        place: &str,
    ) -> Result<(), String> {
        let follows = self.list.last().is_some_and(|turn| turn.role == Role::Assistant);
        if !follows {
            self.open.clear();
        }
        let (said, _results) = self.contents(parts, place)?;
        if !said.is_empty() {
            self.assistant_at = Some(self.list.len());
        }
        self.push(Role::Assistant, said);
        Ok(())
    }

    fn push(&mut self, role: Role, said: Vec<Content>) {
        if !said.is_empty() {
            self.list.push(Turn::new(role, said));
        }
    }

    /// The turn of results right behind the assistant's last turn.
    fn results_turn(&mut self) -> &mut Vec<Content> {
        let at = self.assistant_at.map_or(self.list.len(), |assistant| assistant + 1);
        let is_there = self.list.get(at).is_some_and(|turn| turn.role == Role::Tool);
        if !is_there {
            self.list.insert(at.min(self.list.len()), Turn::new(Role::Tool, Vec::new()));
        }
        let last = self.list.len().saturating_sub(1);
        let turn = self.list.get_mut(at.min(last)).expect("a turn was put there just now");
        &mut turn.content
    }

    /// What the parts say, results of tools apart.
    fn contents(
        &mut self,
        parts: Vec<Option<Part<'_>>>,
        place: &str,
    ) -> Result<(Vec<Content>, Vec<Content>), String> {
        let mut said = Vec::with_capacity(parts.len());
        let mut results = Vec::new();
        for (at, part) in parts.into_iter().enumerate() {
            let place = || format!("{place}.parts[{at}]");
            let Some(mut part) = part else {
                return Err(format!("`{}` must be an object", place()));
            };
            for modifier in part.modifiers() {
                self.note(modifier);
            }
            match part.result.take() {
                Some(result) => results.push(Content::ToolResult(self.result(*result, &place)?)),
                None => self.part(part, &place, &mut said)?,
            }
        }
        Ok((said, results))
    }

    fn part(
        &mut self,
        mut part: Part<'_>,
        place: &impl Fn() -> String,
        said: &mut Vec<Content>,
    ) -> Result<(), String> {
        if part.text_is_wrong {
            return Err(format!("`{}.text` must be a string", place()));
        }
        let signature = part.signature.as_deref().map(proof);
        if let Some(call) = part.call.take() {
            let signature = part.signature.take().map(Into::into);
            said.push(Content::ToolCall(self.call(*call, signature, place)?));
            return Ok(());
        }
        if let Some(blob) = part.inline.take() {
            said.push(Content::Media(inline_media(*blob, place)?));
        } else if let Some(blob) = part.file.take() {
            said.push(Content::Media(file_media(*blob, place)?));
        } else if let Some(kind) = part.stranger() {
            said.push(Content::Foreign(Foreign {
                dialect: Dialect::Gemini,
                kind: Box::from(kind),
                json: Json::new(part.whole()),
            }));
            return Ok(());
        } else if let (true, Some(text)) = (part.thought, &part.text) {
            let text = text.clone().into_owned();
            said.push(Content::Thinking(Thinking { text, proof: signature }));
            return Ok(());
        } else if let Some(text) = part.text {
            // An empty text that only bears a signature is no text.
            if signature.is_none() || !text.is_empty() {
                said.push(Content::Text(Text { text: text.into_owned(), ..Text::default() }));
            }
        } else if signature.is_none() {
            return Err(format!("`{}` has nothing that can be read", place()));
        }
        self.count_media(said.last());
        // The proof of a part that is no thinking stands behind it.
        if signature.is_some() {
            said.push(Content::Thinking(Thinking { text: String::new(), proof: signature }));
        }
        Ok(())
    }

    fn count_media(&mut self, content: Option<&Content>) {
        if let Some(Content::Media(media)) = content {
            self.needs |= match media.kind {
                MediaKind::Image => Needs::IMAGES,
                MediaKind::Audio => Needs::AUDIO,
                MediaKind::Video => Needs::VIDEO,
                MediaKind::Document => Needs::DOCUMENTS,
            };
        }
    }

    fn call(
        &mut self,
        call: Call<'_>,
        signature: Option<Box<str>>,
        place: &impl Fn() -> String,
    ) -> Result<ToolCall, String> {
        let Some(name) = call.name else {
            return Err(format!("`{}.functionCall` has no name", place()));
        };
        let id = match call.id {
            Some(id) => Box::from(&*id),
            None => self.make_id(),
        };
        self.needs |= Needs::TOOLS;
        let name: Box<str> = Box::from(&*name);
        self.open.push(OpenCall { id: id.clone(), name: name.clone(), answered: false });
        let arguments = call.args.map_or("{}", RawValue::get).to_owned();
        Ok(ToolCall { id, name, arguments, free_text: false, signature })
    }

    fn make_id(&mut self) -> Box<str> {
        self.ids_made += 1;
        format!("{MADE_ID}t{}", self.ids_made).into()
    }

    fn result(
        &mut self,
        result: CallResult<'_>,
        place: &impl Fn() -> String,
    ) -> Result<ToolResult, String> {
        self.needs |= Needs::TOOLS;
        if result.strange {
            self.note("functionResponse.scheduling");
        }
        let id = self.id_of_call(result.id.as_deref(), result.name.as_deref());
        let (mut content, is_error) = read_response(result.response);
        for (at, part) in result.parts.into_iter().enumerate() {
            let place = || format!("{}.functionResponse.parts[{at}]", place());
            let Some(part) = part else {
                return Err(format!("`{}` must be an object", place()));
            };
            self.part(part, &place, &mut content)?;
        }
        let name = result.name.as_deref().map(Box::from);
        Ok(ToolResult { id, name, content, is_error, cache: None })
    }

    /// The id of the call that a result answers: the one it names, else the first open call of its
    /// function. A result that answers nothing gets an id of its own.
    fn id_of_call(&mut self, id: Option<&str>, name: Option<&str>) -> Box<str> {
        let is_named = |call: &&mut OpenCall| id.is_some_and(|id| *call.id == *id);
        if let Some(call) = self.open.iter_mut().find(is_named) {
            call.answered = true;
            return call.id.clone();
        }
        let may_be = |call: &&mut OpenCall| {
            let made = id.is_none() || call.id.starts_with(MADE_ID);
            !call.answered && made && name.is_none_or(|name| *call.name == *name)
        };
        if let Some(call) = self.open.iter_mut().find(may_be) {
            call.answered = true;
            return call.id.clone();
        }
        id.map_or_else(|| self.make_id(), Box::from)
    }

    fn note(&mut self, name: &str) {
        if !self.unmapped.iter().any(|known| **known == *name) {
            self.unmapped.push(Box::from(name));
        }
    }
}

/// A signature of Google's.
pub(super) fn proof(signature: &str) -> Proof {
    let kind = ProofKind::Signature;
    Proof { dialect: Dialect::Gemini, kind, id: None, data: Box::from(signature) }
}

/// What a function answered: `output` and `error` are Google's own words for a mere text and for a
/// failure; everything else is told as the JSON that it is.
fn read_response(response: Option<&RawValue>) -> (Vec<Content>, bool) {
    let Some(response) = response else {
        return (Vec::new(), false);
    };
    let members = object::<All<'_>>(response).unwrap_or_default().0;
    if let [(name, value)] = members.as_slice() {
        let text = serde_json::from_str::<String>(value.get()).ok();
        match (&**name, text) {
            ("error", Some(text)) => return (vec![Content::text(text)], true),
            ("error", None) => return (vec![Content::text(value.get())], true),
            // A text that looks like an object would not come back as the text that it is.
            ("output", Some(text)) if !text.trim_start().starts_with('{') => {
                return (vec![Content::text(text)], false);
            }
            _ => {}
        }
    }
    (vec![Content::text(response.get())], false)
}

fn inline_media(blob: Blob<'_>, place: &impl Fn() -> String) -> Result<Media, String> {
    let Some(data) = blob.data.filter(|data| !data.is_empty()) else {
        return Err(format!("`{}.inlineData` has no data", place()));
    };
    let kind = blob.mime.as_deref().map_or(MediaKind::Document, kind_of_mime);
    let source = MediaSource::Base64(base64::usual(&data).into());
    Ok(media(kind, source, blob.mime.as_deref(), blob.name.as_deref()))
}

fn file_media(blob: Blob<'_>, place: &impl Fn() -> String) -> Result<Media, String> {
    let Some(uri) = blob.data.filter(|uri| !uri.is_empty()) else {
        return Err(format!("`{}.fileData` has no fileUri", place()));
    };
    if let (source @ MediaSource::Base64(_), told) = source_at(&uri) {
        let mime = blob.mime.as_deref().or(told.as_deref());
        let kind = mime.map_or(MediaKind::Document, kind_of_mime);
        return Ok(media(kind, source, mime, blob.name.as_deref()));
    }
    let on_the_web = uri.starts_with("http://") || uri.starts_with("https://");
    let uploaded = uri.contains("generativelanguage.googleapis.com/");
    let kind = match blob.mime.as_deref() {
        Some(mime) => kind_of_mime(mime),
        None => kind_of_address(&uri),
    };
    let source = if on_the_web && !uploaded {
        MediaSource::Url(uri.into())
    } else {
        MediaSource::File(Dialect::Gemini, uri.into())
    };
    Ok(media(kind, source, blob.mime.as_deref(), blob.name.as_deref()))
}

pub(super) fn media(
    kind: MediaKind,
    source: MediaSource,
    mime: Option<&str>,
    name: Option<&str>,
) -> Media {
    let (mime, name) = (mime.map(Box::from), name.map(Box::from));
    Media { kind, source, mime, name, detail: None, cache: None }
}

fn kind_of_address(uri: &str) -> MediaKind {
    if ["youtube.com/", "youtu.be/"].iter().any(|host| uri.contains(host)) {
        return MediaKind::Video;
    }
    mime_of_address(uri).map_or(MediaKind::Document, kind_of_mime)
}
