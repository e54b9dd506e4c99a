//! Who calls: the bearer token of the request.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use ipnet::IpNet;

use super::Web;
use super::errors::Failed;
use crate::app::access::connecting;
use crate::app::{Actor, AppError, people};

/// The person behind the request.
pub struct Who(pub Actor);

impl FromRequestParts<Web> for Who {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Failed> {
        let token = bearer(&parts.headers)
            .ok_or_else(|| AppError::Unauthorized("send the header Authorization: Bearer TOKEN".into()))?;
        Ok(Self(people::authenticate(&web.app, token, &origin(parts)).await?))
    }
}

/// What a program began counts for its token alone, as what is begun in the console counts in its session.
pub struct Session(pub String);

impl FromRequestParts<Web> for Session {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, _: &Web) -> Result<Self, Failed> {
        Ok(Self(connecting::session_of(bearer(&parts.headers).unwrap_or_default())))
    }
}

/// The token of the request, if there is one.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get("authorization")?.to_str().ok()?.strip_prefix("Bearer ").map(str::trim)
}

/// Puts the caller's own address in the place of a proxy's, so that the log says from where.
pub async fn behind_proxies(State(web): State<Web>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(a)| *a);
    if let Some(peer) = peer {
        let from = caller(peer.ip(), request.headers(), &web.proxies);
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(from, peer.port())));
    }
    next.run(request).await
}

/// Who a chain of proxies says is calling. Each proxy appends whom it saw, so the header is read from
/// its end, for as long as the one who wrote is trusted: what a caller sends along proves nothing.
fn caller(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> IpAddr {
    let trusted = |a: IpAddr| proxies.iter().any(|net| net.contains(&a));
    let lines = headers.get_all("x-forwarded-for").iter().filter_map(|v| v.to_str().ok());
    let said: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
    let mut from = peer.to_canonical();
    for next in said.into_iter().rev() {
        let address = next.parse::<IpAddr>().or_else(|_| next.parse::<SocketAddr>().map(|a| a.ip()));
        match address {
            Ok(address) if trusted(from) => from = address.to_canonical(),
            _ => break,
        }
    }
    from
}

/// From where the request came.
pub fn origin(parts: &Parts) -> String {
    let info = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    info.map_or_else(|| "unknown".to_owned(), |ConnectInfo(a)| a.ip().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let from = |peer: &str, said: &[&'static str], proxies: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in said {
                headers.append("x-forwarded-for", line.parse().unwrap());
            }
            let proxies: Vec<IpNet> = proxies.iter().map(|p| p.parse().unwrap()).collect();
            caller(peer.parse().unwrap(), &headers, &proxies).to_string()
        };
        let local = &["127.0.0.0/8", "10.0.0.0/8"];
        assert_eq!(from("127.0.0.1", &["203.0.113.9"], &[]), "127.0.0.1");
        assert_eq!(from("203.0.113.1", &["1.2.3.4"], local), "203.0.113.1");
        assert_eq!(from("127.0.0.1", &[], local), "127.0.0.1");
        assert_eq!(from("127.0.0.1", &["203.0.113.9"], local), "203.0.113.9");
        assert_eq!(from("::ffff:127.0.0.1", &["[2001:db8::1]:99"], local), "2001:db8::1");
        assert_eq!(
            from("127.0.0.1", &["1.2.3.4", "203.0.113.9, 10.0.0.2"], local),
            "203.0.113.9",
            "the end counts"
        );
        assert_eq!(from("127.0.0.1", &["1.2.3.4, <script>"], local), "127.0.0.1");
    }
}
