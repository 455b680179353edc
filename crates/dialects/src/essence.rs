//! What a request says, for whoever must know whether two of them ask the same: without blanks, the
//! members at its top in one order, and without those that cannot change what is answered. It
//! compares and hashes nothing itself, and where it is in doubt two requests differ.

use crate::json::{members, string_end};

/// Members at the top that say how the answer is sent or what it is filed under, as they are
/// spelled. `user` is not among them: a server may keep a memory for each of its users.
const OF_NO_MATTER: [&[u8]; 6] = [
    b"\"stream\"",
    b"\"stream_options\"",
    b"\"service_tier\"",
    b"\"prompt_cache_key\"",
    b"\"prompt_cache_retention\"",
    b"\"request_id\"",
];
/// Members of `metadata` that number one request.
const NUMBERS: [&[u8]; 6] = [
    b"\"request_id\"",
    b"\"requestId\"",
    b"\"trace_id\"",
    b"\"traceId\"",
    b"\"span_id\"",
    b"\"spanId\"",
];

/// Feeds what `body` says, piece by piece. The body must have passed a parser.
pub fn essence(body: &[u8], feed: &mut dyn FnMut(&[u8])) {
    let skips = |name: &[u8]| OF_NO_MATTER.contains(&name);
    object(body, &skips, &mut |name, value| {
        feed(name);
        feed(b":");
        if name == b"\"metadata\"" && value.first() == Some(&b'{') {
            let numbers = |name: &[u8]| NUMBERS.contains(&name);
            object(value, &numbers, &mut |name, value| {
                feed(name);
                feed(b":");
                compact(value, feed);
                feed(b",");
            });
        } else {
            compact(value, feed);
        }
        feed(b",");
    });
}

/// The members of an object by their names, but for those that `skips` names; equal ones stay in
/// their order.
fn object(text: &[u8], skips: &dyn Fn(&[u8]) -> bool, member: &mut dyn FnMut(&[u8], &[u8])) {
    let part = |place: std::ops::Range<usize>| text.get(place).unwrap_or_default();
    let all = members(text).into_iter().map(|member| (part(member.name), part(member.value)));
    let mut kept: Vec<_> = all.filter(|(name, _)| !skips(name)).collect();
    kept.sort_by_key(|(name, _)| *name);
    kept.into_iter().for_each(|(name, value)| member(name, value));
}

/// A value without the blanks between its parts.
fn compact(value: &[u8], feed: &mut dyn FnMut(&[u8])) {
    let mut from = 0;
    let mut at = 0;
    while let Some(byte) = value.get(at) {
        if *byte == b'"' {
            at = string_end(value, at).unwrap_or(value.len());
            continue;
        }
        if byte.is_ascii_whitespace() {
            feed(value.get(from..at).unwrap_or_default());
            from = at + 1;
        }
        at += 1;
    }
    feed(value.get(from..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(body: &str) -> String {
        let mut said = Vec::new();
        essence(body.as_bytes(), &mut |part| said.extend_from_slice(part));
        String::from_utf8(said).unwrap()
    }

    #[test]
    fn the_way_of_sending_and_of_spelling_does_not_matter() {
        let one =
            said(r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"a b"}]}"#);
        let other = said(
            "{ \"messages\" : [ {\"role\": \"user\",\n \"content\": \"a b\"} ], \"model\":\"m\",
             \"stream_options\": {\"include_usage\": true}, \"request_id\": \"7\" }",
        );
        assert_eq!(one, other);
        let numbered = |id: &str| format!(r#"{{"metadata":{{"shop":"x","trace_id":"{id}"}}}}"#);
        assert_eq!(said(&numbered("1")), said(&numbered("2")));
    }

    #[test]
    fn what_is_asked_does_matter() {
        let bodies = [
            r#"{"messages":[{"content":"a b"}]}"#,
            r#"{"messages":[{"content":"a  b"}]}"#,
            r#"{"messages":[{"content":"ab"}]}"#,
            r#"{"messages":[{"content":"a \" b"}]}"#,
            r#"{"messages":[{"content":"a b"}],"user":"x"}"#,
            r#"{"messages":[{"content":"a b"}],"temperature":1}"#,
            r#"{"messages":[{"content":"a b"}],"temperature":1.0}"#,
            r#"{"messages":[{"content":"a b"}],"metadata":{"shop":"x"}}"#,
            r#"{"messages":[{"content":"a b"}],"metadata":{"shop":"y"}}"#,
            r#"{"messages":[{"content":"a b"},{"content":"a b"}]}"#,
        ];
        for (at, one) in bodies.iter().enumerate() {
            for other in bodies.iter().skip(at + 1) {
                assert_ne!(said(one), said(other), "{one} {other}");
            }
        }
    }

    /// Some JSON, and the same with other blanks.
    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            any::<i32>().prop_map(serde_json::Value::from),
            any::<bool>().prop_map(serde_json::Value::from),
            "[ a\"\\\\{}:,]{0,6}".prop_map(serde_json::Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
                prop::collection::hash_map("[a-d ]{1,3}", inner, 0..4)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        /// Blanks never matter, and two values that differ are never taken for one.
        #[test]
        fn it_is_as_good_as_the_value(one in json(), other in json()) {
            let body = |value: &serde_json::Value| format!("{{\"input\":{value}}}");
            let pretty = format!("{{\"input\":{}}}", serde_json::to_string_pretty(&one).unwrap());
            prop_assert_eq!(said(&body(&one)), said(&pretty));
            prop_assert_eq!(one == other, said(&body(&one)) == said(&body(&other)));
        }
    }
}
