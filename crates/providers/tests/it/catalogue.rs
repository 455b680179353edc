//! What is known of models, to the picodollar.

use domain::{Money, Usage};
use providers::{Cards, Kind, ProviderSettings};

fn cards(kind: Kind, base_url: &str) -> Cards {
    let mut settings = ProviderSettings::new("p", kind);
    if !base_url.is_empty() {
        settings.base_url = base_url.into();
    }
    Cards::new(&settings)
}

#[test]
fn a_cost_is_exact() {
    let card = cards(Kind::Anthropic, "").card("claude-sonnet-4-5").unwrap();
    let usage = Usage {
        input_uncached: 1_000,
        cache_read: 10_000,
        cache_write: 200,
        output: 333,
        ..Usage::default()
    };
    // 1000 x 3 + 10000 x 0.3 + 200 x 3.75 + 333 x 15 millionths of a dollar.
    let expected = Money::from_picodollars(11_745 * 1_000_000);
    assert_eq!(card.prices.cost(&usage), Some(expected));
    assert_eq!(expected.to_string(), "0.011745");
    assert_eq!(&*card.as_of, "2026-11-25");
}

#[test]
fn a_compatible_server_is_known_by_its_host_only() {
    let groq = "https://api.groq.com/openai/v1";
    assert!(cards(Kind::Compatible, groq).card("openai/gpt-oss-120b").is_some());
    assert!(cards(Kind::Compatible, "https://proxy.test/v1").card("openai/gpt-oss-120b").is_none());
    assert!(cards(Kind::Compatible, groq).card("gpt-4.1").is_none());
    assert!(cards(Kind::OpenAi, "http://127.0.0.1:1/v1").card("gpt-4.1").is_some());
}

#[test]
fn models_of_vectors_are_told() {
    let openai = cards(Kind::OpenAi, "");
    assert!(openai.embeds("text-embedding-3-small"));
    assert!(!openai.embeds("gpt-4.1") && !openai.embeds("unheard-of"));
}
