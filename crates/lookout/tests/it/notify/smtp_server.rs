//! A relay on loopback that keeps what it is given: greeting, STARTTLS, login, envelope, message.

use std::sync::{Arc, Mutex};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// What the relay was given.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Given {
    pub(super) commands: Vec<String>,
    pub(super) message: String,
    pub(super) was_tls: bool,
}

/// A relay and its certificate.
pub(super) struct Relay {
    pub(super) port: u16,
    pub(super) certificate_pem: String,
    pub(super) given: Arc<Mutex<Vec<Given>>>,
}

/// How the relay behaves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manners {
    pub(super) offers_tls: bool,
    /// The reply to `RCPT`.
    pub(super) recipient: &'static str,
}

impl Relay {
    pub(super) async fn start(manners: Manners) -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let given = Arc::new(Mutex::new(Vec::new()));
        let keeps = given.clone();
        tokio::spawn(async move {
            while let Ok((io, _)) = listener.accept().await {
                let answered = serve(io, &acceptor, manners).await;
                keeps.lock().unwrap().push(answered);
            }
        });
        Self { port, certificate_pem: cert.pem(), given }
    }
}

async fn serve(io: TcpStream, acceptor: &TlsAcceptor, manners: Manners) -> Given {
    let mut given = Given::default();
    let mut io = BufReader::new(io);
    io.write_all(b"220 relay ready\r\n").await.unwrap();
    if converse(&mut io, &mut given, manners).await {
        io.write_all(b"220 go on\r\n").await.unwrap();
        let Ok(stream) = acceptor.accept(io.into_inner()).await else { return given };
        given.was_tls = true;
        let mut io = BufReader::new(stream);
        converse(&mut io, &mut given, Manners { offers_tls: false, ..manners }).await;
    }
    given
}

/// Answers commands; true if TLS was asked for.
async fn converse<T>(io: &mut BufReader<T>, given: &mut Given, manners: Manners) -> bool
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        let mut line = String::new();
        if io.read_line(&mut line).await.unwrap_or(0) == 0 {
            return false;
        }
        let command = line.trim_end().to_owned();
        given.commands.push(command.clone());
        let answer = match command.split(' ').next().unwrap() {
            "EHLO" if manners.offers_tls => "250-relay\r\n250-8BITMIME\r\n250 STARTTLS",
            "EHLO" => "250-relay\r\n250 AUTH LOGIN PLAIN",
            "STARTTLS" if manners.offers_tls => return true,
            "AUTH" => "235 welcome",
            "MAIL" => "250 ok",
            "RCPT" => manners.recipient,
            "DATA" => {
                io.write_all(b"354 go on\r\n").await.unwrap();
                loop {
                    let mut line = String::new();
                    io.read_line(&mut line).await.unwrap();
                    if line == ".\r\n" {
                        break;
                    }
                    given.message.push_str(&line);
                }
                "250 taken"
            }
            "QUIT" => return false,
            _ => "502 what",
        };
        if io.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
            return false;
        }
    }
}
