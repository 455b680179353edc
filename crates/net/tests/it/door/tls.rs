//! TLS: which HTTP is spoken, the handshake's limit, and a certificate that is changed.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use net::{ServerTls, ServerTlsError, TlsFiles};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::rig::{Rig, closes_after, limits};

/// Writes a certificate and its key; gives the certificate.
fn write_certificate(folder: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["a.example".to_owned()]).unwrap();
    std::fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    made.cert.der().clone()
}

fn files(folder: &Path) -> TlsFiles {
    TlsFiles { certificate: folder.join("cert.pem"), key: folder.join("key.pem") }
}

async fn connect(
    rig: &Rig,
    trusted: &CertificateDer<'static>,
    protocols: &[&[u8]],
) -> std::io::Result<TlsStream<DuplexStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    let name = ServerName::try_from("a.example").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, rig.call().await).await
}

#[tokio::test(start_paused = true)]
async fn the_protocol_is_chosen_by_alpn() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = write_certificate(folder.path());
    let tls = ServerTls::load(files(folder.path())).unwrap();
    let rig = Rig::with_tls(limits(), Some(tls));

    let stream = connect(&rig, &certificate, &[b"h2", b"http/1.1"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    tokio::spawn(connection);
    let request = Request::get("https://a.example/").body(Empty::<bytes::Bytes>::new()).unwrap();
    let answer = sender.send_request(request).await.unwrap();
    assert_eq!(answer.version(), http::Version::HTTP_2);
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "hello tls=true");

    for protocols in [&[&b"http/1.1"[..]][..], &[]] {
        let mut stream = connect(&rig, &certificate, protocols).await.unwrap();
        let request = b"GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("hello tls=true"), "{answer}");
    }
    assert!(connect(&rig, &certificate, &[b"spdy/3"]).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_handshake_has_its_own_limit_and_then_the_head_has_its() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = write_certificate(folder.path());
    let tls = ServerTls::load(files(folder.path())).unwrap();
    let rig = Rig::with_tls(limits(), Some(tls));
    let seconds = closes_after(&mut rig.call().await).await;
    assert!((4.9..5.1).contains(&seconds), "{seconds}");
    // The start of a handshake record that never goes on.
    let mut slow = rig.say(&[22, 3, 1, 2, 0, 1, 0]).await;
    let seconds = closes_after(&mut slow).await;
    assert!((4.9..5.1).contains(&seconds), "{seconds}");

    for protocols in [&[&b"http/1.1"[..]][..], &[], &[b"h2"]] {
        let mut silent = connect(&rig, &certificate, protocols).await.unwrap();
        let mut rest = Vec::new();
        let read = silent.read_to_end(&mut rest);
        assert!(tokio::time::timeout(Duration::from_millis(10_100), read).await.is_ok());
    }
    assert_eq!(rig.counts.open(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_new_certificate_is_taken_and_a_bad_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let first = write_certificate(folder.path());
    let tls = ServerTls::load(files(folder.path())).unwrap();
    let rig = Rig::with_tls(limits(), Some(tls.clone()));
    let mut open = connect(&rig, &first, &[b"http/1.1"]).await.unwrap();

    let second = write_certificate(folder.path());
    tls.reload().unwrap();
    assert!(connect(&rig, &second, &[]).await.is_ok());
    assert!(connect(&rig, &first, &[]).await.is_err(), "the old certificate is still shown");
    open.write_all(b"GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    open.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains(" 200 "), "an open connection suffered");

    let key = std::fs::read(folder.path().join("key.pem")).unwrap();
    write_certificate(folder.path());
    std::fs::write(folder.path().join("key.pem"), &key).unwrap();
    assert!(matches!(tls.reload(), Err(ServerTlsError::Unusable(_))), "a foreign key was taken");
    std::fs::write(folder.path().join("cert.pem"), "no certificate").unwrap();
    assert!(matches!(tls.reload(), Err(ServerTlsError::Empty { .. })));
    std::fs::remove_file(folder.path().join("key.pem")).unwrap();
    write_certificate(folder.path());
    std::fs::remove_file(folder.path().join("key.pem")).unwrap();
    assert!(matches!(tls.reload(), Err(ServerTlsError::File { .. })));
    assert!(connect(&rig, &second, &[]).await.is_ok(), "a bad file changed something");
}
