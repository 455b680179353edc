//! TLS for the mock: a root certificate and one for the loopback address, made for one run, and
//! the mock's side of HTTP/2, which is hyper's.

use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Wakers, Poll};
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body::Frame;
use http_body_util::BodyExt;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Interval, MissedTickBehavior};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::mock::{Pace, Script};

const ROOT: &str = "ca.pem";
const CERTIFICATE: &str = "mock.pem";
const KEY: &str = "mock.key";
/// HTTP/2 streams at one time; the load has fewer.
const STREAMS_MAX: u32 = 1_000;

/// Writes the certificates into a folder; gives the root's file.
pub(super) fn write_certificates(folder: &Path) -> Result<PathBuf> {
    let mut root = rcgen::CertificateParams::default();
    root.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    root.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
    // Were both of one name, the second would look as if it had signed itself.
    root.distinguished_name.push(rcgen::DnType::CommonName, "bench root");
    let root_key = rcgen::KeyPair::generate()?;
    let root_certificate = root.self_signed(&root_key)?;
    let issuer = rcgen::Issuer::new(root, root_key);
    let key = rcgen::KeyPair::generate()?;
    let mut own = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()])?;
    own.distinguished_name.push(rcgen::DnType::CommonName, "bench mock");
    let certificate = own.signed_by(&key, &issuer)?;
    fs::write(folder.join(CERTIFICATE), certificate.pem())?;
    fs::write(folder.join(KEY), key.serialize_pem())?;
    let file = folder.join(ROOT);
    fs::write(&file, root_certificate.pem())?;
    Ok(file)
}

/// The mock's side of TLS, from the files of `write_certificates`.
pub(super) fn acceptor(folder: &Path, h2: bool) -> Result<TlsAcceptor> {
    let certificate = CertificateDer::from_pem_file(folder.join(CERTIFICATE))?;
    let key = PrivateKeyDer::from_pem_file(folder.join(KEY))?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .context("the mock's certificate")?;
    config.alpn_protocols = vec![if h2 { b"h2".to_vec() } else { b"http/1.1".to_vec() }];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Answers the requests of one HTTP/2 connection.
pub(super) async fn converse_h2<S>(stream: S, script: &'static Script) -> Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = hyper::service::service_fn(move |request: hyper::Request<_>| async move {
        Ok::<_, Infallible>(answer(request, script).await)
    });
    let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    builder.max_concurrent_streams(STREAMS_MAX);
    Ok(builder.serve_connection(TokioIo::new(stream), service).await?)
}

async fn answer(
    request: hyper::Request<hyper::body::Incoming>,
    script: &'static Script,
) -> hyper::Response<Pieces> {
    // A body that breaks off asks for nothing: it gets the plain answer.
    let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes);
    let pace = Pace::of(&body.unwrap_or_default());
    let (kind, pieces) = match pace {
        Pace::Whole => ("application/json", Pieces::whole(script.body())),
        Pace::Burst => ("text/event-stream", Pieces::stream(vec![script.stream()], None)),
        Pace::Every(gap) => ("text/event-stream", Pieces::stream(script.events(), Some(gap))),
    };
    let mut answer = hyper::Response::new(pieces);
    let kind = hyper::header::HeaderValue::from_static(kind);
    answer.headers_mut().insert(hyper::header::CONTENT_TYPE, kind);
    answer
}

/// A body in pieces, at once or at a pace.
#[derive(Debug)]
struct Pieces {
    /// The next one last.
    pieces: Vec<Bytes>,
    ticks: Option<Interval>,
    /// Told beforehand, for an answer in one piece; a stream tells none.
    length: Option<usize>,
}

impl Pieces {
    fn whole(body: Bytes) -> Self {
        Self { length: Some(body.len()), pieces: vec![body], ticks: None }
    }

    fn stream(mut pieces: Vec<Bytes>, gap: Option<Duration>) -> Self {
        pieces.reverse();
        let ticks = gap.map(|gap| {
            let mut ticks = tokio::time::interval(gap);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        });
        Self { pieces, ticks, length: None }
    }
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        wakers: &mut Wakers<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.pieces.is_empty() {
            return Poll::Ready(None);
        }
        if let Some(ticks) = &mut self.ticks
            && ticks.poll_tick(wakers).is_pending()
        {
            return Poll::Pending;
        }
        Poll::Ready(self.pieces.pop().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        let length = self.length.and_then(|length| u64::try_from(length).ok());
        length.map_or_else(http_body::SizeHint::default, http_body::SizeHint::with_exact)
    }
}
