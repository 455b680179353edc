//! Arguments of a call that come piece by piece, each with its place: Vertex streams them so. The
//! pieces may come in any order, so that the whole is known only when the call is over.

use super::part::Piece;
use crate::json::quoted;

/// Bytes of all values of one call.
const VALUE_BYTES_MAX: usize = 1024 * 1024;
/// Steps of one place.
const DEPTH_MAX: usize = 64;
/// Elements of one array.
const ELEMENTS_MAX: usize = 10_000;
/// Members and elements of one call.
const NODES_MAX: usize = 100_000;

/// The arguments so far.
#[derive(Debug)]
pub(super) struct Arguments {
    root: Node,
    value_bytes: usize,
    nodes: usize,
    /// A piece had no place that could be understood, or was over a bound.
    pub(super) broken: bool,
}

#[derive(Debug)]
enum Node {
    Empty,
    Text(String),
    /// A number, true, false or null.
    Plain(Box<str>),
    Object(Vec<(String, Node)>),
    Array(Vec<Node>),
}

enum Step {
    Name(String),
    Index(usize),
}

impl Default for Arguments {
    fn default() -> Self {
        Self { root: Node::Object(Vec::new()), value_bytes: 0, nodes: 0, broken: false }
    }
}

impl Arguments {
    /// Takes a piece; more text of a place is joined to the text that is there.
    pub(super) fn take(&mut self, piece: &Piece<'_>) {
        let size = piece.text.as_deref().or(piece.raw).map_or(0, str::len);
        self.value_bytes = self.value_bytes.saturating_add(size);
        let steps = piece.place.as_deref().and_then(steps_of);
        let (Some(steps), true) = (steps, self.value_bytes <= VALUE_BYTES_MAX) else {
            self.broken = true;
            return;
        };
        let mut nodes = self.nodes;
        let Some(node) = find(&mut self.root, steps, &mut nodes) else {
            self.broken = true;
            return;
        };
        self.nodes = nodes;
        match (&piece.text, piece.raw, &mut *node) {
            (Some(more), _, Node::Text(text)) => text.push_str(more),
            (Some(text), _, node) => *node = Node::Text(text.clone().into_owned()),
            (None, Some(raw), node) => *node = Node::Plain(Box::from(raw)),
            (None, None, _) => {}
        }
    }

    /// The arguments as JSON.
    pub(super) fn json(&self) -> String {
        let mut text = String::new();
        write(&self.root, &mut text);
        text
    }
}

/// The node at a place, made if it is not there.
fn find<'a>(root: &'a mut Node, steps: Vec<Step>, nodes: &mut usize) -> Option<&'a mut Node> {
    let mut node = root;
    for step in steps {
        node = match step {
            Step::Name(name) => {
                if !matches!(node, Node::Object(_)) {
                    *node = Node::Object(Vec::new());
                }
                let Node::Object(members) = node else { return None };
                let at = members.iter().rposition(|(known, _)| *known == name);
                let at = at.unwrap_or(members.len());
                if at == members.len() {
                    *nodes += 1;
                    members.push((name, Node::Empty));
                }
                &mut members.get_mut(at)?.1
            }
            Step::Index(index) => {
                if !matches!(node, Node::Array(_)) {
                    *node = Node::Array(Vec::new());
                }
                let Node::Array(elements) = node else { return None };
                if index >= ELEMENTS_MAX {
                    return None;
                }
                *nodes += (index + 1).saturating_sub(elements.len());
                if *nodes > NODES_MAX {
                    return None;
                }
                while elements.len() <= index {
                    elements.push(Node::Empty);
                }
                elements.get_mut(index)?
            }
        };
        if *nodes > NODES_MAX {
            return None;
        }
    }
    Some(node)
}

/// The steps of a place such as `$.a.b[0]['c']`.
fn steps_of(place: &str) -> Option<Vec<Step>> {
    let mut rest = place.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if steps.len() == DEPTH_MAX {
            return None;
        }
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let (name, next) = after.split_at_checked(end)?;
            if name.is_empty() {
                return None;
            }
            steps.push(Step::Name(name.to_owned()));
            rest = next;
        } else {
            let inner = rest.strip_prefix('[')?;
            let quote = inner.chars().next().filter(|first| matches!(first, '\'' | '"'));
            if let Some(quote) = quote {
                let inner = inner.strip_prefix(quote)?;
                let (name, next) = inner.split_once(&format!("{quote}]"))?;
                steps.push(Step::Name(name.to_owned()));
                rest = next;
            } else {
                let (index, next) = inner.split_once(']')?;
                steps.push(Step::Index(index.parse().ok()?));
                rest = next;
            }
        }
    }
    Some(steps)
}

fn write(node: &Node, text: &mut String) {
    match node {
        Node::Empty => text.push_str("null"),
        Node::Text(value) => text.push_str(&quoted(value)),
        Node::Plain(raw) => text.push_str(raw),
        Node::Object(members) => {
            text.push('{');
            for (at, (name, value)) in members.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                text.push_str(&quoted(name));
                text.push(':');
                write(value, text);
            }
            text.push('}');
        }
        Node::Array(elements) => {
            text.push('[');
            for (at, value) in elements.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                write(value, text);
            }
            text.push(']');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece<'a>(place: &'a str, text: Option<&'a str>, raw: Option<&'a str>) -> Piece<'a> {
        Piece { place: Some(place.into()), text: text.map(Into::into), raw }
    }

    #[test]
    fn pieces_find_their_places() {
        let mut arguments = Arguments::default();
        for piece in [
            piece("$.recipe.steps[0]", Some("Pre"), None),
            piece("$.recipe.steps[0]", Some("heat"), None),
            piece("$.recipe['a name']", None, Some("1.50")),
            piece("$.recipe.steps[1]", None, Some("null")),
        ] {
            arguments.take(&piece);
        }
        let json = r#"{"recipe":{"steps":["Preheat",null],"a name":1.50}}"#;
        assert_eq!((arguments.json().as_str(), arguments.broken), (json, false));
    }

    #[test]
    fn a_place_beyond_the_bounds_is_not_made() {
        for place in ["$.a[99999999]", "$.", "a", "$[", "$['x", "$.a[-1]"] {
            let mut arguments = Arguments::default();
            arguments.take(&piece(place, Some("x"), None));
            assert!(arguments.broken, "{place}");
        }
        let deep = format!("${}", ".a".repeat(65));
        let mut arguments = Arguments::default();
        arguments.take(&piece(&deep, Some("x"), None));
        assert!(arguments.broken);
    }
}
