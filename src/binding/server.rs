//! A server as JavaScript describes it.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use napi_derive::napi;

use super::{invalid, milliseconds};
use crate::servers::{Addresses, Endpoint, Family, Server};

/// A server, checked.
#[napi(object)]
pub struct NativeServer {
    /// A name or an IP address; not needed with `path`.
    pub host: Option<String>,
    /// The TCP port; not needed with `path`.
    pub port: Option<u16>,
    /// The path of a Unix socket.
    pub path: Option<String>,
    /// 0, 4 or 6.
    pub family: Option<u32>,
    /// Flags of `getaddrinfo`.
    pub hints: Option<i32>,
    /// The IP address to connect from.
    pub local_address: Option<String>,
    /// The port to connect from; 0 is any.
    pub local_port: Option<u16>,
    /// The head start of each address over the next, in milliseconds; 0 tries the first one only; without it, the
    /// environment's policy counts.
    pub head_start: Option<f64>,
}

impl NativeServer {
    /// The server of a table; `None` where JavaScript is to be asked at each pick.
    pub fn into_server(self, is_asked: bool) -> napi::Result<Server> {
        if is_asked {
            return Ok(Server::Asked { host: self.host.unwrap_or_default().into() });
        }
        self.into_endpoint().map(|endpoint| Server::Known(Arc::new(endpoint)))
    }

    /// The endpoint of a server whose addresses JavaScript has looked up.
    pub fn into_resolved(self, addresses: Vec<SocketAddr>) -> napi::Result<Endpoint> {
        let first = addresses.first().ok_or_else(|| invalid("addresses"))?;
        Self { host: Some(first.ip().to_string()), ..self }.into_endpoint()
    }

    fn into_endpoint(self) -> napi::Result<Endpoint> {
        if let Some(path) = self.path {
            return Ok(Endpoint::Unix { path: PathBuf::from(path) });
        }
        Ok(Endpoint::Tcp {
            host: self.host.ok_or_else(|| invalid("host"))?.into(),
            port: self.port.ok_or_else(|| invalid("port"))?,
            family: match self.family {
                None | Some(0) => Family::Any,
                Some(4) => Family::V4,
                Some(6) => Family::V6,
                Some(_) => return Err(invalid("family")),
            },
            local_address: self
                .local_address
                .map(|address| address.parse::<IpAddr>().map_err(|_| invalid("localAddress")))
                .transpose()?,
            addresses: match self.head_start {
                None => Addresses::Raced(Addresses::HEAD_START),
                Some(0.0) => Addresses::First,
                Some(head_start) => Addresses::Raced(milliseconds(head_start)),
            },
        })
    }
}
