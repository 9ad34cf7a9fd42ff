//! TLS of the client: whom it trusts, and what a failed handshake means.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore,
    SignatureScheme, StreamOwned,
};

use super::socket::{LoopSocket, Socket};

/// Whom a client believes that they are who they say.
#[derive(Clone, Debug)]
pub(crate) enum Trust {
    /// Whoever an authority of this machine vouches for.
    System,
    /// Whoever these certificates vouch for (PEM).
    Authority(String),
    /// Anybody.
    Anybody,
}

/// Ready for any number of handshakes with one server.
#[derive(Debug)]
pub(crate) struct Tls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Tls {
    /// # Errors
    /// In a few words, when the authority cannot be read or the host is no name.
    pub(super) fn new(trust: &Trust, host: &str) -> Result<Self, String> {
        Ok(Self { config: Self::config(trust)?, name: server_name(host)? })
    }

    /// For another server, whom the same are to vouch for.
    pub(super) fn to(&self, host: &str) -> Result<Self, String> {
        Ok(Self { config: Arc::clone(&self.config), name: server_name(host)? })
    }

    fn config(trust: &Trust) -> Result<Arc<ClientConfig>, String> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let mut config = match trust {
            Trust::Anybody => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Credulous(provider)))
                .with_no_client_auth(),
            _ => builder.with_root_certificates(roots(trust)?).with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// Shakes hands on a socket that waits.
    pub(super) fn over(
        &self,
        mut stream: Socket,
    ) -> io::Result<StreamOwned<ClientConnection, Socket>> {
        let session = ClientConnection::new(Arc::clone(&self.config), self.name.clone());
        let mut session = session.map_err(io::Error::other)?;
        while session.is_handshaking() {
            session.complete_io(&mut stream)?;
        }
        Ok(StreamOwned::new(session, stream))
    }

    /// Shakes hands on a loop.
    pub(super) async fn over_awaited(
        &self,
        stream: LoopSocket,
    ) -> io::Result<tokio_rustls::client::TlsStream<LoopSocket>> {
        let connector = tokio_rustls::TlsConnector::from(Arc::clone(&self.config));
        connector.connect(self.name.clone(), stream).await
    }
}

fn server_name(host: &str) -> Result<ServerName<'static>, String> {
    ServerName::try_from(host.to_owned())
        .map_err(|_| format!("`{host}` is no name that a certificate could have"))
}

fn roots(trust: &Trust) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    match trust {
        Trust::Authority(path) => {
            let wrong = |why: String| format!("--cacert {path} {why}; name a file of PEM");
            let text = std::fs::read(Path::new(path))
                .map_err(|error| wrong(format!("cannot be read: {error}")))?;
            for certificate in CertificateDer::pem_slice_iter(&text) {
                let added = certificate.map(|certificate| roots.add(certificate));
                if !matches!(added, Ok(Ok(()))) {
                    return Err(wrong("holds something that is no certificate".into()));
                }
            }
            if roots.is_empty() {
                return Err(wrong("holds no certificate".into()));
            }
        }
        // Those that cannot be read vouch for nobody; that is said when somebody needs them.
        _ => drop(roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
    }
    Ok(roots)
}

/// Why a handshake failed, in one sentence with what helps; `None`: TLS is not why.
pub(super) fn explain(error: &io::Error, host: &str) -> Option<String> {
    let cause = error.get_ref()?.downcast_ref::<Error>()?;
    Some(match cause {
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "the certificate is from an authority that is not known here; give that one as --cacert \
             FILE, or trust anybody with --insecure"
                .into()
        }
        // Made authorities all have the same name, so that only the signature tells them apart.
        Error::InvalidCertificate(CertificateError::BadSignature) => {
            "the authority given as --cacert has that name, but did not sign the certificate, as when the \
             server was started anew with another one; give the one that it has now"
                .into()
        }
        // No variant names it, only what the library below says.
        Error::InvalidCertificate(CertificateError::Other(why))
            if why.to_string().contains("CaUsedAsEndEntity") =>
        {
            "the certificate is one of an authority and not of a server, as `openssl req -x509` makes it; make \
             it with -addext basicConstraints=critical,CA:FALSE, or ask with --insecure"
                .into()
        }
        Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => format!(
            "the certificate is not for `{host}`; ask by a name that stands in it, or with --insecure"
        ),
        Error::InvalidCertificate(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        ) => "the certificate is not valid today; check it and the clock, or ask with --insecure".into(),
        Error::InvalidMessage(_) => "what answers there does not speak TLS; write http://".into(),
        other => format!("no TLS with it: {other}"),
    })
}

/// Believes every certificate; that it belongs to who speaks is still checked.
struct Credulous(Arc<CryptoProvider>);

impl fmt::Debug for Credulous {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credulous")
    }
}

impl ServerCertVerifier for Credulous {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
