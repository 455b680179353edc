//! TLS of a listener: its certificate, which can be changed while it runs.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;

use crate::TlsFiles;

/// Why a certificate cannot be used. Blame: the operator's files.
#[derive(Debug, Error)]
pub enum ServerTlsError {
    /// A file cannot be read.
    #[error("{path}: {source}")]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// A file holds no PEM, or not the kind that it should hold.
    #[error("{path}: {source}")]
    Pem {
        path: PathBuf,
        #[source]
        source: rustls_pki_types::pem::Error,
    },
    /// The certificate file holds no certificate.
    #[error("{path}: no certificate in it")]
    Empty { path: PathBuf },
    /// The two do not belong together, or are of a kind that is not supported.
    #[error("certificate and key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
}

/// The TLS side of a listener; shared by all cores.
pub struct ServerTls {
    files: TlsFiles,
    current: RwLock<Arc<ServerConfig>>,
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls").field("files", &self.files).finish_non_exhaustive()
    }
}

impl ServerTls {
    /// Reads the files. They are read again by [`ServerTls::reload`].
    ///
    /// # Errors
    /// If the files cannot be read or used.
    pub fn load(files: TlsFiles) -> Result<Arc<Self>, ServerTlsError> {
        let current = RwLock::new(read(&files)?);
        Ok(Arc::new(Self { files, current }))
    }

    /// Reads the files again; connections that come from now on see the new certificate. Reads
    /// from disk and therefore belongs on a thread of the background.
    ///
    /// # Errors
    /// If the files cannot be read or used; the old certificate stays.
    pub fn reload(&self) -> Result<(), ServerTlsError> {
        let fresh = read(&self.files)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    pub(super) fn current(&self) -> Arc<ServerConfig> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn read(files: &TlsFiles) -> Result<Arc<ServerConfig>, ServerTlsError> {
    let bytes = |path: &PathBuf| {
        std::fs::read(path).map_err(|source| ServerTlsError::File { path: path.clone(), source })
    };
    let pem = |path: &PathBuf| {
        let path = path.clone();
        move |source| ServerTlsError::Pem { path, source }
    };
    let chain = CertificateDer::pem_slice_iter(&bytes(&files.certificate)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(pem(&files.certificate))?;
    if chain.is_empty() {
        return Err(ServerTlsError::Empty { path: files.certificate.clone() });
    }
    let key = PrivateKeyDer::from_pem_slice(&bytes(&files.key)?).map_err(pem(&files.key))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // Tickets carry a session's state, so that returning callers cost no memory here.
    config.ticketer = rustls::crypto::ring::Ticketer::new()?;
    Ok(Arc::new(config))
}
