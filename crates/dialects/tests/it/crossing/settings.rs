//! Settings that only some dialects know are carried among those and named as lost elsewhere.

use dialects::{Order, Vendor, of};
use domain::{Dialect, ModelCard, Operation};
use serde_json::{Value, json};

use super::crossed::{read_request, vendors, write_request};

fn chat(word: &str) -> Value {
    json!({"model": "m", "messages": [{"role": "user", "content": "hi"}], "verbosity": word})
}

fn responses(word: &str) -> Value {
    json!({"model": "m", "input": "hi", "text": {"verbosity": word}})
}

/// The request as it goes to this provider, and the names of what is lost.
fn crossed(from: Dialect, body: &Value, to: (Dialect, Vendor)) -> (Value, String) {
    let body = serde_json::to_vec(body).unwrap();
    let read = read_request(from, Operation::Generate, &body).unwrap();
    let (written, losses) = write_request(&read, Operation::Generate, to);
    (serde_json::from_slice(&written).unwrap(), losses.header())
}

#[test]
fn verbosity_is_carried_between_openais_forms_and_lost_elsewhere() {
    let forms = [
        (Dialect::OpenAiChat, chat("low"), chat("medium")),
        (Dialect::OpenAiResponses, responses("low"), responses("medium")),
    ];
    let all = [Dialect::OpenAiChat, Dialect::OpenAiResponses, Dialect::Anthropic, Dialect::Gemini];
    for (from, low, medium) in &forms {
        for to in all {
            for vendor in vendors(to) {
                let (written, lost) = crossed(*from, low, (to, *vendor));
                let original = matches!(vendor, Vendor::OpenAi | Vendor::Azure);
                let wanted = if original { json!("low") } else { Value::Null };
                let told = [&written["verbosity"], &written["text"]["verbosity"]];
                let place = usize::from(to == Dialect::OpenAiResponses);
                assert_eq!(*told[place], wanted, "{from} to {vendor:?}: {written}");
                assert_eq!(*told[1 - place], Value::Null, "{from} to {vendor:?}: {written}");
                assert_eq!(lost, if original { "" } else { "verbosity" }, "{from} to {vendor:?}");
                // What happens unasked is no loss.
                assert_eq!(crossed(*from, medium, (to, *vendor)).1, "", "{from} to {vendor:?}");
            }
        }
    }
}

#[test]
fn a_verbosity_that_no_model_knows_is_lost_under_its_own_name() {
    let to = (Dialect::OpenAiResponses, Vendor::OpenAi);
    assert_eq!(crossed(Dialect::OpenAiChat, &chat("loud"), to).1, "verbosity");
    let to = (Dialect::OpenAiChat, Vendor::OpenAi);
    assert_eq!(crossed(Dialect::OpenAiResponses, &responses("loud"), to).1, "text.verbosity");
}

#[test]
fn a_model_that_does_not_think_is_not_asked_for_another_verbosity() {
    let card = ModelCard { reasons: Some(false), ..ModelCard::default() };
    let body = serde_json::to_vec(&chat("high")).unwrap();
    let (full, _) = read_request(Dialect::OpenAiChat, Operation::Generate, &body).unwrap();
    for to in [Dialect::OpenAiChat, Dialect::OpenAiResponses] {
        let written = of(to).write_request(&Order {
            operation: Operation::Generate,
            full: &full,
            model: "gpt-4.1",
            stream: false,
            vendor: Vendor::OpenAi,
            card: &card,
        });
        assert!(!written.body.windows(9).any(|word| word == b"verbosity"), "{to}");
        assert_eq!(written.losses.header(), "verbosity", "{to}");
    }
}
