//! The connection to a mail server on which TLS begins later (STARTTLS, RFC 3207).

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The first byte of a TLS handshake (RFC 8446, section 5.1). No SMTP command begins so.
const HANDSHAKE: u8 = 0x16;

/// It gives away one byte at a time until TLS begins.
///
/// Who reads answers reads ahead, and goes on with what was read once TLS has begun: whatever somebody on the way adds
/// in clear behind the answer to STARTTLS would count as the server's next answers, up to "250 queued". Read so, it is
/// still in the connection when TLS begins, and breaks the handshake.
#[derive(Debug)]
pub(crate) struct UntilTls {
    stream: TcpStream,
    has_begun: bool,
}

impl UntilTls {
    /// Connects to the first of the addresses that answers, each within that time.
    ///
    /// # Errors
    /// Why the last one did not.
    pub(crate) async fn reach(addresses: &[SocketAddr], step: Duration) -> Result<Self, String> {
        let mut why = "the mail server has no address".to_owned();
        for address in addresses {
            match timeout(step, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(Self { stream, has_begun: false }),
                Ok(Err(error)) => why = format!("could not connect: {error}"),
                Err(_) => why = format!("could not connect within {} s", step.as_secs()),
            }
        }
        Err(why)
    }
}

impl AsyncTokioStream for UntilTls {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }
}

impl AsyncRead for UntilTls {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, all: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let mut byte = [0];
        let mut one = ReadBuf::new(&mut byte);
        if this.has_begun {
            return Pin::new(&mut this.stream).poll_read(cx, all);
        }
        ready!(Pin::new(&mut this.stream).poll_read(cx, &mut one))?;
        all.put_slice(one.filled());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for UntilTls {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, content: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.has_begun |= content.first() == Some(&HANDSHAKE);
        Pin::new(&mut this.stream).poll_write(cx, content)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn what_comes_in_clear_behind_a_line_is_not_read_ahead() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            socket.write_all(b"220 go\r\n250 forged\r\n").await.unwrap();
            assert_eq!(socket.read_u8().await.unwrap(), HANDSHAKE);
        });
        let stream = UntilTls::reach(&[address], Duration::from_secs(2)).await.unwrap();
        let (mut reader, mut line) = (BufReader::new(stream), String::new());
        reader.read_line(&mut line).await.unwrap();
        assert_eq!((line.as_str(), reader.buffer()), ("220 go\r\n", &b""[..]));
        // From here on it reads as others do.
        reader.get_mut().write_all(&[HANDSHAKE]).await.unwrap();
        let mut rest = [0; 12];
        assert_eq!(reader.get_mut().read(&mut rest).await.unwrap(), 12);
        assert_eq!(&rest, b"250 forged\r\n");
        server.await.unwrap();
        let refused = UntilTls::reach(&[address], Duration::from_secs(2)).await.unwrap_err();
        assert!(refused.starts_with("could not connect: "), "{refused}");
    }
}
