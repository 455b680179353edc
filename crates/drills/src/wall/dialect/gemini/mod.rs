//! Gemini's generateContent and its neighbours: how a request is read, and what a refusal says.
//! Fields may be spelled in camel or in snake case, as Google's own clients do both.

mod stream;

use serde_json::{Value, json};

pub(super) use stream::Stream;

use super::super::ask::{Ask, Delivery, any, list, model, object, speaks, words_in};
use super::super::refusal::Cause;
use super::super::vectors::Wanted;
use super::{Envelope, Order, Refused, Service, Wish};

/// The dimensions of a vector where the request names none.
const DIMENSIONS: usize = 768;

/// Reads a request for the model that the path names.
pub(super) fn read(service: Service, named: &str, body: &[u8]) -> Result<Order, String> {
    let model = model(Some(named))?;
    let body = object(body)?;
    match service {
        Service::Answer => Ok(Order { ask: read_contents(model, &body)?, wish: Wish::Answer }),
        Service::Count => {
            let inner = any(&body, &["generateContentRequest", "generate_content_request"]);
            let ask = read_contents(model, inner.unwrap_or(&body))?;
            Ok(Order { ask: Ask { delivery: Delivery::Whole, ..ask }, wish: Wish::Count })
        }
        Service::Embed => {
            let wanted = Wanted::new(vec![content_text(&body)?], dimensions(&body), DIMENSIONS)?;
            let ask = Ask { model, prompt_words: wanted.words(), ..Ask::default() };
            Ok(Order { ask, wish: Wish::Embed(wanted) })
        }
        Service::EmbedBatch => {
            let requests = list(&body, "requests");
            let inputs: Result<Vec<String>, String> = requests.iter().map(content_text).collect();
            let wished = requests.first().and_then(dimensions);
            let wanted = Wanted::new(inputs?, wished, DIMENSIONS)?;
            let ask = Ask { model, prompt_words: wanted.words(), ..Ask::default() };
            Ok(Order { ask, wish: Wish::EmbedBatch(wanted) })
        }
    }
}

fn dimensions(request: &Value) -> Option<&Value> {
    any(request, &["outputDimensionality", "output_dimensionality"])
}

fn content_text(request: &Value) -> Result<String, String> {
    let content = request.get("content").ok_or("content is not specified")?;
    Ok(text_of(content))
}

fn text_of(content: &Value) -> String {
    list(content, "parts").iter().filter_map(|part| part.get("text")?.as_str()).collect()
}

fn read_contents(model: String, body: &Value) -> Result<Ask, String> {
    let contents = list(body, "contents");
    if contents.is_empty() {
        return Err("contents is not specified".to_owned());
    }
    let last = contents.last();
    let answered = |part: &Value| any(part, &["functionResponse", "function_response"]).is_some();
    let system = any(body, &["systemInstruction", "system_instruction"]);
    let settings = any(body, &["generationConfig", "generation_config"]).unwrap_or(&Value::Null);
    let schema = any(
        settings,
        &["responseJsonSchema", "response_json_schema", "responseSchema", "response_schema"],
    );
    let turns = contents.iter().chain(system);
    let mut ask = Ask {
        model,
        output_tokens_max: any(settings, &["maxOutputTokens", "max_output_tokens"])
            .and_then(Value::as_u64),
        ends_with_tool: last.is_some_and(|content| list(content, "parts").iter().any(answered)),
        schema: schema.cloned(),
        images: contents.iter().flat_map(|it| list(it, "parts")).filter(|it| is_image(it)).count(),
        prompt_words: turns.map(|turn| words_in(&text_of(turn))).sum(),
        ..Ask::default()
    };
    let declared = |tool| any(tool, &["functionDeclarations", "function_declarations"]);
    let tools = list(body, "tools").iter().filter_map(declared).filter_map(Value::as_array);
    ask.offer(tools.flatten(), &["parametersJsonSchema", "parameters_json_schema", "parameters"]);
    ask.heed_last(contents, speaks, text_of);
    ask.heed_seals(body);
    Ok(ask)
}

fn is_image(part: &Value) -> bool {
    let data = any(part, &["inlineData", "inline_data", "fileData", "file_data"]);
    let kind = data.and_then(|data| any(data, &["mimeType", "mime_type"])?.as_str());
    kind.is_some_and(|kind| kind.starts_with("image/"))
}

/// The body of an answer that is no conversation.
pub(super) fn side_body(wish: &Wish, tokens: usize) -> String {
    let details = json!([{"modality": "TEXT", "tokenCount": tokens}]);
    let values = |wanted: &Wanted| -> Vec<Value> {
        wanted.vectors().map(|vector| json!({ "values": vector })).collect()
    };
    let body = match wish {
        Wish::Embed(wanted) => json!({"embedding": values(wanted).first()}),
        Wish::EmbedBatch(wanted) => json!({"embeddings": values(wanted)}),
        Wish::Answer | Wish::Count => {
            json!({"totalTokens": tokens, "promptTokensDetails": details})
        }
    };
    body.to_string()
}

/// Header lines of an answer; Google sends nothing that tells of limits.
pub(super) fn headers() -> String {
    "server-timing: gfet4t7; dur=1\r\n".to_owned()
}

/// An error as Google sends it: the wait stands in the body, and within an array where the stream
/// would be one.
pub(super) fn refuse(cause: &Cause, envelope: &Envelope) -> Refused {
    let (code, status) = match cause {
        Cause::RateLimited { .. }
        | Cause::LimitedUntil { .. }
        | Cause::LimitedInBody { .. }
        | Cause::Accelerated
        | Cause::Spent => (429, "RESOURCE_EXHAUSTED"),
        Cause::ServerError => (500, "INTERNAL"),
        Cause::Overloaded | Cause::Unavailable => (503, "UNAVAILABLE"),
        Cause::Busy => (529, "UNAVAILABLE"),
        Cause::UnknownModel | Cause::NotFound => (404, "NOT_FOUND"),
        // A wrong key is an argument like any other here.
        Cause::BadKey => (400, "INVALID_ARGUMENT"),
        other => (other.status(), "INVALID_ARGUMENT"),
    };
    let message = match cause {
        Cause::TooLong => {
            "The input token count (17) exceeds the maximum number of tokens allowed (16)."
                .to_owned()
        }
        Cause::BadKey => "API key not valid. Please pass a valid API key.".to_owned(),
        Cause::UnknownModel => {
            format!("models/{} is not found for API version v1beta.", envelope.model)
        }
        Cause::NoPrefill => "Please ensure that the request ends with a user turn.".to_owned(),
        other => other.message().to_owned(),
    };
    let mut error = json!({"code": code, "message": message, "status": status});
    if let (Some(details), Some(error)) = (details(cause, envelope), error.as_object_mut()) {
        error.insert("details".to_owned(), details);
    }
    let mut body = json!({ "error": error });
    if envelope.delivery == Delivery::Array {
        body = json!([body]);
    }
    Refused::json(code, headers(), &body)
}

fn quota(id: &str, envelope: &Envelope) -> Value {
    json!({
        "@type": "type.googleapis.com/google.rpc.QuotaFailure",
        "violations": [{
            "quotaMetric": "generativelanguage.googleapis.com/generate_content_requests",
            "quotaId": id,
            "quotaDimensions": {"location": "global", "model": envelope.model},
        }],
    })
}

fn details(cause: &Cause, envelope: &Envelope) -> Option<Value> {
    match cause {
        // The day's quota is told in the name of what was exceeded, and in nothing else.
        Cause::Spent => Some(json!([quota("GenerateRequestsPerDayPerProjectPerModel", envelope)])),
        Cause::RateLimited { retry_after_s: Some(seconds) }
        | Cause::LimitedUntil { seconds }
        | Cause::LimitedInBody { seconds } => Some(json!([
            quota("GenerateRequestsPerMinutePerProjectPerModel", envelope),
            {
                "@type": "type.googleapis.com/google.rpc.RetryInfo",
                "retryDelay": format!("{seconds}s"),
            },
        ])),
        Cause::BadKey => Some(json!([{
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "API_KEY_INVALID",
            "domain": "googleapis.com",
        }])),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(body: &str) -> Ask {
        read(Service::Answer, "fb-ok", body.as_bytes()).unwrap().ask
    }

    #[test]
    fn a_request_is_read_in_both_spellings() {
        let camel = r#"{"systemInstruction":{"parts":[{"text":"be brief"}]},
            "generationConfig":{"responseJsonSchema":{"type":"object"}},
            "tools":[{"googleSearch":{}},{"functionDeclarations":[
              {"name":"weather","parametersJsonSchema":{"a":1}}]}],
            "contents":[{"role":"user","parts":[{"text":"two words"},
                {"inlineData":{"mimeType":"image/png","data":""}},
                {"fileData":{"mimeType":"application/pdf","fileUri":"x"}}]},
              {"role":"model","parts":[{"text":"Each morning"}]}]}"#;
        let snake = camel
            .replace("systemInstruction", "system_instruction")
            .replace("generationConfig", "generation_config")
            .replace("responseJsonSchema", "response_schema")
            .replace("functionDeclarations", "function_declarations")
            .replace("parametersJsonSchema", "parameters")
            .replace("inlineData", "inline_data")
            .replace("mimeType", "mime_type");
        for body in [camel, &snake] {
            let ask = ask(body);
            assert_eq!(ask.prefill.as_deref(), Some("Each morning"));
            assert_eq!((ask.images, ask.prompt_words), (1, 6));
            assert_eq!(ask.schema, Some(json!({"type": "object"})));
            assert_eq!(
                (ask.tools[0].name.as_str(), &ask.tools[0].schema),
                ("weather", &Some(json!({"a": 1})))
            );
        }
        let result = ask(
            r#"{"contents":[{"role":"user","parts":[{"functionResponse":{"name":"weather"}}]}]}"#,
        );
        assert!(result.ends_with_tool && result.prefill.is_none());
        assert!(read(Service::Answer, "m", b"{}").is_err());
    }

    #[test]
    fn the_wait_stands_in_the_body() {
        let envelope = Envelope { model: "m".to_owned(), ..Envelope::default() };
        let of = |cause: &Cause, delivery| -> Value {
            let envelope = Envelope { delivery, ..envelope.clone() };
            serde_json::from_str(&refuse(cause, &envelope).body).unwrap()
        };
        let limited = Cause::RateLimited { retry_after_s: Some(2) };
        assert!(!refuse(&limited, &envelope).headers.contains("retry-after"));
        let body = of(&limited, Delivery::Events);
        assert_eq!(body["error"]["details"][1]["retryDelay"], "2s");
        let body = of(&limited, Delivery::Array);
        assert_eq!(body[0]["error"]["status"], "RESOURCE_EXHAUSTED");
        let silent = of(&Cause::RateLimited { retry_after_s: None }, Delivery::Whole);
        assert!(silent["error"].get("details").is_none());
        let key = of(&Cause::BadKey, Delivery::Whole);
        assert_eq!(
            (&key["error"]["code"], &key["error"]["details"][0]["reason"]),
            (&json!(400), &json!("API_KEY_INVALID"))
        );
    }

    #[test]
    fn vectors_come_alone_or_in_a_list() {
        let one = read(
            Service::Embed,
            "m",
            br#"{"content":{"parts":[{"text":"a b"}]},
            "outputDimensionality":3}"#,
        )
        .unwrap();
        assert_eq!(one.ask.prompt_words, 2);
        let body: Value = serde_json::from_str(&side_body(&one.wish, 2)).unwrap();
        assert_eq!(body["embedding"]["values"].as_array().unwrap().len(), 3);
        let two = read(
            Service::EmbedBatch,
            "m",
            br#"{"requests":[
            {"content":{"parts":[{"text":"a"}]}},{"content":{"parts":[{"text":"b"}]}}]}"#,
        )
        .unwrap();
        let body: Value = serde_json::from_str(&side_body(&two.wish, 2)).unwrap();
        assert_eq!(body["embeddings"][1]["values"].as_array().unwrap().len(), DIMENSIONS);
    }

    proptest::proptest! {
        #[test]
        fn no_body_brings_it_down(body in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            for service in [Service::Answer, Service::Count, Service::Embed, Service::EmbedBatch] {
                drop(read(service, "m", &body));
            }
        }
    }
}
