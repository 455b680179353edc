//! What each channel gets. Its expected texts are renewed by `UPDATE_EXPECT=1`.

use std::sync::Arc;

use clock::UnixMs;
use detection::{ComponentId, Condition, IncidentId, Maintenance, MaintenancePhase, Phase};
use domain::Secret;
use expect_test::{Expect, expect, expect_file};
use lookout::notify::{
    Channel, Language, Letter, MailAddress, MemoryPost, Outbox, PartChange, Story, Subscription,
};
use serde_json::Value;

use super::{address, office, page, signer, story, subscription};
use crate::rig::PausedClock;

/// The letters' bodies for one story, in the order of the subscriptions.
async fn written(channels: Vec<Channel>, story: &Story) -> Vec<String> {
    let post = Arc::new(MemoryPost::default());
    for (place, channel) in channels.into_iter().enumerate() {
        post.subscribe(subscription(&place.to_string(), channel)).unwrap();
    }
    office(&post, PausedClock::new()).announce(story, &page()).await.unwrap();
    let letters = post.due(UnixMs::new(u64::MAX), 100).await.unwrap();
    letters.into_iter().map(|letter| letter.body.to_string()).collect()
}

async fn body(channel: Channel, story: &Story) -> String {
    written(vec![channel], story).await.remove(0)
}

fn pretty(body: &str) -> String {
    let value: Value = serde_json::from_str(body).unwrap();
    serde_json::to_string_pretty(&value).unwrap()
}

fn check(body: &str, expected: &Expect) {
    expected.assert_eq(&pretty(body));
}

#[tokio::test(start_paused = true)]
async fn webhooks_get_statuspages_body() {
    let channel = Channel::Webhook { address: address("https://hook.example/"), signer: signer() };
    let body = body(channel, &story(&[Phase::Investigating, Phase::Identified])).await;
    expect_file!["expected/statuspage_webhook.json"].assert_eq(&pretty(&body));
}

#[tokio::test(start_paused = true)]
async fn a_part_that_changes_is_told_to_webhooks_only() {
    let post = Arc::new(MemoryPost::default());
    let hook = Channel::Webhook { address: address("https://hook.example/"), signer: signer() };
    post.subscribe(subscription("hook", hook)).unwrap();
    post.subscribe(subscription("slack", Channel::Slack(address("https://s/")))).unwrap();
    let change = PartChange {
        id: "c1".into(),
        component: ComponentId::new("openai/app"),
        from: Condition::Operational,
        to: Condition::MajorOutage,
        at: UnixMs::new(1_717_459_200_000),
    };
    let told = office(&post, PausedClock::new()).announce_change(&change, &page()).await.unwrap();
    assert_eq!(told, 1);
    let letters = post.due(UnixMs::new(u64::MAX), 9).await.unwrap();
    let value: Value = serde_json::from_str(&letters[0].body).unwrap();
    assert_eq!(value["component_update"]["old_status"], "operational");
    assert_eq!(value["component_update"]["created_at"], "2024-06-04T00:00:00.000Z");
    assert_eq!(value["component"]["name"], "ChatGPT");
    assert_eq!(value["page"]["status_indicator"], "critical");
    assert_eq!(value.get("incident"), None);
}

#[tokio::test(start_paused = true)]
async fn slack_gets_blocks_in_which_nobody_is_called() {
    let body = body(Channel::Slack(address("https://s/")), &story(&[Phase::Investigating])).await;
    assert!(!body.contains("<!channel>"));
    check(
        &body,
        &expect![[r#"
        {
          "blocks": [
            {
              "text": {
                "text": "*Investigating: ChatGPT does not answer (critical)*",
                "type": "mrkdwn"
              },
              "type": "section"
            },
            {
              "text": {
                "text": "Step 0 &amp; &lt;!channel&gt; [x](y).",
                "type": "mrkdwn"
              },
              "type": "section"
            },
            {
              "elements": [
                {
                  "text": "ChatGPT · <https://status.example/incidents/inc1|Status &lt;of&gt; us>",
                  "type": "mrkdwn"
                }
              ],
              "type": "context"
            }
          ],
          "text": "Investigating: ChatGPT does not answer (critical)"
        }"#]],
    );
}

#[tokio::test(start_paused = true)]
async fn teams_gets_an_adaptive_card() {
    let body = body(Channel::Teams(address("https://t/")), &story(&[Phase::Investigating])).await;
    check(
        &body,
        &expect![[r#"
        {
          "attachments": [
            {
              "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "actions": [
                  {
                    "title": "Status <of> us",
                    "type": "Action.OpenUrl",
                    "url": "https://status.example/incidents/inc1"
                  }
                ],
                "body": [
                  {
                    "text": "Investigating: ChatGPT does not answer (critical)",
                    "type": "TextBlock",
                    "weight": "Bolder",
                    "wrap": true
                  },
                  {
                    "text": "Step 0 & <!channel> \\[x](y).",
                    "type": "TextBlock",
                    "wrap": true
                  },
                  {
                    "facts": [
                      {
                        "title": "Status",
                        "value": "Investigating"
                      },
                      {
                        "title": "Affected",
                        "value": "ChatGPT"
                      }
                    ],
                    "type": "FactSet"
                  }
                ],
                "type": "AdaptiveCard",
                "version": "1.4"
              },
              "contentType": "application/vnd.microsoft.card.adaptive",
              "contentUrl": null
            }
          ],
          "type": "message"
        }"#]],
    );
}

#[tokio::test(start_paused = true)]
async fn discord_gets_an_embed() {
    let body = body(Channel::Discord(address("https://d/")), &story(&[Phase::Resolved])).await;
    check(
        &body,
        &expect![[r#"
        {
          "allowed_mentions": {
            "parse": []
          },
          "embeds": [
            {
              "color": 3046706,
              "description": "Step 0 & <!channel> [x](y).",
              "fields": [
                {
                  "name": "Affected",
                  "value": "ChatGPT"
                }
              ],
              "footer": {
                "text": "Status <of> us"
              },
              "timestamp": "2024-06-04T07:19:00.000Z",
              "title": "Resolved: ChatGPT does not answer (critical)",
              "url": "https://status.example/incidents/inc1"
            }
          ]
        }"#]],
    );
}

#[tokio::test(start_paused = true)]
async fn pagerduty_gets_one_alert_for_one_incident() {
    let channel = Channel::PagerDuty { routing_key: Secret::new("secret-key") };
    let opened = body(channel.clone(), &story(&[Phase::Investigating])).await;
    let closed = body(channel, &story(&[Phase::Investigating, Phase::Resolved])).await;
    assert!(!opened.contains("secret-key"), "the outbox keeps no secret");
    let field = |body: &str, name: &str| {
        let value: Value = serde_json::from_str(body).unwrap();
        value[name].as_str().unwrap().to_owned()
    };
    assert_eq!(field(&opened, "dedup_key"), field(&closed, "dedup_key"));
    assert_eq!(field(&closed, "event_action"), "resolve");
    check(
        &opened,
        &expect![[r#"
        {
          "client": "Status <of> us",
          "client_url": "https://status.example",
          "dedup_key": "inc1",
          "event_action": "trigger",
          "links": [
            {
              "href": "https://status.example/incidents/inc1",
              "text": "Incident"
            }
          ],
          "payload": {
            "component": "ChatGPT",
            "custom_details": {
              "latest": "Step 0 & <!channel> [x](y).",
              "status": "investigating"
            },
            "severity": "critical",
            "source": "Status <of> us",
            "summary": "Investigating: ChatGPT does not answer (critical)"
          }
        }"#]],
    );
}

#[tokio::test(start_paused = true)]
async fn mails_are_plain_text_newest_first() {
    let channel = Channel::Email(MailAddress::parse("ann@example.com").unwrap());
    let body = body(channel, &story(&[Phase::Investigating, Phase::Resolved])).await;
    expect![[r#"
        Resolved: ChatGPT does not answer (critical)
        Affected: ChatGPT

        Resolved, Tue, 04 Jun 2024 07:20:00 +0000
        Step 1 & <!channel> [x](y).

        Investigating, Tue, 04 Jun 2024 07:19:00 +0000
        Step 0 & <!channel> [x](y).

        https://status.example/incidents/inc1
    "#]]
    .assert_eq(&body);
}

#[tokio::test(start_paused = true)]
async fn planned_work_says_from_when_to_when() {
    let planned = Maintenance {
        id: IncidentId::new("m1"),
        title: "New disks".into(),
        phase: MaintenancePhase::InProgress,
        created_at: UnixMs::new(1_717_459_200_000),
        starts_at: UnixMs::new(1_717_480_800_000),
        ends_at: UnixMs::new(1_717_484_400_000),
        components: vec![ComponentId::new("openai/app")],
        updates: Vec::new(),
        sequence: 1,
    };
    let channel = Channel::Webhook { address: address("https://hook.example/"), signer: signer() };
    let body = body(channel, &Story::of_maintenance(&planned)).await;
    let value: Value = serde_json::from_str(&body).unwrap();
    let incident = &value["incident"];
    assert_eq!(incident["status"], "in_progress");
    assert_eq!(incident["impact"], "maintenance");
    assert_eq!(incident["scheduled_for"], "2024-06-04T06:00:00.000Z");
    assert_eq!(incident["scheduled_until"], "2024-06-04T07:00:00.000Z");
}

#[tokio::test(start_paused = true)]
async fn texts_without_an_end_are_cut_where_the_channels_cut_them() {
    let mut long = story(&[Phase::Investigating]);
    long.title = "語".repeat(10_000).into();
    long.updates[0].body = "語".repeat(10_000).into();
    let address = || address("https://x/");
    let channels =
        vec![Channel::Slack(address()), Channel::Discord(address()), Channel::Teams(address())];
    for (body, chars_max) in written(channels, &long).await.iter().zip([3_000, 4_096, 4_000]) {
        assert!(longest(&serde_json::from_str(body).unwrap()) <= chars_max);
    }
}

fn longest(value: &Value) -> usize {
    match value {
        Value::String(text) => text.chars().count(),
        Value::Array(list) => list.iter().map(longest).max().unwrap_or(0),
        Value::Object(map) => map.values().map(longest).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

/// The letter to somebody who reads that language.
async fn mail(language: Language, story: &Story) -> Letter {
    let post = Arc::new(MemoryPost::default());
    let channel = Channel::Email(MailAddress::parse("ann@example.com").unwrap());
    post.subscribe(Subscription { language, ..subscription("ann", channel) }).unwrap();
    office(&post, PausedClock::new()).announce(story, &page()).await.unwrap();
    post.due(UnixMs::new(u64::MAX), 1).await.unwrap().remove(0)
}

#[tokio::test(start_paused = true)]
async fn who_reads_chinese_is_told_in_chinese() {
    let mut told = story(&[Phase::Investigating, Phase::Identified]);
    told.updates[0].body =
        "Confirmed: ChatGPT does not answer, since 07:18 UTC. Our traffic: 60 of 60 requests of \
         the last minute failed: no answer in time."
            .into();
    let letter = mail(Language::Chinese, &told).await;
    assert_eq!(&*letter.subject, "已找到原因：ChatGPT 没有应答（全面故障）");
    expect![[r#"
        已找到原因：ChatGPT 没有应答（全面故障）
        涉及：ChatGPT

        已找到原因，2024 年 6 月 4 日 07:20 UTC
        Step 1 & <!channel> [x](y).

        正在调查，2024 年 6 月 4 日 07:19 UTC
        已确认：ChatGPT 没有应答，自 07:18 UTC 起。自有流量：最近一分钟 60 个请求中有 60 个失败：未及时应答。

        https://status.example/incidents/inc1?lang=zh-Hans
    "#]]
    .assert_eq(&letter.body);
    let english = mail(Language::English, &told).await;
    assert!(english.body.contains("Confirmed: ChatGPT does not answer"), "{}", english.body);
}
