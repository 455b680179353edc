//! One submission: greeting, TLS, login, envelope, message, farewell.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::Secret;
use net::{BoxIo, Connector, Origin};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;

use super::super::MailAddress;

/// Bytes and lines of one reply; a real one has a dozen lines of 512 bytes at most.
const REPLY_BYTES_MAX: usize = 16 * 1024;

/// How the way to the relay is kept private.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SmtpSecurity {
    /// TLS from the first byte, mostly at port 465.
    Tls,
    /// TLS is asked for, and nothing is sent without it; mostly at port 587.
    StartTls,
    /// None: for a relay on the same machine. No login is ever sent over it.
    Plain,
}

/// The relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmtpSettings {
    pub host: Box<str>,
    pub port: u16,
    pub security: SmtpSecurity,
    /// User name and password.
    pub login: Option<(Box<str>, Secret)>,
    pub from: MailAddress,
    pub from_name: Box<str>,
    /// What we call ourselves in the greeting: a host name of ours.
    pub hello: Box<str>,
    /// For one submission in all.
    pub total_ms_max: u64,
}

/// Why a mail was not taken.
#[derive(Debug, Error)]
pub enum SmtpError {
    #[error("the relay cannot be reached: {0}")]
    Io(#[from] io::Error),
    #[error("the relay did not take the mail within {ms_max} ms")]
    TooSlow { ms_max: u64 },
    #[error("the relay does not speak SMTP")]
    NoSmtp,
    #[error("the relay offers no TLS, and none goes without")]
    NoTls,
    #[error("no login is sent over a plain connection")]
    PlainLogin,
    #[error("the relay offers no login that we know")]
    NoLogin,
    /// 4xx: trying again may help. The reply's text is for our log.
    #[error("the relay answers {code} for now: {text}")]
    Later { code: u16, text: Box<str> },
    /// 5xx: it will not help.
    #[error("the relay answers {code}: {text}")]
    Refused { code: u16, text: Box<str> },
}

impl SmtpError {
    /// True if trying again may help.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Refused { .. } => false,
            // What the operator must mend, he has time to mend while the ladder is climbed.
            Self::NoTls | Self::PlainLogin | Self::NoLogin => true,
            Self::Io(_) | Self::TooSlow { .. } | Self::Later { .. } | Self::NoSmtp => true,
        }
    }
}

/// Hands one mail to the relay.
pub(in super::super) async fn submit(
    settings: &SmtpSettings,
    connector: &dyn Connector,
    tls: Option<&Arc<ClientConfig>>,
    to: &MailAddress,
    message: &[u8],
) -> Result<(), SmtpError> {
    let span = Duration::from_millis(settings.total_ms_max);
    let submitting = Box::pin(converse(settings, connector, tls, (to, message)));
    match tokio::time::timeout(span, submitting).await {
        Ok(submitted) => submitted,
        Err(_) => Err(SmtpError::TooSlow { ms_max: settings.total_ms_max }),
    }
}

async fn converse(
    settings: &SmtpSettings,
    connector: &dyn Connector,
    tls: Option<&Arc<ClientConfig>>,
    (to, message): (&MailAddress, &[u8]),
) -> Result<(), SmtpError> {
    let is_tls = settings.security == SmtpSecurity::Tls;
    let origin = Origin { host: (*settings.host).into(), port: settings.port, tls: is_tls };
    let mut io = connector.connect(&origin).await?;
    if is_tls {
        io = handshake(io, settings, tls).await?;
    }
    let mut line = Line { io, buffer: Vec::new() };
    line.reply().await?.is(2)?;
    let mut offers = line.hello(&settings.hello).await?;
    if settings.security == SmtpSecurity::StartTls {
        if !offers.iter().any(|offer| offer.eq_ignore_ascii_case("STARTTLS")) {
            return Err(SmtpError::NoTls);
        }
        line.say("STARTTLS").await?.is(2)?;
        // What was sent before TLS must not be taken for what was sent under it.
        if !line.buffer.is_empty() {
            return Err(SmtpError::NoSmtp);
        }
        line.io = handshake(line.io, settings, tls).await?;
        offers = line.hello(&settings.hello).await?;
    }
    if let Some((user, password)) = &settings.login {
        if settings.security == SmtpSecurity::Plain {
            return Err(SmtpError::PlainLogin);
        }
        line.log_in(&offers, user, password).await?;
    }
    line.say(&format!("MAIL FROM:<{}>", settings.from)).await?.is(2)?;
    line.say(&format!("RCPT TO:<{to}>")).await?.is(2)?;
    line.say("DATA").await?.is(3)?;
    // The message is base64 and headers of ours, so that no line of it begins with a dot.
    line.io.write_all(message).await?;
    line.say(".").await?.is(2)?;
    // It has the mail; what it says to a farewell changes nothing.
    line.io.write_all(b"QUIT\r\n").await.or(Ok(()))
}

async fn handshake(
    io: BoxIo,
    settings: &SmtpSettings,
    tls: Option<&Arc<ClientConfig>>,
) -> Result<BoxIo, SmtpError> {
    let mut config = ClientConfig::clone(tls.ok_or(SmtpError::NoTls)?);
    // Mail has no name in ALPN, and a strict relay refuses those of the web.
    config.alpn_protocols.clear();
    let name = ServerName::try_from(settings.host.to_string())
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let stream = TlsConnector::from(Arc::new(config)).connect(name, io).await?;
    Ok(Box::new(stream))
}

struct Line {
    io: BoxIo,
    /// Read and not yet understood.
    buffer: Vec<u8>,
}

struct Reply {
    code: u16,
    /// Without codes.
    lines: Vec<String>,
}

impl Reply {
    /// The reply, if its first digit is the one that is wanted.
    fn is(self, class: u16) -> Result<Self, SmtpError> {
        if self.code / 100 == class {
            return Ok(self);
        }
        let text: Box<str> = self.lines.join(" ").chars().take(200).collect::<String>().into();
        match self.code / 100 {
            4 => Err(SmtpError::Later { code: self.code, text }),
            5 => Err(SmtpError::Refused { code: self.code, text }),
            _ => Err(SmtpError::NoSmtp),
        }
    }
}

impl Line {
    async fn say(&mut self, command: &str) -> Result<Reply, SmtpError> {
        self.io.write_all(format!("{command}\r\n").as_bytes()).await?;
        self.io.flush().await?;
        self.reply().await
    }

    /// What the relay offers, one line each.
    async fn hello(&mut self, name: &str) -> Result<Vec<String>, SmtpError> {
        Ok(self.say(&format!("EHLO {name}")).await?.is(2)?.lines)
    }

    async fn log_in(
        &mut self,
        offers: &[String],
        user: &str,
        password: &Secret,
    ) -> Result<(), SmtpError> {
        let auth = offers.iter().find(|offer| offer.to_ascii_uppercase().starts_with("AUTH "));
        let offers = |way: &str| {
            auth.is_some_and(|auth| auth.split(' ').any(|word| word.eq_ignore_ascii_case(way)))
        };
        if offers("PLAIN") {
            let token = STANDARD.encode(format!("\0{user}\0{}", password.expose()));
            self.say(&format!("AUTH PLAIN {token}")).await?.is(2)?;
        } else if offers("LOGIN") {
            self.say("AUTH LOGIN").await?.is(3)?;
            self.say(&STANDARD.encode(user)).await?.is(3)?;
            self.say(&STANDARD.encode(password.expose())).await?.is(2)?;
        } else {
            return Err(SmtpError::NoLogin);
        }
        Ok(())
    }

    async fn reply(&mut self) -> Result<Reply, SmtpError> {
        let mut reply = Reply { code: 0, lines: Vec::new() };
        let mut bytes = 0;
        loop {
            let line = self.line().await?;
            bytes += line.len();
            let (code, rest) = line.split_at_checked(3).ok_or(SmtpError::NoSmtp)?;
            let code: u16 = code.parse().map_err(|_| SmtpError::NoSmtp)?;
            if bytes > REPLY_BYTES_MAX || (reply.code != 0 && reply.code != code) {
                return Err(SmtpError::NoSmtp);
            }
            reply.code = code;
            reply.lines.push(rest.get(1..).unwrap_or_default().to_owned());
            if !rest.starts_with('-') {
                return Ok(reply);
            }
        }
    }

    async fn line(&mut self) -> Result<String, SmtpError> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let rest = self.buffer.split_off(end + 1);
                let line = std::mem::replace(&mut self.buffer, rest);
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if self.buffer.len() > REPLY_BYTES_MAX {
                return Err(SmtpError::NoSmtp);
            }
            if self.io.read_buf(&mut self.buffer).await? == 0 {
                return Err(SmtpError::Io(io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }
}
