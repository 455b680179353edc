//! Probes through the real providers: what each of them is sent, and that its answer is understood.

use std::sync::Arc;
use std::time::Duration;

use clock::{Clock, Dice};
use domain::Secret;
use lookout::probe::{Canaries, ProbeOutcome, ProbeReport, ProbeSettings, ProbeTarget, Prober};
use providers::{Kind, ProviderSettings, Surroundings, build};
use serde_json::Value;

use crate::rig::{Act, FakeWeb, PausedClock};

const CHAT: &str = "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"SUM\"},\"finish_reason\":null}]}\n\n\
data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":[],\"usage\":{\"prompt_tokens\":20,\"completion_tokens\":3,\"total_tokens\":23}}\n\n\
data: [DONE]\n\n";

const MESSAGES: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[],\"stop_reason\":null,\"usage\":{\"input_tokens\":20,\"output_tokens\":1}}}\n\n\
event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n\
event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"SUM\"}}\n\n\
event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n\
event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":3}}\n\n\
event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

const GEMINI: &str = "data: {\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"SUM\"}]},\"finishReason\":\"STOP\",\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":20,\"candidatesTokenCount\":3,\"totalTokenCount\":23}}\n\n";

async fn probed(kind: Kind, model: &str, answer: &'static str) -> (ProbeReport, Value, String) {
    let web = FakeWeb::default().host("there", [Act::Adds(answer)]);
    let clock = PausedClock::new();
    let mut settings = ProviderSettings::new("p", kind);
    let path = if matches!(kind, Kind::OpenAi | Kind::Compatible) { "/v1" } else { "" };
    settings.base_url = format!("http://there{path}").into();
    settings.api_keys = vec![Secret::new("key")];
    let surroundings = Surroundings {
        connector: Arc::new(web.clone()),
        clock: clock.clone(),
        answer_bytes_max: 1 << 20,
    };
    let upstream = build(&settings, None, &surroundings).unwrap().unwrap();
    let target = ProbeTarget { components: Vec::new(), upstream, model: model.into() };
    let canaries = Canaries::new(Vec::new(), Arc::new(web.clone()), None, clock.clone());
    let time = (clock as Arc<dyn Clock>, Dice::seeded(3));
    let mut prober = Prober::new(target, ProbeSettings::default(), Arc::new(canaries), time);
    let report = loop {
        match prober.step().await {
            Some(report) => break report,
            None => tokio::time::sleep(Duration::from_secs(1)).await,
        }
    };
    let seen = web.seen().pop().unwrap();
    (report, serde_json::from_str(&seen.body).unwrap(), seen.head)
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_provider_is_asked_in_its_own_form_and_understood() {
    let (report, body, head) = probed(Kind::Anthropic, "claude-haiku-4-5", MESSAGES).await;
    assert_eq!((report.outcome, report.tokens), (ProbeOutcome::Right, Some(23)));
    assert!(head.starts_with("POST /v1/messages ") && head.contains("anthropic-version"));
    assert_eq!((&body["model"], &body["max_tokens"]), (&"claude-haiku-4-5".into(), &24.into()));

    let (report, body, head) = probed(Kind::Compatible, "small", CHAT).await;
    assert_eq!((report.outcome, report.tokens), (ProbeOutcome::Right, Some(23)));
    assert!(head.starts_with("POST /v1/chat/completions "));
    assert_eq!(body["max_tokens"], 24);
    assert_eq!(body["stream_options"]["include_usage"], true);

    // OpenAI's newer models want another name for the limit.
    let (report, body, _) = probed(Kind::OpenAi, "gpt-4.1-nano", CHAT).await;
    assert_eq!(report.outcome, ProbeOutcome::Right);
    assert_eq!(body["max_completion_tokens"], 24);
    assert!(body.get("max_tokens").is_none());

    let (report, body, head) = probed(Kind::Gemini, "gemini-2.5-flash-lite", GEMINI).await;
    assert_eq!(report.outcome, ProbeOutcome::Right);
    assert!(head.contains("gemini-2.5-flash-lite:streamGenerateContent"), "{head}");
    let limit = &body["generationConfig"]["maxOutputTokens"];
    assert!(limit.as_u64().is_some_and(|limit| limit >= 24), "{body}");
}
