//! Certificates that are good, and each kind that is not, made when the server starts.
//!
//! Every server has an authority of its own, whose key is dropped as soon as it has signed: nothing made here is good for anything else.
//! Nothing may be written to disk or trusted by the system. A further way of being wrong is one variant of [`Certificate`].

use axum::serve::Listener;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::server::TlsStream;

/// The server's name. It exists nowhere else.
pub const HOST: &str = "provider.test";

/// What the server shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certificate {
    /// For [`HOST`], signed by the server's own authority.
    Good,
    /// For [`HOST`], signed by itself; the authority that is handed out has nothing to do with it.
    SelfSigned,
    /// Signed by the server's own authority, for another name.
    OtherName,
    /// As the good one, and over since 2020.
    Expired,
}

impl Certificate {
    /// "good", "self-signed", "other-name" or "expired".
    pub fn named(name: &str) -> Option<Certificate> {
        match name {
            "good" => Some(Certificate::Good),
            "self-signed" => Some(Certificate::SelfSigned),
            "other-name" => Some(Certificate::OtherName),
            "expired" => Some(Certificate::Expired),
            _ => None,
        }
    }
}

/// A listener that speaks TLS, and the authority to trust, as PEM.
pub(super) fn listener(tcp: TcpListener, certificate: Certificate) -> io::Result<(Tls, String)> {
    let mut params = CertificateParams::new(Vec::<String>::new()).map_err(io::Error::other)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, "Practice authority, good for nothing");
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let trust = params.self_signed(&key).map_err(io::Error::other)?.pem();
    let issuer = Issuer::new(params, key);

    let name = match certificate {
        Certificate::Good | Certificate::SelfSigned | Certificate::Expired => HOST,
        Certificate::OtherName => "elsewhere.test",
    };
    let mut params = CertificateParams::new(vec![name.to_owned()]).map_err(io::Error::other)?;
    if certificate == Certificate::Expired {
        (params.not_before, params.not_after) = (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 1, 1));
    }
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let signed = match certificate {
        Certificate::SelfSigned => params.self_signed(&key),
        Certificate::Good | Certificate::OtherName | Certificate::Expired => params.signed_by(&key, &issuer),
    };
    let chain = vec![signed.map_err(io::Error::other)?.der().clone()];
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(io::Error::other)?;
    Ok((Tls::new(tcp, TlsAcceptor::from(Arc::new(config)))?, trust))
}

/// Hands out connections whose handshake is done. Each handshake has a task of its own, so that one that is broken off holds nobody up.
pub(super) struct Tls {
    address: SocketAddr,
    done: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    task: tokio::task::JoinHandle<()>,
}

impl Tls {
    fn new(tcp: TcpListener, acceptor: TlsAcceptor) -> io::Result<Tls> {
        let address = tcp.local_addr()?;
        let (ready, done) = mpsc::channel(16);
        let task = tokio::spawn(async move {
            while let Ok((stream, from)) = tcp.accept().await {
                let (acceptor, ready) = (acceptor.clone(), ready.clone());
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        let _ = ready.send((stream, from)).await;
                    }
                });
            }
        });
        Ok(Tls { address, done, task })
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.done.recv().await {
            Some(accepted) => accepted,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}
