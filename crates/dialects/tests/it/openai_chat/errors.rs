//! Classes of error answers, and what of them may go through.

use bytes::Bytes;
use domain::{Fault, FaultClass as C, Finish, Operation, Sight};
use http::HeaderMap;

use super::reading::{form, read_whole};

fn read_refusal(status: u16, headers: &HeaderMap, body: &Bytes, now: f64) -> Fault {
    form().read_refusal(status, headers, body, now)
}

fn see_whole(body: &[u8]) -> Result<Sight, Fault> {
    form().see_whole(Operation::Generate, body)
}

fn refusal(status: u16, body: &str) -> Fault {
    read_refusal(status, &HeaderMap::new(), &Bytes::copy_from_slice(body.as_bytes()), 0.0)
}

fn with_code(code: &str) -> String {
    format!(r#"{{"error":{{"message":"m","type":"invalid_request_error","code":"{code}"}}}}"#)
}

#[test]
fn the_class_is_found_by_status_and_words() {
    let too_large =
        r#"{"error":{"message":"Request too large for gpt-4o","code":"rate_limit_exceeded"}}"#;
    let azure = r#"{"error":{"code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#;
    let peak = r#"{"error":{"code":"429","message":"currently experiencing high demand"}}"#;
    for (status, body, class) in [
        (429, with_code("insufficient_quota"), C::QuotaExhausted),
        (429, with_code("rate_limit_exceeded"), C::RateLimited),
        (429, too_large.to_owned(), C::ContextLength),
        (413, too_large.to_owned(), C::ContextLength),
        (429, peak.to_owned(), C::Overloaded),
        (429, String::new(), C::RateLimited),
        (400, with_code("context_length_exceeded"), C::ContextLength),
        (400, with_code("content_policy_violation"), C::ContentFilter),
        (400, azure.to_owned(), C::ContentFilter),
        (400, with_code("invalid_image_url"), C::CallerFault),
        (400, String::new(), C::CallerFault),
        (400, r#"{"error":"Incorrect API key provided"}"#.to_owned(), C::KeyRejected),
        (401, with_code("invalid_api_key"), C::KeyRejected),
        (402, String::new(), C::KeyRejected),
        (402, r#"{"error":{"message":"Insufficient Balance"}}"#.to_owned(), C::QuotaExhausted),
        (403, String::new(), C::KeyRejected),
        (403, with_code("model_not_found"), C::ModelUnknown),
        (404, with_code("model_not_found"), C::ModelUnknown),
        (404, "<html>".to_owned(), C::ModelUnknown),
        (408, String::new(), C::ServerError),
        (409, with_code("conflict"), C::CallerFault),
        (405, "<html>".to_owned(), C::ServerError),
        (422, r#"{"detail":"no"}"#.to_owned(), C::CallerFault),
        (500, with_code("server_error"), C::ServerError),
        (500, with_code("overloaded_error"), C::Overloaded),
        (502, "<html>bad gateway</html>".to_owned(), C::ServerError),
        (503, with_code("slow_down"), C::Overloaded),
        (529, String::new(), C::Overloaded),
        (302, String::new(), C::ServerError),
    ] {
        let fault = refusal(status, &body);
        assert_eq!(fault.class, class, "{status} {body}");
        assert_eq!(fault.status, Some(status));
    }
}

#[test]
fn only_the_callers_faults_in_the_right_form_go_through() {
    let body = with_code("invalid_image_url");
    let relayed = refusal(400, &body).relayable.unwrap();
    assert_eq!((relayed.status, relayed.body.as_deref()), (400, Some(body.as_bytes())));
    assert!(refusal(400, &with_code("content_policy_violation")).relayable.is_some());
    assert!(refusal(400, &with_code("context_length_exceeded")).relayable.is_some());
    for (status, body) in [
        (400, "<html>".to_owned()),
        (400, r#"{"detail":"no"}"#.to_owned()),
        (400, r#"{"error":null}"#.to_owned()),
        (400, with_code("sk-0123456789abcdef")),
        (401, with_code("invalid_api_key")),
        (404, with_code("model_not_found")),
        (429, r#"{"error":{"message":"Request too large for m"}}"#.to_owned()),
        (500, with_code("server_error")),
    ] {
        assert_eq!(refusal(status, &body).relayable, None, "{status} {body}");
    }
}

#[test]
fn no_key_and_no_page_is_in_the_line_for_the_log() {
    let body = r#"{"error":{"message":"Incorrect API key provided: sk-proj-CANARY0123456789.\n","type":"x"}}"#;
    let fault = refusal(401, body);
    assert!(!fault.detail.contains("CANARY"), "{}", fault.detail);
    assert!(!fault.detail.contains('\n'));
    let page = refusal(502, "<html>secret words</html>");
    assert_eq!(&*page.detail, "status 502, a page of markup, 25 bytes");
    assert!(refusal(400, &with_code(&"y ".repeat(900))).detail.chars().count() <= 300);
}

#[test]
fn the_wait_is_read_from_headers_or_words() {
    let mut headers = HeaderMap::new();
    headers.insert("retry-after", "20".parse().unwrap());
    let body = Bytes::from_static(br#"{"error":{"message":"Please try again in 3.89s."}}"#);
    assert_eq!(read_refusal(429, &headers, &body, 0.0).retry_after_ms, Some(20_000));
    for (message, wait) in [
        ("Please try again in 3.89s. Visit", Some(3890)),
        ("Please try again in 644ms.", Some(644)),
        ("Please retry after 20 seconds.", Some(20_000)),
        ("Please try again in 6m0s.", Some(420_000)),
        ("Please try again in 2 minutes.", Some(120_000)),
        ("Please retry after 86400 seconds. Please", Some(86_400_000)),
        ("Please try again in a while.", None),
        ("Please try again in 5", None),
    ] {
        let body = format!(r#"{{"error":{{"message":"{message}"}}}}"#);
        assert_eq!(refusal(429, &body).retry_after_ms, wait, "{message}");
    }
    let google = r#"[{"error":{"code":429,"details":[{"x":1},{"retryDelay":"26.5s"}]}}]"#;
    assert_eq!(refusal(429, google).retry_after_ms, Some(26_500));
}

#[test]
fn a_whole_answer_is_read() {
    let body = br#"{"model":"m","choices":[{"index":1,"message":{"content":"other"},"finish_reason":"stop"},
        {"index":0,"message":{"role":"assistant","content":"h\u00e9"},"finish_reason":"length"}],
        "usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}"#;
    let sight = see_whole(body).unwrap();
    assert_eq!((sight.content_deltas, sight.text_chars), (1, 2));
    assert_eq!(sight.finish, Some(Finish::Length));
    assert_eq!(sight.usage.map(|usage| (usage.input(), usage.output)), Some((3, 2)));
    assert_eq!(sight.model.as_deref(), Some("m"));
    let filtered = br#"{"choices":[{"finish_reason":"content_filter"}]}"#;
    let finish = Some(Finish::ContentFilter(Box::default()));
    assert_eq!(see_whole(filtered).unwrap().finish, finish);
}

#[test]
fn a_success_that_is_none_is_a_fault() {
    for (body, class) in [
        ("", C::Empty),
        (" \n", C::Empty),
        ("{}", C::Empty),
        (r#"{"choices":[]}"#, C::Empty),
        (r#"{"choices":[{"message":{"content":""}}]}"#, C::Empty),
        ("<html>", C::Malformed),
        (r#"{"choices":[{"message":{"content":"cut"#, C::Malformed),
        ("[]", C::Malformed),
        (r#"{"error":{"code":"insufficient_quota"}}"#, C::QuotaExhausted),
        (r#"{"error":"busy","choices":[]}"#, C::ServerError),
        (r#"[{"error":{"code":503}}]"#, C::Overloaded),
    ] {
        assert_eq!(see_whole(body.as_bytes()).unwrap_err().class, class, "{body}");
        assert_eq!(read_whole(body.as_bytes()).unwrap_err().class, class, "{body}");
    }
}
