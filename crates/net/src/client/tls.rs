//! TLS towards origins: which certificates are trusted, and the handshake.

use std::io;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use thiserror::Error;
use tokio_rustls::TlsConnector;

use super::SendError;
use crate::{BoxIo, Origin};

/// Why no TLS configuration could be made. Blame: us, or the operator's certificate file.
#[derive(Debug, Error)]
pub enum ClientTlsError {
    #[error("the certificate file is no PEM: {0}")]
    Pem(#[from] rustls_pki_types::pem::Error),
    #[error("a certificate cannot be trusted: {0}")]
    Certificate(#[from] rustls::Error),
    #[error("the certificate file holds no certificate")]
    NoCertificate,
}

/// Trusts the web's public authorities and those of `extra_roots_pem`.
///
/// # Errors
/// If the extra roots cannot be read.
pub fn client_tls(
    extra_roots_pem: Option<&[u8]>,
    http2: bool,
) -> Result<Arc<ClientConfig>, ClientTlsError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(pem) = extra_roots_pem {
        let mut count = 0_usize;
        for certificate in CertificateDer::pem_slice_iter(pem) {
            roots.add(certificate?)?;
            count += 1;
        }
        if count == 0 {
            return Err(ClientTlsError::NoCertificate);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = match http2 {
        true => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        false => vec![b"http/1.1".to_vec()],
    };
    Ok(Arc::new(config))
}

/// Speaks TLS over `io`; also tells whether the origin chose HTTP/2.
pub(super) async fn handshake(
    io: BoxIo,
    origin: &Origin,
    config: Arc<ClientConfig>,
) -> Result<(BoxIo, bool), SendError> {
    let name = ServerName::try_from(origin.host.to_string())
        .map_err(|error| SendError::Tls(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
    let stream = TlsConnector::from(config).connect(name, io).await.map_err(SendError::Tls)?;
    let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    Ok((Box::new(stream), is_h2))
}
