//! TLS the way TDS 7 does it: the handshake travels inside PRELOGIN packets, everything after it is plain TLS.
//!
//! Only TLS 1.2 is offered, as by SQL Server for TDS 7: with 1.3 the server's session tickets come after the
//! handshake, when the client no longer expects PRELOGIN packets.

use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::packet::{DEFAULT_PACKET_BYTES, HEADER_BYTES, PacketHeader, PacketKind};

/// Where the server's certificate comes from.
#[derive(Debug, Clone, Default)]
pub enum Certificate {
    /// Made at each start, for `localhost` and the loopback addresses; clients need `TrustServerCertificate=True`.
    #[default]
    SelfSigned,
    /// PEM files: the chain, leaf first, and its key.
    Files {
        /// Certificates.
        chain: PathBuf,
        /// Private key.
        key: PathBuf,
    },
}

/// Why TLS could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read or holds no PEM of the kind expected.
    #[error("cannot read PEM from {path}", path = path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: rustls::pki_types::pem::Error,
    },
    /// The certificate could not be made.
    #[error("cannot make a certificate")]
    Make(#[from] rcgen::Error),
    /// Certificate and key do not work together.
    #[error("cannot use the certificate")]
    Use(#[from] rustls::Error),
}

impl Certificate {
    pub(crate) fn acceptor(&self) -> Result<TlsAcceptor, CertificateError> {
        let (chain, key) = match self {
            Self::SelfSigned => self_signed()?,
            Self::Files { chain, key } => from_files(chain, key)?,
        };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS12])?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        // Only `Encrypt=Strict` offers any.
        config.alpn_protocols = vec![b"tds/8.0".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

type ChainAndKey = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn self_signed() -> Result<ChainAndKey, CertificateError> {
    let names = ["localhost", "127.0.0.1", "::1"].map(String::from);
    let made = rcgen::generate_simple_self_signed(names)?;
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    Ok((vec![made.cert.der().clone()], key))
}

fn from_files(chain: &Path, key: &Path) -> Result<ChainAndKey, CertificateError> {
    let pem = |path: &Path| {
        let path = path.to_owned();
        move |source| CertificateError::Pem { path, source }
    };
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_file_iter(chain).map_err(pem(chain))?.collect();
    let certificates = certificates.map_err(pem(chain))?;
    Ok((certificates, PrivateKeyDer::from_pem_file(key).map_err(pem(key))?))
}

/// A client's socket, encrypted or not.
#[derive(Debug)]
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<HandshakeWrapper>>),
}

impl Stream {
    /// Runs the handshake inside PRELOGIN packets.
    pub(crate) async fn encrypt(self, acceptor: &TlsAcceptor) -> io::Result<Self> {
        self.accept(acceptor, true).await
    }

    /// Runs the handshake before any packet, as `Encrypt=Strict` wants it.
    pub(crate) async fn encrypt_first(self, acceptor: &TlsAcceptor) -> io::Result<Self> {
        self.accept(acceptor, false).await
    }

    async fn accept(self, acceptor: &TlsAcceptor, inside_packets: bool) -> io::Result<Self> {
        let Self::Plain(socket) = self else { return Ok(self) };
        let mut stream = acceptor.accept(HandshakeWrapper::new(socket, inside_packets)).await?;
        stream.get_mut().0.in_handshake = false;
        Ok(Self::Tls(Box::new(stream)))
    }

    /// Back to the bare socket: a client that asked for it encrypts nothing but its login.
    pub(crate) fn decrypt(self) -> Self {
        match self {
            Self::Tls(stream) => Self::Plain(stream.into_inner().0.socket),
            plain @ Self::Plain(_) => plain,
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

/// Between rustls and the socket: wraps and unwraps PRELOGIN packets during the handshake, then passes through.
#[derive(Debug)]
pub(crate) struct HandshakeWrapper {
    socket: TcpStream,
    in_handshake: bool,
    header: [u8; HEADER_BYTES],
    header_read: usize,
    /// Payload bytes of the current packet that are still to come.
    payload_left: usize,
    /// Handshake bytes that rustls wrote since the last flush.
    written: Vec<u8>,
    /// Packets on their way to the socket.
    packets: Vec<u8>,
}

impl HandshakeWrapper {
    fn new(socket: TcpStream, in_handshake: bool) -> Self {
        Self {
            socket,
            in_handshake,
            header: [0; HEADER_BYTES],
            header_read: 0,
            payload_left: 0,
            written: Vec::new(),
            packets: Vec::new(),
        }
    }

    fn poll_header(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.payload_left == 0 {
            let mut buffer = ReadBuf::new(&mut self.header[self.header_read..]);
            ready!(Pin::new(&mut self.socket).poll_read(context, &mut buffer))?;
            match buffer.filled().len() {
                0 => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                read => self.header_read += read,
            }
            if self.header_read == HEADER_BYTES {
                let header = PacketHeader::decode(self.header).map_err(io::Error::other)?;
                if header.kind != PacketKind::Prelogin {
                    return Poll::Ready(Err(io::Error::other("the TLS handshake was not finished")));
                }
                self.payload_left = header.length - HEADER_BYTES;
                self.header_read = 0;
            }
        }
        Poll::Ready(Ok(()))
    }

    fn frame_written(&mut self) {
        let mut pieces = self.written.chunks(DEFAULT_PACKET_BYTES - HEADER_BYTES).peekable();
        while let Some(piece) = pieces.next() {
            let last = pieces.peek().is_none();
            self.packets.extend(PacketHeader::encode(PacketKind::Prelogin, last, piece.len(), 0, 0));
            self.packets.extend_from_slice(piece);
        }
        self.written.clear();
    }
}

impl AsyncRead for HandshakeWrapper {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.in_handshake {
            return Pin::new(&mut this.socket).poll_read(context, buffer);
        }
        ready!(this.poll_header(context))?;
        let room = buffer.remaining().min(this.payload_left);
        let mut limited = ReadBuf::new(buffer.initialize_unfilled_to(room));
        ready!(Pin::new(&mut this.socket).poll_read(context, &mut limited))?;
        let read = limited.filled().len();
        this.payload_left -= read;
        buffer.advance(read);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for HandshakeWrapper {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if !this.in_handshake {
            return Pin::new(&mut this.socket).poll_write(context, bytes);
        }
        this.written.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.frame_written();
        while !this.packets.is_empty() {
            let written = ready!(Pin::new(&mut this.socket).poll_write(context, &this.packets))?;
            this.packets.drain(..written);
        }
        Pin::new(&mut this.socket).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(context)
    }
}
