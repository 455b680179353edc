//! Reads who is told of incidents, and by which ways.

use detection::ComponentId;
use domain::Secret;
use lookout::notify::{
    Channel, ChannelKind, MailAddress, NotifySettings, Receiver, Signer, SmtpSecurity, SmtpSettings,
};
use lookout::web::WebAddress;
use web::StatusSettings;

use crate::keys;
use crate::mistake::{Findings, Place};
use crate::provider::{Roster, unknown_provider};
use crate::raw::{Table, text_of};
use crate::secrets::{Sources, Use, is_reference, resolve};

/// More are no receivers but a list, which has its place elsewhere.
const RECEIVERS_MAX: usize = 64;
const NAME_BYTES_MAX: usize = 64;
const HOST_BYTES_MAX: usize = 253;
/// For one mail in all, in milliseconds.
const MAIL_MS_MAX: u64 = 60_000;

pub(crate) fn read(
    top: &Table<'_>,
    (status, roster): (&StatusSettings, &Roster),
    sources: Sources<'_>,
    f: &mut Findings<'_>,
) -> NotifySettings {
    let d = NotifySettings::default();
    let table = top.table("notify", &keys::NOTIFY, f);
    let mail = mail(&table, status, sources, f);
    let subscribe = table.flag("subscribe", f).unwrap_or(d.subscribe);
    let told_by = ["mail", "receivers"].into_iter().find(|name| table.get(name).is_some());
    if let Some(name) = told_by.filter(|_| status.url.is_empty()) {
        f.lacks(
            table.place(name),
            "what is told links to the page: set `url` in [status], where it is reached from outside",
        );
    }
    let pagerduty = table.text("pagerduty_url", f).and_then(|said| {
        let read = WebAddress::parse(said.value);
        read.map_err(|error| f.at(said.span, error.to_string())).ok()
    });
    NotifySettings {
        receivers: receivers(&table, (roster, mail.is_some()), sources, f),
        mail,
        subscribe,
        allow_private: table.flag("allow_private", f).unwrap_or(d.allow_private),
        key: secret(&table, "key", sources, f),
        pagerduty: pagerduty.unwrap_or(d.pagerduty),
    }
}

fn mail(
    notify: &Table<'_>,
    status: &StatusSettings,
    sources: Sources<'_>,
    f: &mut Findings<'_>,
) -> Option<SmtpSettings> {
    let table = notify.table("mail", &keys::MAIL, f);
    if !table.is_there() {
        return None;
    }
    table.require("host", f);
    table.require("from", f);
    let (security, usual_port) = match table.word("security", f).map(|said| said.value) {
        Some("tls") => (SmtpSecurity::Tls, 465),
        Some("plain") => (SmtpSecurity::Plain, 25),
        _ => (SmtpSecurity::StartTls, 587),
    };
    let user = table.text("user", f).map(|said| Box::<str>::from(said.value));
    let password = secret(&table, "password", sources, f);
    if table.get("user").is_some() != table.get("password").is_some() {
        f.wrong(table.place("user"), "a login needs both `user` and `password`");
    }
    if user.is_some() && security == SmtpSecurity::Plain {
        f.wrong(table.place("security"), "no login is sent over a plain connection");
    }
    let host_of_page = status.url.parse::<http::Uri>().ok();
    let host_of_page = host_of_page.as_ref().and_then(http::Uri::host).unwrap_or("localhost");
    let hello = host(&table, "hello", f).unwrap_or_else(|| host_of_page.into());
    let from_name = table.text("from_name", f).and_then(|said| {
        let fits = !said.value.is_empty() && !said.value.chars().any(char::is_control);
        if !fits {
            f.at(said.span.clone(), "a name has no line breaks, and is not empty");
        }
        fits.then(|| Box::<str>::from(said.value))
    });
    let port = table.integer("port", usual_port, f);
    let from = table.text("from", f).and_then(|said| address(said.value, said.span, f));
    Some(SmtpSettings {
        host: host(&table, "host", f)?,
        port,
        security,
        login: user.zip(password),
        from: from?,
        from_name: from_name.unwrap_or_else(|| status.name.clone()),
        hello,
        total_ms_max: MAIL_MS_MAX,
    })
}

fn host(table: &Table<'_>, name: &str, f: &mut Findings<'_>) -> Option<Box<str>> {
    let said = table.text(name, f)?;
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-:".contains(&byte);
    let fits = (1..=HOST_BYTES_MAX).contains(&said.value.len()) && said.value.bytes().all(is_host);
    if !fits {
        f.at(said.span, format!("`{name}` must be a host name or an IP address, without a port"));
    }
    fits.then(|| said.value.into())
}

fn address(text: &str, span: std::ops::Range<usize>, f: &mut Findings<'_>) -> Option<MailAddress> {
    MailAddress::parse(text).map_err(|error| f.at(span, error.to_string())).ok()
}

fn secret(
    table: &Table<'_>,
    name: &str,
    sources: Sources<'_>,
    f: &mut Findings<'_>,
) -> Option<Secret> {
    let said = table.text(name, f)?;
    resolve(said.value, Use::HeaderValue, sources).map_err(|message| f.at(said.span, message)).ok()
}

fn receivers(
    notify: &Table<'_>,
    (roster, has_relay): (&Roster, bool),
    sources: Sources<'_>,
    f: &mut Findings<'_>,
) -> Vec<Receiver> {
    let entries = notify.array("receivers", "an array of tables: `[[notify.receivers]]`", f);
    if let Some(value) = notify.get("receivers").filter(|_| entries.len() > RECEIVERS_MAX) {
        f.at(value.span(), format!("there are {RECEIVERS_MAX} receivers at most"));
    }
    let mut all: Vec<Receiver> = Vec::new();
    for value in entries.iter().take(RECEIVERS_MAX) {
        let header = "notify.receivers".to_owned();
        let Some(entry) = Table::from_value(value, &keys::RECEIVER, header, f) else { continue };
        for required in ["name", "kind", "to"] {
            entry.require(required, f);
        }
        let components = components(&entry, roster, f);
        let name = name(&entry, f);
        let channel = channel(&entry, has_relay, sources, f);
        let (Some(name), Some(channel)) = (name, channel) else { continue };
        if all.iter().any(|known| known.name == name) {
            f.wrong(entry.place("name"), format!("the receiver `{name}` is there twice"));
        }
        all.push(Receiver { name, channel, components });
    }
    all
}

fn name(entry: &Table<'_>, f: &mut Findings<'_>) -> Option<Box<str>> {
    let said = entry.text("name", f)?;
    let fits = (1..=NAME_BYTES_MAX).contains(&said.value.len())
        && said.value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    if !fits {
        f.at(said.span, "a receiver's name has 1 to 64 letters, digits, `_`, `-` and `.`");
    }
    fits.then(|| said.value.into())
}

fn components(entry: &Table<'_>, roster: &Roster, f: &mut Findings<'_>) -> Vec<ComponentId> {
    let mut all = Vec::new();
    for value in entry.array("components", "an array of `provider/part`", f) {
        let Some(said) = text_of("a component", value, f) else { continue };
        let provider = said.value.split('/').next().unwrap_or_default();
        if roster.kinds.contains_key(provider) {
            all.push(ComponentId::new(said.value));
        } else {
            f.lacks(Place::Text(said.span), unknown_provider(provider, roster));
        }
    }
    all
}

fn channel(
    entry: &Table<'_>,
    has_relay: bool,
    sources: Sources<'_>,
    f: &mut Findings<'_>,
) -> Option<Channel> {
    let kind = entry.word("kind", f)?;
    let kind = ChannelKind::ALL.into_iter().find(|known| known.as_str() == kind.value)?;
    if kind != ChannelKind::Webhook && entry.get("secrets").is_some() {
        f.wrong(entry.place("secrets"), "only messages to webhooks are signed");
    }
    let said = entry.text("to", f)?;
    if kind == ChannelKind::Email {
        if !has_relay {
            f.lacks(entry.place("to"), "mails need a relay: set [notify.mail]");
        }
        return Some(Channel::Email(address(said.value, said.span, f)?));
    }
    let told = if kind == ChannelKind::Webhook && !is_reference(said.value) {
        Secret::new(said.value)
    } else {
        let found = resolve(said.value, Use::HeaderValue, sources);
        found.map_err(|message| f.at(said.span.clone(), message)).ok()?
    };
    if kind == ChannelKind::PagerDuty {
        return Some(Channel::PagerDuty { routing_key: told });
    }
    let Ok(address) = WebAddress::parse(told.expose()) else {
        // What stands there may be a secret, so it is not repeated.
        f.at(said.span, "`to` does not hold an http or https address");
        return None;
    };
    Some(match kind {
        ChannelKind::Slack => Channel::Slack(address),
        ChannelKind::Teams => Channel::Teams(address),
        ChannelKind::Discord => Channel::Discord(address),
        _ => Channel::Webhook { address, signer: signer(entry, sources, f)? },
    })
}

fn signer(entry: &Table<'_>, sources: Sources<'_>, f: &mut Findings<'_>) -> Option<Signer> {
    entry.require("secrets", f);
    let mut secrets = Vec::new();
    for value in entry.array("secrets", "an array of `env:NAME` or `file:PATH`", f) {
        let Some(said) = text_of("a secret", value, f) else { continue };
        match resolve(said.value, Use::Key, sources) {
            Ok(secret) => secrets.push(secret),
            Err(message) => f.at(said.span, message),
        }
    }
    entry.get("secrets")?;
    let made = Signer::new(&secrets);
    made.map_err(|error| f.wrong(entry.place("secrets"), error.to_string())).ok()
}
