//! What the operator says of models, and what `check` says of ladders whose models differ.

use std::path::Path;

use config::{Overrides, load, parse, warnings};
use domain::{ModelCard, Needs};
use expect_test::{Expect, expect};
use providers::Cards;

use super::{bad, env, good, with_base};

fn card(settings: &config::Settings, provider: &str, model: &str) -> Option<ModelCard> {
    let provider = settings.providers.iter().find(|known| &*known.name == provider);
    let provider = provider.expect("the test names a provider of its file");
    Cards::new(provider).card(model).map(|card| (*card).clone())
}

#[test]
fn own_words_win_over_the_catalogue_and_leave_the_rest() {
    let settings = good(&with_base(
        "[cards.\"openai/gpt-4.1\"]\ninput_usd_per_million = 1.75\ncannot = [\"images\"]\n\
         [cards.\"openai/mine\"]\ncontext_tokens_max = 9\ncan = [\"tools\"]\n",
    ));
    let card = |model: &str| card(&settings, "openai", model);
    let known = card("gpt-4.1").unwrap();
    assert_eq!(known.prices.input.unwrap().picodollars(), 1_750_000);
    assert_eq!(known.prices.output.unwrap().picodollars(), 8_000_000);
    assert!(known.cannot.contains(Needs::IMAGES) && !known.can.contains(Needs::IMAGES));
    assert!(known.can.contains(Needs::TOOLS));
    assert_eq!(known.context_tokens_max, Some(1_047_576));
    let mine = card("mine").unwrap();
    assert_eq!(mine.context_tokens_max, Some(9));
    assert_eq!((mine.prices.input, &*mine.as_of), (None, ""));
    assert_eq!(card("nobody-knows"), None);
}

#[test]
fn prices_of_long_prompts_come_with_their_length_or_from_the_catalogue() {
    let settings = good(&with_base(
        "[cards.\"openai/gpt-5.4\"]\nlong_above_tokens = 5\nlong_input_usd_per_million = 4\n\
         [cards.\"openai/gpt-5.5\"]\noutput_usd_per_million = 7\n",
    ));
    let long = |model: &str| card(&settings, "openai", model).unwrap().prices.long;
    let own = long("gpt-5.4").unwrap();
    assert_eq!((own.above_tokens, own.input.unwrap().picodollars()), (5, 4_000_000));
    assert_eq!(own.output, None, "what is not said of them is unknown");
    assert_eq!(long("gpt-5.5"), None, "the list's go with its own prices alone");
    assert_eq!(long("gpt-5.4-pro").unwrap().above_tokens, 272_000);
    let said = bad(&with_base("[cards.\"openai/a\"]\nlong_above_tokens = 5\n"));
    assert!(said.contains("`long_above_tokens` needs the prices of long prompts"), "{said}");
    let said = bad(&with_base("[cards.\"openai/a\"]\nlong_input_usd_per_million = 5\n"));
    assert!(said.contains("prices of long prompts need `long_above_tokens`"), "{said}");
}

#[test]
fn a_file_of_cards_is_read_and_the_configuration_wins_over_it() {
    let text = with_base(
        "[catalogue]\nfile = \"cards.toml\"\n[cards.\"openai/a\"]\ncontext_tokens_max = 1\n",
    );
    let cards = "[cards.\"openai/a\"]\ncontext_tokens_max = 2\n\
        [cards.\"openai/b\"]\ncontext_tokens_max = 3\noutput_usd_per_million = 0\n";
    let env = env()
        .with_file("/etc/seawall/seawall.toml", text)
        .with_file("/etc/seawall/cards.toml", cards);
    let path = Path::new("/etc/seawall/seawall.toml");
    let settings = load(path, &env, &Overrides::default()).unwrap();
    assert_eq!(settings.read_besides, [Path::new("/etc/seawall/cards.toml")], "it is watched");
    let card = |model: &str| card(&settings, "openai", model).unwrap();
    assert_eq!(card("a").context_tokens_max, Some(1));
    assert_eq!(card("b").context_tokens_max, Some(3));
    assert_eq!(card("b").prices.output.unwrap().picodollars(), 0);
}

#[test]
fn mistakes_in_cards_have_their_place_in_their_own_file() {
    let text = with_base(
        "[catalogue]\nfile = \"cards.toml\"\n[cards.openai]\ncan = 1\n[failover]\nattempts_max = 0\n",
    );
    let cards = r#"
[cards."openai/a"]
can = ["tool", "images"]
cannot = ["images"]
context_tokens_max = 0
input_usd_per_million = 0.0000001
output_usd_per_million = "1"
cache_read_usd_per_million = -1
price = 1
[cards."opnai/b"]
[cards."openai/*"]
[other]
"#;
    let env = env().with_file("cards.toml", cards);
    let said = parse(&text, Path::new("seawall.toml"), &env, &Overrides::default()).unwrap_err();
    expect![[r#"
        seawall.toml:8:8: a card is named as in a ladder and in quotes, [cards."provider/model"], not `openai`
        seawall.toml:11:16: `attempts_max` must be from 1 to 20
        cards.toml:3:8: `can` knows no `tool`; it may be `tools`, `images`, `audio`, `documents`, `video`, `json_output`, `reasoning`, `hosted_tools`, `logprobs` or `several_choices`; did you mean `tools`?
        cards.toml:4:10: `can` and `cannot` both name images
        cards.toml:5:22: `context_tokens_max` must be from 1 to 1000000000
        cards.toml:6:25: `input_usd_per_million` must be a plain decimal with 6 decimals at most
        cards.toml:7:26: `output_usd_per_million` must be a number, not a text
        cards.toml:8:30: `cache_read_usd_per_million` must be from 0 to 1000000
        cards.toml:9:1: unknown key `price` in [cards.openai/a]
        cards.toml:10:8: there is no [providers.opnai]; did you mean `openai`?
        cards.toml:11:8: a card is named as in a ladder and in quotes, [cards."provider/model"], not `openai/*`
        cards.toml:12:2: unknown table or key `other`"#]].assert_eq(&said.to_string());
    let said = bad(&with_base("[catalogue]\nfile = \"missing.toml\""));
    expect!["seawall.toml:7:8: `file`: cannot read `missing.toml`: there is no such file"]
        .assert_eq(&said);
}

fn check_warnings(more: &str, expected: &Expect) {
    let settings = good(&with_base(more));
    let said: String = warnings(&settings).iter().map(|warning| format!("{warning}\n")).collect();
    expected.assert_eq(&said);
}

#[test]
fn ladders_of_unlike_models_are_warned_of() {
    check_warnings(
        r#"
[providers.claude]
kind = "anthropic"
api_keys = ["env:ANTHROPIC_API_KEY"]
[providers.groq]
kind = "compatible"
base_url = "https://api.groq.com/openai/v1"
api_keys = ["env:GROQ_API_KEY"]
[providers.local]
kind = "compatible"
base_url = "http://localhost:8000/v1"
[models.far]
ladder = ["openai/gpt-4.1", "claude/claude-sonnet-4-5", "reserve/smollm2-135m"]
[models.blind]
ladder = ["openai/gpt-4.1", "groq/openai/gpt-oss-120b"]
[models.alike]
ladder = ["openai/gpt-4.1", "openai/gpt-4.1-mini"]
[models.unknown]
ladder = ["openai/gpt-4.1", "local/whatever"]
[models.vectors]
ladder = ["openai/text-embedding-3-small", "local/nomic-embed-text"]
[models.same]
ladder = ["openai/text-embedding-3-small", "local/openai/Text-Embedding-3-small"]
[models.told]
ladder = ["openai/gpt-4.1", "local/told"]
[cards."local/told"]
can = ["tools"]
cannot = ["documents"]
"#,
        &expect![[r#"
            model `far`: `claude/claude-sonnet-4-5` takes 200000 tokens, `openai/gpt-4.1` takes 1047576; longer requests pass over the former
            model `blind`: `openai/gpt-4.1` serves images, `groq/openai/gpt-oss-120b` is not known to; requests with them may fail there or pass over it
            model `blind`: `groq/openai/gpt-oss-120b` takes 131072 tokens, `openai/gpt-4.1` takes 1047576; longer requests pass over the former
            model `alike`: `openai/gpt-4.1`, `openai/gpt-4.1-mini` stand on api.openai.com and fall together
            model `vectors`: `openai/text-embedding-3-small`, `local/nomic-embed-text` make vectors that cannot be compared with each other; a ladder for embeddings holds one model at several providers
            model `told`: `openai/gpt-4.1` serves images, `local/told` is not known to; requests with them may fail there or pass over it
            model `told`: `openai/gpt-4.1` serves structured output, `local/told` is not known to; requests with them may fail there or pass over it
            model `told`: `openai/gpt-4.1` serves documents, `local/told` does not; requests with them pass over it
        "#]],
    );
}
