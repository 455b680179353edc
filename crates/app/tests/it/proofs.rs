//! Histories with thinking that another provider sealed or signed: who cannot read it is asked
//! without it, and the caller is told what was left out.

use crate::caller::{Got, ask};
use crate::house::{House, open};
use crate::memory::Network;
use crate::provider::{Act, Provider};

const LADDER: &str = r#"
[providers.openai]
kind = "openai"
base_url = "http://openai.test:9001/v1"
api_keys = ["env:FAKE_KEY"]
[providers.azure]
kind = "azure"
base_url = "http://azure.test:9002"
api_keys = ["env:FAKE_KEY"]
[providers.claude]
kind = "anthropic"
base_url = "http://claude.test:9003"
api_keys = ["env:FAKE_KEY"]
[models.m]
ladder = ["openai/gpt-5", "azure/gpt-5"]
[models.c]
ladder = ["claude/claude-sonnet-4-5"]
"#;
const SEALED: &str = r#"{"model":"m","store":false,"include":["reasoning.encrypted_content"],"input":[{"role":"user","content":"hi"},{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"gAAAcanary"},{"type":"function_call","id":"fc_1","call_id":"call_1","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"call_1","output":"1"}]}"#;
const ANSWER: &str = r#"{"id":"resp_1","object":"response","created_at":1,"status":"completed","model":"gpt-5","output":[{"type":"message","id":"msg_1","role":"assistant","status":"completed","content":[{"type":"output_text","text":"Good day","annotations":[]}]}],"usage":{"input_tokens":5,"output_tokens":2,"total_tokens":7}}"#;
const UNREADABLE: &str = r#"{"error":{"message":"The encrypted content gAAA... could not be verified.","type":"invalid_request_error","param":null,"code":"invalid_encrypted_content"}}"#;

fn json(status: u16, body: &str) -> Act {
    Act::whole(status, "application/json", body.as_bytes())
}

async fn respond(house: &House, body: &str) -> Got {
    let headers = [("content-type", "application/json")];
    ask(house, "POST", "/v1/responses", &headers, body.as_bytes()).await
}

fn sent(provider: &Provider, index: usize) -> String {
    String::from_utf8(provider.seen()[index].body.clone()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn sealed_thinking_stays_behind_when_the_provider_changes() {
    let network = Network::default();
    Provider::start(&network, 9001, vec![json(503, "{}")]);
    let azure = Provider::start(&network, 9002, vec![json(200, ANSWER)]);
    let house = open(&network, LADDER);
    let got = respond(&house, SEALED).await;
    assert_eq!(got.status, 200, "{}", got.text());
    assert_eq!(got.header("seawall-served-by"), Some("azure/gpt-5"));
    assert_eq!(got.header("seawall-loss"), Some("input.reasoning"));
    assert_eq!(got.text(), ANSWER, "the answer still goes through as it came");
    assert_eq!(azure.seen().len(), 1, "it is not asked in vain first");
    let body = sent(&azure, 0);
    assert!(!body.contains("gAAAcanary") && !body.contains("fc_1"), "{body}");
    assert!(body.contains(r#""include":["reasoning.encrypted_content"]"#), "{body}");
}

#[tokio::test(start_paused = true)]
async fn who_refuses_sealed_thinking_is_asked_once_more_without_it() {
    let network = Network::default();
    let openai = Provider::start(&network, 9001, vec![json(400, UNREADABLE), json(200, ANSWER)]);
    let azure = Provider::start(&network, 9002, vec![json(200, ANSWER)]);
    let house = open(&network, LADDER);
    let got = respond(&house, SEALED).await;
    assert_eq!((got.status, got.text().as_str()), (200, ANSWER));
    assert_eq!(got.header("seawall-served-by"), Some("openai/gpt-5"));
    assert_eq!(got.header("seawall-loss"), Some("input.reasoning"));
    assert_eq!(got.header("seawall-attempts"), Some("2"));
    let why = got.header("seawall-why").unwrap();
    assert!(why.contains("openai/gpt-5 foreign_proofs, asked without them"), "{why}");
    assert!(!why.contains("gAAA"), "{why}");
    assert_eq!((openai.seen().len(), azure.seen().len()), (2, 0));
    assert!(sent(&openai, 0).contains("gAAAcanary"), "they may well be its own");
    assert!(!sent(&openai, 1).contains("gAAAcanary"));
}

#[tokio::test(start_paused = true)]
async fn who_refuses_them_still_is_left_for_the_next() {
    let network = Network::default();
    let openai = Provider::start(&network, 9001, vec![json(400, UNREADABLE)]);
    Provider::start(&network, 9002, vec![json(200, ANSWER)]);
    let house = open(&network, LADDER);
    let got = respond(&house, SEALED).await;
    assert_eq!(got.header("seawall-served-by"), Some("azure/gpt-5"), "{}", got.text());
    assert_eq!(openai.seen().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_foreign_signature_costs_the_thinking_and_not_the_answer() {
    let network = Network::default();
    let refused = r#"{"type":"error","error":{"type":"invalid_request_error","message":"messages.1.content.0: Invalid `signature` in `thinking` block"}}"#;
    let answer = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":[{"type":"text","text":"Good day"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":5,"output_tokens":2}}"#;
    let claude = Provider::start(&network, 9003, vec![json(400, refused), json(200, answer)]);
    let house = open(&network, LADDER);
    let body = r#"{"model":"c","max_tokens":4096,"thinking":{"type":"enabled","budget_tokens":2048},"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"canary"},{"type":"tool_use","id":"a","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"1"}]}]}"#;
    let headers = [("content-type", "application/json"), ("anthropic-version", "2023-06-01")];
    let got = ask(&house, "POST", "/v1/messages", &headers, body.as_bytes()).await;
    assert_eq!((got.status, got.text().as_str()), (200, answer));
    assert_eq!(got.header("seawall-loss"), Some("messages.thinking,thinking"));
    assert!(!sent(&claude, 1).contains("canary"), "{}", sent(&claude, 1));
}

#[tokio::test(start_paused = true)]
async fn an_answer_stored_at_a_provider_that_is_down_is_no_fault_of_the_caller() {
    let network = Network::default();
    Provider::start(&network, 9001, vec![json(503, "{}")]);
    let unknown = r#"{"error":{"message":"Previous response with id 'resp_0' not found.","type":"invalid_request_error","param":"previous_response_id","code":"previous_response_not_found"}}"#;
    let azure = Provider::start(&network, 9002, vec![json(400, unknown)]);
    let house = open(&network, LADDER);
    let body = r#"{"model":"m","input":"go on","previous_response_id":"resp_0"}"#;
    let got = respond(&house, body).await;
    assert_eq!(got.status, 503, "{}", got.text());
    assert_eq!(azure.seen().len(), 1);
    let why = got.header("seawall-why").unwrap();
    assert!(why.contains("azure/gpt-5 unfit 400"), "{why}");
}
