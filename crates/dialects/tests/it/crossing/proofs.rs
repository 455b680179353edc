//! Signatures and seals of thinking go back to the dialect that they came from, and nowhere else;
//! what is left out is named.

use std::collections::BTreeSet;

use bytes::Bytes;
use dialects::{Vendor, of};
use domain::{Dialect, FaultClass, Framing, Losses, Operation};
use http::HeaderMap;
use serde_json::{Value, json};

use super::crossed::{
    completion, envelope, read_request, read_stream, vendors, write_request, write_stream,
};

/// A request whose history has proofs, the proofs, and what may be said of their loss.
fn history(from: Dialect) -> (Value, &'static [&'static str]) {
    match from {
        Dialect::OpenAiChat => (
            json!({"model": "m", "messages": [{"role": "user", "content": "a"},
                {"role": "assistant", "content": "b", "reasoning_details": [
                    {"type": "reasoning.text", "text": "hm", "signature": "R1NJRw=="},
                    {"type": "reasoning.encrypted", "data": "RVNFQUw="}]},
                {"role": "user", "content": "c"}]}),
            &["R1NJRw==", "RVNFQUw="],
        ),
        Dialect::OpenAiResponses => (
            json!({"model": "m", "input": [{"role": "user", "content": "a"},
                {"type": "reasoning", "id": "rs_1", "encrypted_content": "gAAAseal",
                    "summary": [{"type": "summary_text", "text": "hm"}]},
                {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c1", "output": "1"}]}),
            &["gAAAseal"],
        ),
        Dialect::Anthropic => (
            json!({"model": "m", "max_tokens": 9000, "thinking": {"type": "enabled",
                "budget_tokens": 2048}, "messages": [{"role": "user", "content": "a"},
                {"role": "assistant", "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "QVNJRw=="},
                    {"type": "redacted_thinking", "data": "QVNFQUw="},
                    {"type": "tool_use", "id": "c1", "name": "f", "input": {}}]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "c1", "content": "1"}]}]}),
            &["QVNJRw==", "QVNFQUw="],
        ),
        Dialect::Gemini => (
            json!({"contents": [{"role": "user", "parts": [{"text": "a"}]},
                {"role": "model", "parts": [
                    {"text": "hm", "thought": true, "thoughtSignature": "R1RIT1VHSFQ="},
                    {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "R0NBTEw="}]},
                {"role": "user", "parts": [
                    {"functionResponse": {"name": "f", "response": {"output": "1"}}}]}]}),
            &["R1RIT1VHSFQ=", "R0NBTEw="],
        ),
    }
}

/// An answer with proofs.
fn answer(from: Dialect) -> (Value, &'static [&'static str]) {
    match from {
        Dialect::OpenAiChat => (
            json!({"id": "c", "object": "chat.completion", "model": "m", "choices": [{"index": 0,
                "message": {"role": "assistant", "content": "b", "reasoning_details": [
                    {"type": "reasoning.encrypted", "data": "RVNFQUw="}]},
                "finish_reason": "stop"}]}),
            &["RVNFQUw="],
        ),
        Dialect::OpenAiResponses => (
            json!({"id": "resp_1", "object": "response", "status": "completed", "model": "m",
                "output": [{"type": "reasoning", "id": "rs_1", "encrypted_content": "gAAAseal",
                    "summary": [{"type": "summary_text", "text": "hm"}]},
                {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
                    "content": [{"type": "output_text", "text": "b", "annotations": []}]}]}),
            &["gAAAseal"],
        ),
        Dialect::Anthropic => (
            json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "m",
                "content": [{"type": "thinking", "thinking": "hm", "signature": "QVNJRw=="},
                    {"type": "redacted_thinking", "data": "QVNFQUw="},
                    {"type": "text", "text": "b"}],
                "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 1}}),
            &["QVNJRw==", "QVNFQUw="],
        ),
        Dialect::Gemini => (
            json!({"candidates": [{"index": 0, "finishReason": "STOP", "content": {"role": "model",
                "parts": [{"text": "hm", "thought": true, "thoughtSignature": "R1RIT1VHSFQ="},
                    {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "R0NBTEw="}]}}]}),
            &["R1RIT1VHSFQ=", "R0NBTEw="],
        ),
    }
}

/// Names by which a lost proof is told.
fn named(losses: &Losses) -> bool {
    let told: BTreeSet<&str> = losses.iter().map(|loss| &*loss.field).collect();
    ["thinking.signature", "thinking", "thought_signature"].iter().any(|name| told.contains(name))
}

fn check(written: &[u8], losses: &Losses, proofs: &[&str], kept: bool, place: &str) {
    let text = std::str::from_utf8(written).unwrap();
    for proof in proofs {
        assert_eq!(text.contains(proof), kept, "{proof} {place}: {text}");
    }
    assert_eq!(named(losses), !kept, "{place}: {}", losses.header());
}

#[test]
fn a_history_keeps_its_proofs_on_the_way_home_only() {
    for from in Dialect::ALL {
        let (body, proofs) = history(from);
        let body = serde_json::to_vec(&body).unwrap();
        let read = read_request(from, Operation::Generate, &body).unwrap();
        for to in Dialect::ALL {
            for vendor in vendors(to) {
                // In the chat they are OpenRouter's, and Perplexity takes none at all.
                let home = match (to, vendor) {
                    (Dialect::OpenAiChat, vendor) => *vendor == Vendor::Compatible,
                    (_, vendor) => *vendor != Vendor::Perplexity,
                };
                let (written, losses) = write_request(&read, Operation::Generate, (to, *vendor));
                let place = format!("from {from} to {to} of {vendor:?}");
                check(&written, &losses, proofs, from == to && home, &place);
            }
        }
    }
}

#[test]
fn an_answer_keeps_its_proofs_for_callers_of_its_own_dialect_only() {
    for from in Dialect::ALL {
        let (body, proofs) = answer(from);
        let body = serde_json::to_vec(&body).unwrap();
        for to in Dialect::ALL {
            let (read, mut losses) = completion(from, &body);
            let events = read.clone().into_events();
            let written =
                of(to).write_whole(&domain::Reply::Completion(read), &envelope(Framing::Events));
            losses.extend(written.losses);
            // The chat tells Google's signatures of calls to clients that know Google's own words.
            let carries = (from, to) == (Dialect::Gemini, Dialect::OpenAiChat);
            let proofs = if carries { &proofs[..1] } else { proofs };
            let place = format!("whole from {from} to {to}");
            check(&written.body, &losses, proofs, from == to, &place);
            let (stream, losses) = write_stream(to, &events, false, Framing::Events);
            check(&stream, &losses, proofs, from == to, &format!("stream from {from} to {to}"));
        }
    }
}

#[test]
fn a_streamed_seal_is_kept_for_its_own_dialect() {
    let stream = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\
        \"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[],\
        \"stop_reason\":null,\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n\n\
        event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\
        \"content_block\":{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}}\n\n\
        event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":\
        {\"type\":\"thinking_delta\",\"thinking\":\"hm\"}}\n\n\
        event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":\
        {\"type\":\"signature_delta\",\"signature\":\"QVNJRw==\"}}\n\n\
        event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n\
        event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":\
        {\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":2}}\n\n\
        event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    let (events, fault) = read_stream(Dialect::Anthropic, stream.as_bytes());
    assert_eq!(fault, None);
    for to in Dialect::ALL {
        let (written, losses) = write_stream(to, &events, false, Framing::Events);
        check(&written, &losses, &["QVNJRw=="], to == Dialect::Anthropic, to.as_str());
    }
}

/// A history may have been made by another provider of the same dialect, whose bytes go through.
#[test]
fn a_provider_that_does_not_know_the_proofs_says_so_and_another_may_be_asked() {
    let openai = |message: &str, code: Value| json!({"error": {"message": message, "type": "invalid_request_error", "code": code}});
    let anthropic = |message: &str| json!({"type": "error", "error": {"type": "invalid_request_error", "message": message}});
    let google =
        |text: &str| json!({"error": {"code": 400, "message": text, "status": "INVALID_ARGUMENT"}});
    for (dialect, body) in [
        (
            Dialect::OpenAiResponses,
            openai(
                "The encrypted content for item rs_1 could not be verified.",
                json!("invalid_encrypted_content"),
            ),
        ),
        (
            Dialect::OpenAiResponses,
            openai("The encrypted content gAAA...x could not be verified.", Value::Null),
        ),
        (
            Dialect::OpenAiResponses,
            openai(
                "Item with id 'rs_1' not found. Items are not persisted when `store` is set to false.",
                Value::Null,
            ),
        ),
        (
            Dialect::Anthropic,
            anthropic("messages.1.content.0: Invalid `signature` in `thinking` block"),
        ),
        (
            Dialect::Gemini,
            google("Unable to submit request because Thought signature is not valid."),
        ),
        (
            Dialect::Anthropic,
            anthropic(
                "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found \
                 `tool_use`. When `thinking` is enabled, a final `assistant` message must start \
                 with a thinking block",
            ),
        ),
        (Dialect::Gemini, google("Function call is missing a thought_signature in functionCall.")),
    ] {
        let body = Bytes::from(serde_json::to_vec(&body).unwrap());
        let fault = of(dialect).read_refusal(400, &HeaderMap::new(), &body, 0.0);
        assert_eq!(fault.class, FaultClass::ForeignProofs, "{dialect}: {fault}");
        assert_eq!(fault.class.retry(), domain::Retry::Elsewhere);
        // Upstream's words stand in what goes through to its own callers, and nowhere else.
        assert!(!fault.detail.contains("rs_1") && !fault.detail.contains("signature"));
        assert_eq!(fault.relayable.unwrap().body.unwrap(), body, "{dialect}");
    }
    let body = openai("`thinking` must be an object with a signature", Value::Null);
    let body = Bytes::from(serde_json::to_vec(&body).unwrap());
    let fault = of(Dialect::Anthropic).read_refusal(400, &HeaderMap::new(), &body, 0.0);
    assert_eq!(fault.class, FaultClass::CallerFault);
}
