//! Who the server says it is: a certificate of files, or one that is made for this start. It decides
//! which TLS is spoken; [`crate::transport`] speaks it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring::{Ticketer, default_provider};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};

/// Names that a certificate made here is for.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Where the certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Made for `localhost` and its addresses; written as PEM where clients find it, if that is asked.
    Made { saved_as: Option<PathBuf> },
    /// PEM: the certificate and those between it and its authority; its private key.
    Files { certificate: PathBuf, key: PathBuf },
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{path} cannot be {}: {cause}; check its name and permissions", if *wanted { "read" } else { "written" })]
    File { path: String, wanted: bool, cause: io::Error },
    #[error("{path}: there is no {what} in it; a file of PEM has a line -----BEGIN {label}-----")]
    Missing { path: String, what: &'static str, label: &'static str },
    #[error(
        "the key {key} does not belong to the certificate {certificate}; give the two that were made together"
    )]
    Mismatch { certificate: String, key: String },
    #[error("the certificate cannot be used: {0}; make another one, or let --tls make it")]
    Unusable(String),
}

pub(crate) fn configure(identity: &Identity) -> Result<Arc<ServerConfig>, TlsError> {
    let (chain, key) = match identity {
        Identity::Made { saved_as } => make(saved_as.as_deref())?,
        Identity::Files { certificate, key } => (read_chain(certificate)?, read_key(key)?),
    };
    let unusable = |error: rustls::Error| match (&error, identity) {
        (rustls::Error::InconsistentKeys(_), Identity::Files { certificate, key }) => {
            TlsError::Mismatch { certificate: show(certificate), key: show(key) }
        }
        _ => TlsError::Unusable(error.to_string()),
    };
    let mut config = ServerConfig::builder_with_provider(default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(unusable)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Of all processes of a server the same, so that a client may come back to another one.
    config.ticketer = Ticketer::new().map_err(unusable)?;
    let config = Arc::new(config);
    ServerConnection::new(Arc::clone(&config)).map_err(unusable)?;
    Ok(config)
}

type Pair = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn make(saved_as: Option<&Path>) -> Result<Pair, TlsError> {
    let unusable = |error: rcgen::Error| TlsError::Unusable(error.to_string());
    let made = rcgen::generate_simple_self_signed(NAMES.map(String::from)).map_err(unusable)?;
    if let Some(path) = saved_as {
        fs::write(path, made.cert.pem()).map_err(|cause| TlsError::File {
            path: show(path),
            wanted: false,
            cause,
        })?;
    }
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())
        .map_err(|error| TlsError::Unusable(error.to_owned()))?;
    Ok((vec![made.cert.der().clone()], key))
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let missing =
        || TlsError::Missing { path: show(path), what: "certificate", label: "CERTIFICATE" };
    let text = read(path)?;
    let chain: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(&text).collect();
    chain.ok().filter(|chain| !chain.is_empty()).ok_or_else(missing)
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let missing =
        |_| TlsError::Missing { path: show(path), what: "private key", label: "PRIVATE KEY" };
    PrivateKeyDer::from_pem_slice(&read(path)?).map_err(missing)
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|cause| TlsError::File { path: show(path), wanted: true, cause })
}

fn show(path: &Path) -> String {
    path.display().to_string()
}
