//! The door for reports: what it takes, from whom, and what it answers.

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use domain::ReportKind;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use net::{Handler, Peer, RequestBody};
use web::{Report, ReportSink, Status, Taken};

use crate::{bench, get_status, june, public, text};

#[derive(Default)]
struct Sink {
    reports: Mutex<Vec<Report>>,
    says: Mutex<Option<Taken>>,
}

impl ReportSink for Sink {
    fn take(&self, report: Report) -> Taken {
        self.reports.lock().expect("nobody panics").push(report);
        self.says.lock().expect("nobody panics").unwrap_or(Taken::Counted)
    }
}

struct Door {
    status: Status,
    sink: Arc<Sink>,
}

fn door() -> Door {
    let sink = Arc::new(Sink::default());
    let status = public::status_of(&bench(), june::afternoon())
        .with_reports(Some(Arc::clone(&sink) as Arc<dyn ReportSink>));
    Door { status, sink }
}

/// Everything is there at once, so a future that waits is a mistake.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("nothing is waited for"),
    }
}

impl Door {
    fn post(&self, headers: &[(&str, &str)], body: &str) -> (StatusCode, String, String) {
        let mut request = Request::builder().method(Method::POST).uri("/api/reports");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = RequestBody::whole(Bytes::copy_from_slice(body.as_bytes()));
        let request = request.body(body).expect("it is a request");
        let peer = Peer { addr: ([192, 0, 2, 7], 4711).into(), tls: false };
        let answer: Response<_> = now(self.status.handle(request, peer));
        let status = answer.status();
        let location =
            answer.headers().get("location").map_or("", |to| to.to_str().expect("ASCII"));
        let location = location.to_owned();
        let body = now(answer.into_body().collect()).expect("it is whole").to_bytes();
        (status, location, String::from_utf8_lossy(&body).into_owned())
    }

    fn taken(&self) -> Vec<Report> {
        self.sink.reports.lock().expect("nobody panics").clone()
    }
}

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const JSON: (&str, &str) = ("content-type", "application/json");

#[test]
fn a_form_is_taken_and_leads_to_thanks() {
    let door = door();
    let body = "component=openai%2Fapp&kind=no_answer&words=It+loads+%26+loads%0Aand+loads&extra=1";
    let (status, location, _) =
        door.post(&[FORM, ("sec-fetch-site", "same-origin"), ("accept", "text/html")], body);
    assert_eq!((status, location.as_str()), (StatusCode::SEE_OTHER, "/reported"));
    let [report] = door.taken().try_into().expect("there is one");
    assert_eq!(report.component.as_str(), "openai/app");
    assert_eq!(report.kind, ReportKind::NoAnswer);
    assert_eq!(report.words.as_deref(), Some("It loads & loads and loads"));
    assert_eq!(report.from.to_string(), "192.0.2.7");
    assert!(text(get_status(&door.status, "/reported")).contains("Thank you."));
    assert!(text(get_status(&door.status, "/report")).contains("value=\"openai/app\""));
}

#[test]
fn programs_report_in_json() {
    let door = door();
    let body = r#"{"component":"anthropic/chat","kind":"slow"}"#;
    let (status, _, answer) = door.post(&[JSON], body);
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!(answer, r#"{"accepted":true,"counted":true,"message":"The report was taken."}"#);
    assert_eq!(door.taken()[0].words, None);
    *door.sink.says.lock().expect("nobody panics") = Some(Taken::Already);
    assert!(door.post(&[JSON], body).2.contains(r#""accepted":true,"counted":false"#));
    *door.sink.says.lock().expect("nobody panics") = Some(Taken::TooMany { retry_after_s: 60 });
    let (status, _, answer) = door.post(&[JSON], body);
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    assert!(answer.contains(r#""error":"too_many""#) && answer.contains(r#""retry_after_s":60"#));
}

#[test]
fn what_is_out_of_bounds_is_refused_in_words() {
    let door = door();
    let long = "x".repeat(281);
    let huge = format!("component=openai/app&kind=slow&words={}", "x".repeat(9_000));
    let many = format!("component=openai/app&kind=slow&words={long}");
    for (headers, body, wanted, word) in [
        (JSON, "{", 400, "unreadable"),
        (JSON, r#"{"component":7}"#, 400, "unreadable"),
        (JSON, r#"{"component":"no such","kind":"slow"}"#, 422, "unknown_component"),
        (JSON, r#"{"component":"openai/app","kind":"angry"}"#, 422, "unknown_kind"),
        (FORM, "component=openai/app&kind=slow&words=%ff", 400, "unreadable"),
        (FORM, &many, 422, "too_many_words"),
        (FORM, &huge, 413, "too_large"),
        (FORM, "", 422, "unknown_component"),
    ] {
        let (status, _, answer) = door.post(&[headers, ("accept", "application/json")], body);
        assert_eq!(status, wanted, "{word}: {answer}");
        assert!(answer.contains(&format!("\"error\":\"{word}\"")), "{word}: {answer}");
    }
    // A person gets the form again, with what was wrong, in the own language.
    let zh = [FORM, ("accept", "text/html"), ("accept-language", "zh")];
    let (status, _, page) = door.post(&zh, "component=openai/app");
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("请选择发生的情况") && page.contains("<form"), "the form is not there");
    assert!(door.taken().is_empty());
}

#[test]
fn no_other_site_lets_its_visitors_report() {
    let door = door();
    let body = "component=openai/app&kind=slow";
    let host = ("host", "status.exemplar.example");
    for from in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ] {
        let (status, ..) = door.post(&[FORM, host, from], body);
        assert_eq!(status, StatusCode::FORBIDDEN, "{from:?}");
    }
    assert!(door.taken().is_empty());
    for from in [("origin", "https://status.exemplar.example"), ("sec-fetch-site", "none")] {
        assert_eq!(door.post(&[FORM, host, from], body).0, StatusCode::SEE_OTHER, "{from:?}");
    }
}

#[test]
fn without_a_sink_there_is_no_button_and_no_door() {
    let status = public::status_of(&bench(), june::afternoon());
    assert!(!text(get_status(&status, "/")).contains("href=\"/report\""));
    assert_eq!(get_status(&status, "/report").status(), StatusCode::NOT_FOUND);
    let door = Door { status, sink: Arc::default() };
    let (status, _, answer) = door.post(&[JSON], r#"{"component":"openai/app","kind":"slow"}"#);
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(answer.contains("closed"), "{answer}");
}
