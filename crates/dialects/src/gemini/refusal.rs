//! Refusals of ours in Google's form. Its clients choose their error by the code; the status word
//! and the details tell the rest.

use bytes::Bytes;
use domain::Framing;

use crate::object::{ObjectText, array};
use crate::{Refusal, RefusalKind};

/// Stands behind the error of a stream that broke off: the beginning of an event that never comes.
/// Google's older Node client looks for no error in an event and would end as if all were well; of
/// an end in the middle of an event it complains.
pub(super) const BROKEN_TAIL: &str = "data:";

/// The refusal as a body: `{"error":{code, message, status, details}}`.
pub(super) fn write_refusal(refusal: &Refusal, request_id: &str) -> Bytes {
    Bytes::from(refusal_object(refusal, request_id))
}

/// The refusal as the last event of a stream, or as the last element of an array that has some.
pub(super) fn write_stream_refusal(refusal: &Refusal, framing: Framing) -> Bytes {
    let object = refusal_object(refusal, "");
    Bytes::from(match framing {
        // An event with a name would break Google's clients.
        Framing::Events => format!("data: {object}\r\n\r\n{BROKEN_TAIL}"),
        Framing::JsonArray => format!(",\r\n{object}]"),
    })
}

pub(super) fn refusal_object(refusal: &Refusal, request_id: &str) -> String {
    let (usual_code, status, reason) = words(refusal.kind);
    // Clients take only these codes for an error.
    let code = if (400..600).contains(&refusal.status) { refusal.status } else { usual_code };
    let status = if code == 403 { "PERMISSION_DENIED" } else { status };
    let mut details = vec![detail("ErrorInfo", |info| {
        info.text("reason", reason).text("domain", "seawall");
    })];
    if let Some(param) = refusal.param {
        let mut violation = ObjectText::new();
        violation.text("field", param).text("description", &refusal.message);
        let violations = array(&[violation.end()]);
        details.push(detail("BadRequest", |bad| {
            bad.raw("fieldViolations", &violations);
        }));
    }
    if let Some(wait) = refusal.retry_after_s {
        details.push(detail("RetryInfo", |retry| {
            retry.text("retryDelay", &format!("{wait}s"));
        }));
    }
    if !request_id.is_empty() {
        details.push(detail("RequestInfo", |request| {
            request.text("requestId", request_id);
        }));
    }
    let mut error = ObjectText::new();
    error.raw("code", &code.to_string());
    error.text("message", &refusal.message).text("status", status);
    error.list("details", &details);
    format!(r#"{{"error":{}}}"#, error.end())
}

fn detail(kind: &str, fill: impl FnOnce(&mut ObjectText)) -> String {
    let mut detail = ObjectText::new();
    detail.text("@type", &format!("type.googleapis.com/google.rpc.{kind}"));
    fill(&mut detail);
    detail.end()
}

/// The usual code, Google's status word, and the reason for machines.
fn words(kind: RefusalKind) -> (u16, &'static str, &'static str) {
    const BAD: &str = "INVALID_ARGUMENT";
    match kind {
        RefusalKind::InvalidRequest => (400, BAD, "INVALID_REQUEST"),
        RefusalKind::ModelNotFound => (404, "NOT_FOUND", "MODEL_NOT_FOUND"),
        RefusalKind::ContextLength => (400, BAD, "CONTEXT_LENGTH"),
        RefusalKind::ContentFilter => (400, BAD, "CONTENT_FILTER"),
        RefusalKind::Unauthorized => (401, "UNAUTHENTICATED", "API_KEY_INVALID"),
        RefusalKind::PayloadTooLarge => (413, BAD, "PAYLOAD_TOO_LARGE"),
        RefusalKind::RateLimited => (429, "RESOURCE_EXHAUSTED", "RATE_LIMITED"),
        RefusalKind::Overloaded => (503, "UNAVAILABLE", "OVERLOADED"),
        RefusalKind::UpstreamFailed => (502, "UNAVAILABLE", "UPSTREAM_FAILED"),
        RefusalKind::UpstreamTimeout => (504, "DEADLINE_EXCEEDED", "UPSTREAM_TIMEOUT"),
        RefusalKind::NotFound => (404, "NOT_FOUND", "NOT_FOUND"),
        RefusalKind::MethodNotAllowed => (405, "UNIMPLEMENTED", "METHOD_NOT_ALLOWED"),
        RefusalKind::Internal => (500, "INTERNAL", "INTERNAL"),
    }
}
