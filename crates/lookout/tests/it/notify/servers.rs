//! Real servers on loopback: a webhook, one shaped like Slack, a mail relay. The setting that allows
//! private addresses is on, but where its absence is tested.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clock::{SystemClock, UnixMs};
use detection::Phase;
use domain::Secret;
use lookout::notify::{
    Channel, Consent, CourierSettings, Language, MailAddress, Mailer, MemoryPost, SmtpSecurity,
    SmtpSettings, Subscribers, Subscription, SubscriptionState, Wires,
};
use lookout::web::{Guarded, SystemResolver};
use net::{Client, ClientLimits, ClientParts, TcpConnector, client_tls};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::smtp_server::{Given, Manners, Relay};
use super::{address, courier, office, page, signer, story, subscription};
use crate::rig::{Seen, read_request};

/// A server that answers `200 ok` and keeps what it was asked.
async fn receiver() -> (u16, Arc<Mutex<Vec<Seen>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let keeps = seen.clone();
    tokio::spawn(async move {
        while let Ok((mut io, _)) = listener.accept().await {
            while let Some((head, body)) = read_request(&mut io).await {
                keeps.lock().unwrap().push(Seen { host: String::new(), head, body });
                let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
                io.write_all(answer.as_bytes()).await.unwrap();
            }
        }
    });
    (port, seen)
}

fn wires(allow_private: bool, mailer: Option<Mailer>) -> Wires {
    let guarded = Guarded::new(Arc::new(TcpConnector), Arc::new(SystemResolver), allow_private);
    let client = Client::new(ClientParts {
        connector: Arc::new(guarded),
        clock: Arc::new(SystemClock::new()),
        tls: None,
        limits: ClientLimits::default(),
    });
    Wires { client, mailer, pager: address("http://127.0.0.1:9/") }
}

/// Looks more often than usual, so that no test waits.
fn quick() -> CourierSettings {
    CourierSettings { look_every_ms: 5, ..CourierSettings::default() }
}

/// Waits, up to ten seconds, until `ready` gives something.
async fn until<T>(mut ready: impl FnMut() -> Option<T>) -> T {
    let waiting = async {
        loop {
            if let Some(found) = ready() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting).await.expect("it comes in time")
}

#[tokio::test]
async fn a_webhook_and_a_slack_shaped_server_are_told() {
    let (hook_port, hook) = receiver().await;
    let (slack_port, slack) = receiver().await;
    let post = Arc::new(MemoryPost::default());
    // By name, so that it is resolved, judged and pinned.
    let hook_address = address(&format!("http://localhost:{hook_port}/hook?a=b"));
    let channel = Channel::Webhook { address: hook_address, signer: signer() };
    post.subscribe(subscription("hook", channel)).unwrap();
    let channel = Channel::Slack(address(&format!("http://127.0.0.1:{slack_port}/services/T/B/x")));
    post.subscribe(subscription("slack", channel)).unwrap();
    let clock = Arc::new(SystemClock::new());
    let story = story(&[Phase::Investigating]);
    office(&post, clock.clone()).announce(&story, &page()).await.unwrap();
    let running = tokio::spawn(courier(&post, wires(true, None), clock, quick()).run());
    let told = until(|| hook.lock().unwrap().first().cloned()).await;
    assert!(told.head.starts_with("POST /hook?a=b HTTP/1.1"));
    assert_eq!(told.header("host").unwrap(), format!("localhost:{hook_port}"));
    let header = |name| told.header(name).unwrap();
    let signed = (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"));
    let at = UnixMs::new(signed.1.parse::<u64>().unwrap() * 1_000);
    signer().verify(signed, told.body.as_bytes(), at).unwrap();
    let body: Value = serde_json::from_str(&told.body).unwrap();
    assert_eq!(body["incident"]["components"][0]["name"], "ChatGPT");
    let told = until(|| slack.lock().unwrap().first().cloned()).await;
    let body: Value = serde_json::from_str(&told.body).unwrap();
    assert_eq!(body["blocks"][0]["type"], "section");
    until(|| (post.waiting() == 0).then_some(())).await;
    running.abort();
}

#[tokio::test]
async fn without_the_setting_nobody_on_loopback_is_told() {
    let (port, seen) = receiver().await;
    let post = Arc::new(MemoryPost::default());
    for (id, host) in [("name", "localhost"), ("number", "127.0.0.1"), ("short", "127.1")] {
        let address = address(&format!("http://{host}:{port}/"));
        post.subscribe(subscription(id, Channel::Webhook { address, signer: signer() })).unwrap();
    }
    let clock = Arc::new(SystemClock::new());
    office(&post, clock.clone()).announce(&story(&[Phase::Investigating]), &page()).await.unwrap();
    let running = tokio::spawn(courier(&post, wires(false, None), clock, quick()).run());
    use lookout::notify::Outbox;
    // All three were tried, and put off.
    for id in ["name", "number", "short"] {
        let mut tried = false;
        for _ in 0..2_000 {
            tried = post.pending(id, "inc1").await.unwrap()[0].attempts == 1;
            if tried {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(tried, "{id}");
    }
    assert!(seen.lock().unwrap().is_empty());
    running.abort();
}

fn mailer(relay: &Relay, security: SmtpSecurity, with_login: bool) -> Mailer {
    Mailer {
        settings: SmtpSettings {
            host: "localhost".into(),
            port: relay.port,
            security,
            login: with_login.then(|| ("user".into(), Secret::new("pass"))),
            from: MailAddress::parse("status@seawall.example").unwrap(),
            from_name: "Seawall".into(),
            hello: "seawall.example".into(),
            total_ms_max: 5_000,
        },
        connector: Arc::new(TcpConnector),
        tls: Some(client_tls(Some(relay.certificate_pem.as_bytes()), true).unwrap()),
        consent: Arc::new(Consent::new(&[3; 32])),
        unsubscribe_url: "https://status.example/unsubscribe?token=".into(),
    }
}

fn ann(state: SubscriptionState) -> Subscription {
    let channel = Channel::Email(MailAddress::parse("ann@example.com").unwrap());
    Subscription { state, ..subscription("ann.1", channel) }
}

const POLITE: Manners = Manners { offers_tls: true, recipient: "250 ok" };

#[tokio::test]
async fn consent_is_asked_for_given_used_and_taken_back() {
    let relay = Relay::start(POLITE).await;
    let post = Arc::new(MemoryPost::default());
    post.subscribe(ann(SubscriptionState::Unconfirmed)).unwrap();
    let clock = Arc::new(SystemClock::new());
    let mut office = office(&post, clock.clone());
    let story = story(&[Phase::Investigating]);
    assert_eq!(office.announce(&story, &page()).await.unwrap(), 0, "nobody has consented");
    let consent = Consent::new(&[3; 32]);
    let asked_at = UnixMs::new(1_717_459_200_000);
    let link = format!(
        "https://status.example/confirm?token={}",
        consent.confirm_token("ann.1", asked_at)
    );
    office.ask_consent("ann.1", &page(), (&link, Language::English)).await.unwrap();
    let mailer = mailer(&relay, SmtpSecurity::StartTls, true);
    let running = tokio::spawn(courier(&post, wires(true, Some(mailer)), clock, quick()).run());
    let question = until(|| relay.given.lock().unwrap().first().cloned()).await;
    assert!(question.was_tls);
    assert_eq!(
        question.commands,
        [
            "EHLO seawall.example",
            "STARTTLS",
            "EHLO seawall.example",
            // The base64 of "\0user\0pass".
            "AUTH PLAIN AHVzZXIAcGFzcw==",
            "MAIL FROM:<status@seawall.example>",
            "RCPT TO:<ann@example.com>",
            "DATA",
            "QUIT"
        ]
    );
    let token = text_of(&question).split("confirm?token=").nth(1).unwrap().to_owned();
    let token = token.split_whitespace().next().unwrap();
    let confirmed = consent.confirmed(token, asked_at).unwrap();
    post.set_state(confirmed, SubscriptionState::Confirmed).await.unwrap();
    assert_eq!(office.announce(&story, &page()).await.unwrap(), 1);
    let told = until(|| relay.given.lock().unwrap().get(1).cloned()).await;
    assert!(
        told.message.contains("Subject: Investigating: ChatGPT does not answer (critical)\r\n")
    );
    assert!(told.message.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"));
    let line = told.message.lines().find(|line| line.starts_with("List-Unsubscribe: ")).unwrap();
    let token = line.split("token=").nth(1).unwrap().trim_end_matches('>');
    assert_eq!(consent.unsubscribed(token), Ok("ann.1"));
    assert!(text_of(&told).contains("Step 0"));
    running.abort();
}

fn text_of(given: &Given) -> String {
    let (_, body) = given.message.split_once("\r\n\r\n").unwrap();
    String::from_utf8(STANDARD.decode(body.replace("\r\n", "")).unwrap()).unwrap()
}

/// What became of one mail: told, put off, or settled without being told.
async fn fate(manners: Manners, security: SmtpSecurity, with_login: bool) -> &'static str {
    let relay = Relay::start(manners).await;
    let post = Arc::new(MemoryPost::default());
    post.subscribe(ann(SubscriptionState::Confirmed)).unwrap();
    let clock = Arc::new(SystemClock::new());
    office(&post, clock.clone()).announce(&story(&[Phase::Investigating]), &page()).await.unwrap();
    let mailer = mailer(&relay, security, with_login);
    let running = tokio::spawn(courier(&post, wires(true, Some(mailer)), clock, quick()).run());
    use lookout::notify::Outbox;
    let mut fate = "waits";
    for _ in 0..2_000 {
        let waiting = post.pending("ann.1", "inc1").await.unwrap();
        fate = match waiting.first() {
            Some(letter) if letter.attempts == 0 => "waits",
            Some(_) => "put off",
            None => "settled",
        };
        if fate != "waits" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    running.abort();
    let is_told = relay.given.lock().unwrap().iter().any(|given| !given.message.is_empty());
    if is_told { "told" } else { fate }
}

#[tokio::test]
async fn the_relays_answers_are_understood() {
    let later = Manners { recipient: "451 greylisted", ..POLITE };
    assert_eq!(fate(later, SmtpSecurity::StartTls, false).await, "put off");
    let never = Manners { recipient: "550-no such\r\n550 mailbox", ..POLITE };
    assert_eq!(fate(never, SmtpSecurity::StartTls, false).await, "settled");
    let plain = Manners { offers_tls: false, ..POLITE };
    assert_eq!(fate(plain, SmtpSecurity::Plain, false).await, "told");
    assert_eq!(
        fate(plain, SmtpSecurity::Plain, true).await,
        "put off",
        "no login goes in the clear"
    );
    assert_eq!(fate(plain, SmtpSecurity::StartTls, false).await, "put off", "no mail either");
    let chatter = Manners { recipient: "hello?", ..POLITE };
    assert_eq!(fate(chatter, SmtpSecurity::StartTls, false).await, "put off");
}
