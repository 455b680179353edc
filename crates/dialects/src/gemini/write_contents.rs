//! Turns in Google's form: two roles, instructions apart, results of functions in the user's voice
//! and by their functions' names.

use domain::{Content, Dialect, Loss, Losses, Role, Text, Thinking, ToolCall, ToolResult, Turn};

use super::fields::{is_object, on_one_line};
use super::known_models::Bears;
use super::write_parts::{call_part, is_told, media_part, own_signature, sign_last, text_part};
use crate::json::quoted;
use crate::object::{ObjectText, array};

/// The base64 of `skip_thought_signature_validator`: Google's own word for a call that another
/// model made, and that has no signature for this reason.
pub(super) const FOREIGN_CALL_SIGNATURE: &str = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=";

/// Contents and instructions, as they are written.
pub(super) struct Contents<'a> {
    bears: Bears,
    losses: &'a mut Losses,
    /// Parts of the instructions.
    system: Vec<String>,
    contents: Vec<String>,
    /// The content that is still open.
    role: Option<Role>,
    parts: Vec<String>,
    /// An empty text was left out of it.
    blank: bool,
    /// The calls so far, in their order, with their names.
    calls: Vec<(Box<str>, Box<str>)>,
}

impl<'a> Contents<'a> {
    pub(super) fn new(bears: Bears, losses: &'a mut Losses) -> Self {
        Self {
            bears,
            losses,
            system: Vec::new(),
            contents: Vec::new(),
            role: None,
            parts: Vec::new(),
            blank: false,
            calls: Vec::new(),
        }
    }

    pub(super) fn take(&mut self, turns: &[Turn]) {
        let mut others = false;
        for turn in turns {
            if turn.name.is_some() {
                self.losses.dropped("messages.name");
            }
            match turn.role {
                Role::System | Role::Developer => {
                    if others {
                        self.losses.approximated("messages.system");
                    }
                    self.instructions(&turn.content);
                }
                role => {
                    others = true;
                    self.open(role);
                    match role {
                        Role::Assistant => self.assistant(&turn.content),
                        Role::Tool => self.results(&turn.content),
                        Role::User | Role::System | Role::Developer => self.user(&turn.content),
                    }
                }
            }
        }
    }

    /// The parts of the instructions, and the contents.
    pub(super) fn finish(mut self) -> (Vec<String>, Vec<String>) {
        self.close();
        if self.contents.is_empty() {
            // Google wants a content, also where there are instructions only.
            self.contents.push(r#"{"role":"user","parts":[{"text":""}]}"#.to_owned());
        }
        (self.system, self.contents)
    }

    /// Turns of one role that follow one another become one content.
    fn open(&mut self, role: Role) {
        if self.role != Some(role) {
            self.close();
            self.role = Some(role);
        }
    }

    fn close(&mut self) {
        if std::mem::take(&mut self.blank) && self.parts.is_empty() && self.contents.is_empty() {
            // The user must come first, also with nothing to say.
            self.parts.push(text_part("", false, None));
        }
        let role = if self.role == Some(Role::Assistant) { "model" } else { "user" };
        if !self.parts.is_empty() {
            let parts = array(&self.parts);
            self.contents.push(format!(r#"{{"role":"{role}","parts":{parts}}}"#));
            self.parts.clear();
        }
        self.role = None;
    }

    fn instructions(&mut self, content: &[Content]) {
        let outer = std::mem::take(&mut self.parts);
        self.user(content);
        self.system.append(&mut self.parts);
        self.parts = outer;
    }

    fn user(&mut self, content: &[Content]) {
        for part in content {
            match part {
                Content::ToolResult(result) => self.result(result),
                other => self.part(other),
            }
        }
    }

    fn assistant(&mut self, content: &[Content]) {
        let signed = |part: &Content| match part {
            Content::ToolCall(call) => call.signature.is_some(),
            _ => false,
        };
        let mut needs_signature = self.bears.third() && !content.iter().any(signed);
        for part in content {
            match part {
                Content::ToolCall(call) => {
                    let needed = std::mem::take(&mut needs_signature);
                    self.call(call, needed);
                }
                other => self.part(other),
            }
        }
    }

    fn call(&mut self, call: &ToolCall, needs_signature: bool) {
        self.calls.push((call.id.clone(), call.name.clone()));
        let mut signature = call.signature.as_deref();
        if signature.is_none() && needs_signature {
            self.losses.approximated("tool_calls.signature");
            signature = Some(FOREIGN_CALL_SIGNATURE);
        }
        let part = call_part(call, signature, self.losses);
        self.parts.push(part);
    }

    /// Results in the order of their calls: where ids are not told, the order tells them apart.
    fn results(&mut self, content: &[Content]) {
        let mut ordered: Vec<(usize, &Content)> = Vec::with_capacity(content.len());
        for part in content {
            let place = match part {
                Content::ToolResult(result) => {
                    self.calls.iter().rposition(|(id, _)| *id == result.id)
                }
                _ => None,
            };
            ordered.push((place.unwrap_or(usize::MAX), part));
        }
        ordered.sort_by_key(|(place, _)| *place);
        let ordered: Vec<&Content> = ordered.into_iter().map(|(_, part)| part).collect();
        let mut behind = Vec::new();
        for part in ordered {
            match part {
                Content::ToolResult(result) => {
                    behind.extend(self.result_media(result));
                    self.result(result);
                }
                other => self.part(other),
            }
        }
        self.parts.append(&mut behind);
    }

    /// Media of a result that cannot stand inside it stand behind all results.
    fn result_media(&mut self, result: &ToolResult) -> Vec<String> {
        if self.bears.third() {
            return Vec::new();
        }
        let media = result.content.iter().filter_map(|part| match part {
            Content::Media(media) => Some(media),
            _ => None,
        });
        let parts: Vec<String> =
            media.filter_map(|media| media_part(media, None, self.losses)).collect();
        if !parts.is_empty() {
            self.losses.approximated("tool_result.media");
        }
        parts
    }

    fn result(&mut self, result: &ToolResult) {
        if result.cache.is_some() {
            self.losses.dropped("cache_control");
        }
        let known = self.calls.iter().rev().find(|(id, _)| *id == result.id);
        let name = result.name.as_deref().or(known.map(|(_, name)| &**name));
        let name = name.map(str::to_owned).unwrap_or_else(|| {
            self.losses.approximated("tool_result.name");
            "unknown_tool".to_owned()
        });
        let mut texts: Vec<&str> = Vec::new();
        let mut inner = Vec::new();
        for part in &result.content {
            match part {
                Content::Text(text) => {
                    self.tell_attachments(text);
                    texts.push(&text.text);
                }
                Content::Media(media) if self.bears.third() => {
                    inner.extend(media_part(media, None, self.losses));
                }
                Content::Media(_) => {}
                Content::Refusal(text) => texts.push(text),
                _ => self.losses.dropped("tool_result.content"),
            }
        }
        let mut function = ObjectText::new();
        if is_told(&result.id) {
            function.text("id", &result.id);
        }
        function.text("name", &name);
        function.raw("response", &response(&texts, result.is_error));
        function.list_if("parts", &inner);
        self.parts.push(format!(r#"{{"functionResponse":{}}}"#, function.end()));
    }

    fn part(&mut self, part: &Content) {
        match part {
            Content::Text(text) => {
                self.tell_attachments(text);
                // An empty text is refused by some of Google's services, and says nothing.
                if text.text.is_empty() {
                    self.blank |= self.role.is_some();
                } else {
                    self.parts.push(text_part(&text.text, false, None));
                }
            }
            Content::Media(media) => self.parts.extend(media_part(media, None, self.losses)),
            Content::Thinking(thinking) => self.thinking(thinking),
            Content::Refusal(text) => {
                self.losses.approximated("messages.refusal");
                self.parts.push(text_part(text, false, None));
            }
            Content::SearchResults(_) => self.losses.dropped("messages.search_results"),
            Content::Foreign(foreign) if foreign.dialect == Dialect::Gemini => {
                self.parts.push(on_one_line(foreign.json.as_str()).into_owned());
            }
            Content::Foreign(foreign) => self.losses.add(Loss::unmapped(&foreign.kind)),
            // Out of place: a call in the user's turn, or a result in the assistant's.
            Content::ToolCall(_) => self.losses.dropped("messages.tool_calls"),
            Content::ToolResult(_) => self.losses.dropped("messages.tool_result"),
        }
    }

    fn thinking(&mut self, thinking: &Thinking) {
        let signature = own_signature(thinking.proof.as_ref(), self.losses);
        let foreign = thinking.proof.as_ref().is_some_and(|proof| proof.dialect != Dialect::Gemini);
        if foreign && !thinking.text.is_empty() {
            // What another model thought is worth nothing to this one.
            self.losses.dropped("thinking");
            return;
        }
        if !thinking.text.is_empty() {
            self.parts.push(text_part(&thinking.text, true, signature));
            return;
        }
        let Some(signature) = signature else { return };
        sign_last(&mut self.parts, signature);
    }

    fn tell_attachments(&mut self, text: &Text) {
        if text.cache.is_some() {
            self.losses.dropped("cache_control");
        }
        if !text.citations.is_empty() {
            self.losses.dropped("messages.citations");
        }
    }
}

/// What a function answered, as an object: an object as it is, else Google's own words for a text
/// and for a failure.
fn response(texts: &[&str], is_error: bool) -> String {
    let joined = texts.join("\n");
    if is_error {
        let told = if is_object(&joined) { on_one_line(&joined).into() } else { quoted(&joined) };
        return format!(r#"{{"error":{told}}}"#);
    }
    if joined.is_empty() {
        return "{}".to_owned();
    }
    if is_object(&joined) {
        return on_one_line(&joined).into_owned();
    }
    format!(r#"{{"output":{}}}"#, quoted(&joined))
}
