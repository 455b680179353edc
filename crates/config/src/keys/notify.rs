//! The keys of who is told of incidents, and by which ways.

use lookout::notify::PAGERDUTY_URL;

use super::{Key, Section, Shape, flag, integer, none, other, required};

/// How the way to a relay is kept private.
const SECURITY: &[&str] = &["starttls", "tls", "plain"];
/// How somebody is told.
const CHANNELS: &[&str] = &["webhook", "slack", "teams", "discord", "pagerduty", "email"];

pub(crate) static NOTIFY: Section = Section {
    name: "notify",
    sentence: "Who is told of incidents and planned work. What is to be told waits in the store until \
        it was told, so that a restart loses nothing where `storage.path` is set. It links to the page, \
        so that `status.url` must be set. A change needs a restart.",
    keys: &[
        flag(
            "subscribe",
            || "true".into(),
            "Whether anybody may subscribe by e-mail on the status page, where `[notify.mail]` and \
             `status.url` are set; who subscribes is told nothing before he has confirmed.",
        ),
        flag(
            "allow_private",
            || "false".into(),
            "Whether receivers may be within our own network; else no address that leads there is \
             ever connected to.",
        ),
        other(
            "key",
            "`env:NAME` or `file:PATH`",
            none,
            "Seals the addresses of subscribers in the store and signs the links in mails. Without \
             it one is made, and kept in the store.",
        ),
        other(
            "pagerduty_url",
            "http or https address",
            || format!("\"{PAGERDUTY_URL}\""),
            "Where PagerDuty takes events.",
        ),
    ],
    tables: &["mail", "receivers"],
};

pub(crate) static MAIL: Section = Section {
    name: "notify.mail",
    sentence: "The relay for mails.",
    keys: &[
        other("host", "host name", required, "Its name or address."),
        integer("port", (1, 65_535), || "(587, 465, 25 by `security`)".into(), "Its port."),
        Key {
            name: "security",
            shape: Shape::Word(SECURITY),
            default: || "\"starttls\"".into(),
            sentence: "TLS that is asked for and required, TLS from the first byte, or none, over \
                which no login is sent.",
        },
        other("user", "text", none, "For a login, with `password`."),
        other("password", "`env:NAME` or `file:PATH`", none, "For a login, with `user`."),
        other("from", "e-mail address", required, "Who the mails are from."),
        other("from_name", "text", || "(`status.name`)".into(), "The name beside that address."),
        other(
            "hello",
            "host name",
            || "(the host of `status.url`, or `localhost`)".into(),
            "What we call ourselves before the relay.",
        ),
    ],
    tables: &[],
};

pub(crate) static RECEIVER: Section = Section {
    name: "notify.receivers",
    sentence: "An array of tables, one for each end that is told of every incident: `[[notify.receivers]]`.",
    keys: &[
        other("name", "text", required, "1 to 64 letters, digits, `_`, `-` and `.`."),
        Key {
            name: "kind",
            shape: Shape::Word(CHANNELS),
            default: required,
            sentence: "How it is told. Webhooks get the body that common status pages send, signed \
                after Standard Webhooks; `teams` is a Workflows address.",
        },
        other(
            "to",
            "`env:NAME` or `file:PATH`",
            required,
            "Holds the address, or for `pagerduty` the routing key. An e-mail address stands here \
             itself, and so may a webhook's address if it holds no secret.",
        ),
        other(
            "secrets",
            "array of `env:NAME` or `file:PATH`",
            none,
            "Required for kind `webhook`: what its messages are signed with, each `whsec_` and the \
             base64 of 24 to 64 bytes, the newest first, 4 at most.",
        ),
        other(
            "components",
            "array of `provider/part`",
            || "[]".into(),
            "What it hears of, such as `openai/chat`; everything if empty.",
        ),
    ],
    tables: &[],
};
