//! Perplexity: its agent API for everybody, and nothing raw.

use domain::{Dialect, Operation};
use providers::{Kind, Speaks};

use crate::rig::{Act, chat, request, rig, text_of};

const ANSWER: &str = r#"{"id":"resp_1","object":"response","created_at":1,"status":"completed","model":"perplexity/sonar","output":[{"type":"search_results","queries":["q"],"results":[{"id":1,"url":"https://example.com/a","title":"A","snippet":"s"}]},{"type":"message","id":"msg_1","role":"assistant","status":"completed","content":[{"type":"output_text","text":"Good day","annotations":[]}]}],"usage":{"input_tokens":5,"output_tokens":2,"total_tokens":7}}"#;

#[tokio::test]
async fn every_caller_goes_to_the_agent_translated() {
    let rig = rig(Kind::Perplexity, |_| {});
    let responses = r#"{"model":"asked","input":"Hi","store":true,"truncation":"auto"}"#;
    let chats = r#"{"model":"asked","messages":[{"role":"user","content":"Hi"}]}"#;
    for asked in [request(Dialect::OpenAiResponses, Operation::Generate, responses), chat(chats)] {
        let answer = rig.play(Act::json(200, ANSWER), "perplexity/sonar", asked).await.unwrap();
        assert_eq!((answer.dialect, text_of(answer).await.as_str()), (None, "Good day"));
        let seen = rig.server.seen();
        assert_eq!(seen.target, "/v1/agent");
        assert_eq!(seen.header("authorization"), Some("Bearer key-canary"));
        assert_eq!(seen.body["model"], "perplexity/sonar");
        assert_eq!(seen.body.get("truncation"), None, "unknown members are refused: {}", seen.text);
    }
}

#[tokio::test]
async fn what_the_agent_alone_bears_goes_elsewhere_translated() {
    let schema = r#"{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}}"#;
    let body = format!(
        r#"{{"model":"asked","input":"Hi","preset":"low","max_steps":3,"response_format":{schema},
        "tools":[{{"type":"web_search","max_tokens":9}},{{"type":"fetch_url"}},{{"type":"sandbox"}}]}}"#
    );
    for kind in [Kind::OpenAi, Kind::Azure] {
        let rig = rig(kind, |_| {});
        let asked = request(Dialect::OpenAiResponses, Operation::Generate, &body);
        let answer = rig.play(Act::json(200, ANSWER), "gpt-5.4", asked).await.unwrap();
        let lost = answer.losses.header();
        assert_eq!((answer.dialect, text_of(answer).await.as_str()), (None, "Good day"));
        let seen = rig.server.seen();
        let wanted: serde_json::Value = serde_json::from_str(
            r#"{"format":{"type":"json_schema","name":"n","schema":{"type":"object"}}}"#,
        )
        .unwrap();
        assert_eq!(seen.body["text"], wanted);
        let tools: Vec<_> = seen.body["tools"].as_array().unwrap().iter().collect();
        assert_eq!(tools.len(), 2, "{}", seen.text);
        assert_eq!(*tools[0], serde_json::json!({"type": "web_search"}));
        assert_eq!(tools[1]["type"], "code_interpreter");
        for added in ["preset", "max_steps", "response_format", "fetch_url", "sandbox"] {
            assert!(!seen.text.contains(added), "{}", seen.text);
        }
        let named = "preset,max_steps,tools.web_search,tools.fetch_url,tools.code_execution";
        assert_eq!(lost, named);
    }
    // A server that speaks the form may well be the agent itself.
    let rig = rig(Kind::Compatible, |settings| {
        settings.speaks = Speaks { responses: true, ..Speaks::default() };
    });
    let asked = request(Dialect::OpenAiResponses, Operation::Generate, &body);
    let answer = rig.play(Act::json(200, ANSWER), "m", asked).await.unwrap();
    assert_eq!(answer.dialect, Some(Dialect::OpenAiResponses));
    assert_eq!(rig.server.seen().body["preset"], "low");
}

#[tokio::test]
async fn a_model_of_the_ended_api_is_stood_in_for_by_a_preset() {
    let rig = rig(Kind::Perplexity, |_| {});
    let chats = r#"{"model":"asked","messages":[{"role":"user","content":"Hi"}]}"#;
    let answer = rig.play(Act::json(200, ANSWER), "sonar-pro", chat(chats)).await.unwrap();
    assert_eq!(answer.losses.header(), "model");
    let seen = rig.server.seen();
    assert_eq!((&seen.body["preset"], seen.body.get("model")), (&"low".into(), None));
    // What a preset costs is nobody's to tell; what a model costs is.
    assert_eq!(rig.upstream.card("sonar-pro").unwrap().prices.output, None);
    let prices = rig.upstream.card("openai/gpt-5.4").unwrap().prices;
    assert_eq!(prices.output.unwrap().picodollars(), 15_000_000);
}

#[tokio::test]
async fn vectors_are_not_made() {
    let rig = rig(Kind::Perplexity, |_| {});
    let embed = r#"{"model":"m","input":"Hi"}"#;
    let asked = request(Dialect::OpenAiChat, Operation::Embed, embed);
    assert_eq!(rig.upstream.unfit("m", &asked).as_deref(), Some("it makes no vectors"));
}

#[tokio::test]
async fn a_preset_alone_names_what_is_asked_for() {
    let rig = rig(Kind::Perplexity, |_| {});
    for (body, asked) in [
        (r#"{"preset":"fast","input":"Hi","max_steps":3}"#, "fast"),
        (r#"{"models":["openai/gpt-5.4","x"],"input":"Hi","max_steps":3}"#, "openai/gpt-5.4"),
    ] {
        let request = request(Dialect::OpenAiResponses, Operation::Generate, body);
        assert_eq!(&*request.outline.model, asked);
        let answer = rig.play(Act::json(200, ANSWER), asked, request).await.unwrap();
        let lost = if body.contains("models") { "models" } else { "" };
        assert_eq!(answer.losses.header(), lost);
        let seen = rig.server.seen();
        let member = if asked.contains('/') { "model" } else { "preset" };
        assert_eq!(seen.body[member], asked);
        assert_eq!(seen.body["max_steps"], 3);
    }
}

#[tokio::test]
async fn a_search_of_openai_s_goes_there_with_what_it_bears() {
    let rig = rig(Kind::Perplexity, |_| {});
    let body = r#"{"model":"m","input":"Hi","tools":[{"type":"web_search","search_context_size":"low","filters":{"allowed_domains":["a.example"]}}]}"#;
    let asked = request(Dialect::OpenAiResponses, Operation::Generate, body);
    let answer = rig.play(Act::json(200, ANSWER), "openai/gpt-5.4", asked).await.unwrap();
    assert_eq!(answer.losses.header(), "tools.web_search");
    let wanted = serde_json::json!([
        {"type": "web_search", "filters": {"search_domain_filter": ["a.example"]}}
    ]);
    assert_eq!(rig.server.seen().body["tools"], wanted);
}

#[tokio::test]
async fn what_sonar_had_added_to_chats_goes_to_no_other_server() {
    let body = r#"{"search_mode":"web","model":"asked","messages":[{"role":"user","content":"Hi"}],"odd":1.50,"return_images":true,"search_domain_filter":["a.example"]}"#;
    for kind in [Kind::OpenAi, Kind::Azure, Kind::Compatible] {
        let rig = rig(kind, |_| {});
        let answer = rig.play(Act::json(200, crate::openai::ANSWER), "m", chat(body)).await;
        let answer = answer.unwrap();
        assert_eq!(answer.dialect, Some(Dialect::OpenAiChat));
        assert_eq!(answer.losses.header(), "search_mode,return_images,search_domain_filter");
        let sent = r#"{"model":"m","messages":[{"role":"user","content":"Hi"}],"odd":1.50}"#;
        assert_eq!(rig.server.seen().text, sent, "{kind:?}");
    }
}

#[tokio::test]
async fn filters_of_sonar_s_search_are_those_of_the_agent_s() {
    let rig = rig(Kind::Perplexity, |_| {});
    for more in ["", r#","web_search_options":{}"#] {
        let body = format!(
            r#"{{"model":"asked","messages":[{{"role":"user","content":"Hi"}}],"search_domain_filter":["a.example"],"search_recency_filter":"week","return_images":true{more}}}"#
        );
        let answer = rig.play(Act::json(200, ANSWER), "sonar", chat(&body)).await.unwrap();
        assert_eq!(answer.losses.header(), "return_images,model");
        let filters = serde_json::json!({
            "search_domain_filter": ["a.example"], "search_recency_filter": "week"
        });
        let wanted = serde_json::json!([{"type": "web_search", "filters": filters}]);
        assert_eq!(rig.server.seen().body["tools"], wanted);
    }
}
