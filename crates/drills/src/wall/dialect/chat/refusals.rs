//! OpenAI's error bodies, Azure's variations on them, and the headers of both.

use serde_json::{Value, json};

use super::super::super::refusal::Cause;
use super::super::{Envelope, Refused, until};

/// Header lines of an answer.
pub(in super::super) fn headers(envelope: &Envelope, azure: bool) -> String {
    let id = envelope.serial;
    if azure {
        format!(
            "apim-request-id: wall-{id}\r\nx-ms-region: Harbour\r\nx-ms-rai-invoked: true\r\n\
             x-request-id: chatcmpl-wall-{id}\r\n"
        )
    } else {
        format!("x-request-id: chatcmpl-wall-{id}\r\n")
    }
}

/// An error as OpenAI sends it, for chat completions, responses and embeddings alike.
pub(in super::super) fn refuse(cause: &Cause, envelope: &Envelope) -> Refused {
    let (status, code) = (cause.status(), code(cause));
    let kind = match status {
        _ if *cause == Cause::Spent => "insufficient_quota",
        429 => "rate_limit_error",
        500.. => "server_error",
        _ => "invalid_request_error",
    };
    let body = json!({
        "error": {"message": cause.message(), "type": kind, "param": null, "code": code}
    });
    Refused::json(
        status,
        format!("{}{}", headers(envelope, false), retry_after(cause, envelope)),
        &body,
    )
}

fn code(cause: &Cause) -> &'static str {
    match cause {
        Cause::RateLimited { .. }
        | Cause::LimitedUntil { .. }
        | Cause::LimitedInBody { .. }
        | Cause::Accelerated => "rate_limit_exceeded",
        Cause::Spent => "insufficient_quota",
        Cause::ForeignSeal => "invalid_encrypted_content",
        Cause::ServerError => "server_error",
        Cause::Unavailable => "service_unavailable",
        Cause::Overloaded | Cause::Busy => "overloaded",
        Cause::TooLong => "context_length_exceeded",
        Cause::Filtered => "content_policy_violation",
        Cause::NoPrefill => "invalid_prefill",
        Cause::BadKey => "invalid_api_key",
        Cause::UnknownModel => "model_not_found",
        Cause::Invalid(_) => "invalid_request",
        Cause::NotFound => "not_found",
        Cause::WrongMethod => "method_not_allowed",
        Cause::TooManyModels => "too_many_models",
        Cause::Unreadable(..) => "bad_request",
    }
}

fn retry_after(cause: &Cause, envelope: &Envelope) -> String {
    match cause {
        Cause::LimitedUntil { seconds } => until(envelope, *seconds),
        Cause::RateLimited { retry_after_s: Some(seconds) } => {
            format!("retry-after: {seconds}\r\n")
        }
        _ => String::new(),
    }
}

/// An error as Azure sends it: many codes are the status as text, and a filtered prompt brings the
/// filter's findings.
pub(in super::super) fn refuse_azure(cause: &Cause, envelope: &Envelope) -> Refused {
    let status = cause.status();
    let text = status.to_string();
    let plain = |code: &str, message: &str| json!({"error": {"code": code, "message": message}});
    let body = match cause {
        Cause::RateLimited { retry_after_s } => {
            let wait = match retry_after_s {
                Some(seconds) => format!(" Please retry after {seconds} seconds."),
                None => String::new(),
            };
            plain(&text, &format!("The deployment exceeded its token rate limit.{wait}"))
        }
        Cause::LimitedUntil { .. } | Cause::LimitedInBody { .. } | Cause::Accelerated => {
            plain(&text, cause.message())
        }
        Cause::Overloaded | Cause::Busy | Cause::Unavailable => {
            plain("ServiceUnavailable", cause.message())
        }
        Cause::ServerError => plain("InternalServerError", cause.message()),
        Cause::BadKey => plain(&text, "Access denied due to an invalid subscription key."),
        Cause::UnknownModel => plain("DeploymentNotFound", "No such deployment exists."),
        Cause::NotFound => plain(&text, "Resource not found"),
        Cause::Filtered => json!({"error": {
            "message": "The prompt triggered the content management policy.",
            "type": null,
            "param": "prompt",
            "code": "content_filter",
            "status": status,
            "innererror": {
                "code": "ResponsibleAIPolicyViolation",
                "content_filter_result": filter_results(true),
            },
        }}),
        _ => return Refused { headers: headers(envelope, true), ..refuse(cause, envelope) },
    };
    let wait = match cause {
        Cause::RateLimited { retry_after_s: Some(seconds) } => {
            format!(
                "{}retry-after-ms: {}\r\n",
                retry_after(cause, envelope),
                u64::from(*seconds) * 1_000
            )
        }
        Cause::LimitedUntil { seconds } => until(envelope, *seconds),
        _ => String::new(),
    };
    Refused::json(status, format!("{}{wait}", headers(envelope, true)), &body)
}

/// What Azure's filter found.
pub(super) fn filter_results(filtered: bool) -> Value {
    let safe = json!({"filtered": false, "severity": "safe"});
    let hate = if filtered { json!({"filtered": true, "severity": "high"}) } else { safe.clone() };
    json!({"hate": hate, "self_harm": safe, "sexual": safe, "violence": safe})
}

/// What it found in the prompt, which is looked at for attacks too.
pub(super) fn prompt_results() -> Value {
    let mut results = filter_results(false);
    if let Some(results) = results.as_object_mut() {
        results.insert("jailbreak".to_owned(), json!({"detected": false, "filtered": false}));
    }
    results
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn azure_has_words_of_its_own() {
        let envelope = Envelope::default();
        let of = |cause: &Cause| {
            let refused = refuse_azure(cause, &envelope);
            let body: Value = serde_json::from_str(&refused.body).unwrap();
            (refused.status, refused.headers, body["error"].clone())
        };
        let (status, headers, error) = of(&Cause::RateLimited { retry_after_s: Some(2) });
        assert_eq!((status, error["code"].as_str()), (429, Some("429")));
        assert!(headers.contains("retry-after: 2\r\nretry-after-ms: 2000\r\n"));
        assert!(!of(&Cause::RateLimited { retry_after_s: None }).1.contains("retry-after"));
        let (status, _, error) = of(&Cause::Filtered);
        assert_eq!((status, error["code"].as_str()), (400, Some("content_filter")));
        assert_eq!(error["innererror"]["content_filter_result"]["hate"]["filtered"], true);
        assert_eq!(of(&Cause::TooLong).2["code"], "context_length_exceeded");
    }
}
