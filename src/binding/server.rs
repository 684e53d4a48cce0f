//! A server as JavaScript describes it.

use std::path::PathBuf;
use std::sync::Arc;

use napi_derive::napi;

use super::{addresses_of, invalid};
use crate::net::endpoint::{Endpoint, Family, Local};
use crate::net::error::Target;
use crate::net::literal::Literal;
use crate::servers::Server;

/// A server, checked: see `lib/servers/normalize.js`.
#[napi(object)]
pub struct NativeServer {
    /// A name or an IP address; not needed with `path`.
    pub host: Option<String>,
    /// The TCP port; not needed with `path`.
    pub port: Option<u16>,
    /// The path of a Unix socket, or of a named pipe.
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
    /// The server of a table, where JavaScript is to be asked at each pick or where it is known.
    pub fn into_server(self, is_asked: bool) -> napi::Result<Server> {
        if is_asked {
            let target = match self.path {
                Some(path) => Target::Path(path.into()),
                None => Target::Host(self.host.unwrap_or_default().into()),
            };
            return Ok(Server::Asked { target });
        }
        self.into_endpoint().map(|endpoint| Server::Known(Arc::new(endpoint)))
    }

    /// The endpoint of a server whose addresses JavaScript has looked up.
    pub fn into_resolved(self, addresses: Vec<String>) -> napi::Result<Endpoint> {
        Ok(Endpoint::Resolved {
            port: self.port()?,
            found: addresses.into_iter().map(literal).collect::<napi::Result<_>>()?,
            local: self.local()?,
            addresses: self.head_start.map(addresses_of),
            host: self.host.ok_or_else(|| invalid("host"))?.into(),
        })
    }

    fn into_endpoint(self) -> napi::Result<Endpoint> {
        if let Some(path) = self.path {
            return Ok(Endpoint::Unix { path: PathBuf::from(path) });
        }
        Ok(Endpoint::Tcp {
            port: self.port()?,
            family: match self.family {
                None | Some(0) => Family::Any,
                Some(4) => Family::V4,
                Some(6) => Family::V6,
                Some(_) => return Err(invalid("family")),
            },
            hints: self.hints.unwrap_or_default(),
            local: self.local()?,
            addresses: self.head_start.map(addresses_of),
            host: self.host.ok_or_else(|| invalid("host"))?.into(),
        })
    }

    fn port(&self) -> napi::Result<u16> {
        self.port.ok_or_else(|| invalid("port"))
    }

    fn local(&self) -> napi::Result<Local> {
        let address = self.local_address.clone().map(literal).transpose()?;
        Ok(Local { address, port: self.local_port.unwrap_or_default() })
    }
}

fn literal(text: String) -> napi::Result<Literal> {
    Literal::parse(&text.into()).ok_or_else(|| invalid("address"))
}
