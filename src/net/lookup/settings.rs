//! What the files of this machine say of names: where its name server is, which domains are searched, and which names
//! need none of it. Read as the resolver of glibc reads them; see resolv.conf(5) and hosts(5).

use std::collections::HashSet;
use std::fs::{File, metadata};
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::net::literal::Literal;
use crate::net::platform::NAME_FILES;

/// For how long what is known is taken to be true.
const FRESHNESS: Duration = Duration::from_secs(1);

/// A file that is longer is not looked at: it would take longer than what it is for.
const MAX_LENGTH: u64 = 1 << 20;

/// How many search domains count, as in glibc before 2.26.
const MAX_SEARCH: usize = 6;

const DNS_PORT: u16 = 53;

/// What is known of the name service.
#[derive(Debug, Default)]
pub struct Settings {
    /// The first name server, which a look-up asks first; `None` where there is none to be asked by UDP.
    pub server: Option<SocketAddr>,
    search: Vec<String>,
    ndots: usize,
    listed: HashSet<String>,
}

/// Settings that are read again when they are asked for and their files have changed.
#[derive(Debug, Default)]
pub struct SettingsFiles(Mutex<Option<Known>>);

/// What is known of the files.
#[derive(Debug)]
struct Known {
    since: Instant,
    versions: [Version; 2],
    settings: Arc<Settings>,
}

/// What tells a file from what it was before: its time and length. `None` where there is none.
type Version = Option<(SystemTime, u64)>;

impl SettingsFiles {
    /// What they say. Looks at most once in a second whether they are still the same, which takes 2 µs. To read them
    /// again blocks the caller for 8 µs where they are as small as usual, and for 3 ms where `hosts` has a mebibyte.
    pub fn get(&self) -> Arc<Settings> {
        // Where there are none, nothing is known.
        let Some(files) = NAME_FILES else { return Arc::default() };
        self.of(files)
    }

    fn of(&self, files: [&str; 2]) -> Arc<Settings> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = known.as_ref().filter(|it| it.since.elapsed() < FRESHNESS);
        if let Some(known) = fresh {
            return Arc::clone(&known.settings);
        }
        let (since, versions) = (Instant::now(), files.map(version));
        let unchanged = known.take().filter(|it| it.versions == versions);
        let settings = match unchanged {
            Some(known) => known.settings,
            None => {
                let [resolv_conf, hosts] = files.map(read);
                Arc::new(Settings::parse(&resolv_conf, &hosts))
            }
        };
        *known = Some(Known { since, versions, settings: Arc::clone(&settings) });
        settings
    }
}

impl Settings {
    /// What these two files say.
    pub fn parse(resolv_conf: &str, hosts: &str) -> Self {
        let mut settings = Self { ndots: 1, ..Self::default() };
        let mut is_tcp_only = false;
        for line in resolv_conf.lines() {
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("nameserver") if settings.server.is_none() => {
                    let literal = words.next().and_then(|word| Literal::parse(&word.into()));
                    settings.server = literal.and_then(|it| it.socket_address(DNS_PORT).ok());
                }
                Some("search" | "domain") => {
                    settings.search = words.take(MAX_SEARCH).map(str::to_owned).collect();
                }
                Some("options") => {
                    for option in words {
                        is_tcp_only |= option == "use-vc";
                        let ndots = option.strip_prefix("ndots:").and_then(|it| it.parse().ok());
                        settings.ndots = ndots.unwrap_or(settings.ndots);
                    }
                }
                _ => {}
            }
        }
        settings.server = settings.server.filter(|_| !is_tcp_only);
        for line in hosts.lines() {
            let entry = line.split('#').next().unwrap_or_default();
            let names = entry.split_ascii_whitespace().skip(1);
            settings.listed.extend(names.map(str::to_ascii_lowercase));
        }
        settings
    }

    /// Whether the address of `host` is known without a name server: it is a number, or stands in a file.
    pub fn is_local(&self, host: &str) -> bool {
        host.contains(':') || is_number(host) || self.listed.contains(&host.to_ascii_lowercase())
    }

    /// The names that a look-up of `host` asks for, until one is found.
    pub fn candidates(&self, host: &str) -> Vec<String> {
        if host.ends_with('.') {
            return vec![host.to_owned()];
        }
        let searched = self.search.iter().map(|domain| format!("{host}.{domain}"));
        let as_it_is = [host.to_owned()];
        if host.matches('.').count() >= self.ndots {
            as_it_is.into_iter().chain(searched).collect()
        } else {
            searched.chain(as_it_is).collect()
        }
    }
}

/// Whether `host` is an IPv4 address in one of the spellings of `inet_aton`: one to four numbers, such as `127.1`.
fn is_number(host: &str) -> bool {
    let is_part = |part: &str| match part.strip_prefix("0x").or(part.strip_prefix("0X")) {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()),
    };
    host.parse::<Ipv4Addr>().is_ok()
        || (host.split('.').count() <= 4 && host.split('.').all(is_part))
}

fn version(path: &str) -> Version {
    let metadata = metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// The text of a file; nothing where it cannot be read or is too long.
fn read(path: &str) -> String {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_LENGTH).read_to_end(&mut bytes));
    match read {
        Ok(length) if (length as u64) < MAX_LENGTH => String::from_utf8_lossy(&bytes).into_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolv_conf(text: &str) -> Settings {
        Settings::parse(text, "")
    }

    #[test]
    fn knows_the_first_name_server() {
        let server = |text| resolv_conf(text).server.map(|server| server.to_string());
        let two = "# ours\nnameserver 192.0.2.1\nnameserver 192.0.2.2\n";
        assert_eq!(server(two).as_deref(), Some("192.0.2.1:53"));
        assert_eq!(server("nameserver\t::1").as_deref(), Some("[::1]:53"));
        assert_eq!(server("#nameserver 192.0.2.1"), None);
        assert_eq!(server("nameserver none"), None);
        assert_eq!(server("options use-vc\nnameserver 192.0.2.1"), None);
    }

    #[test]
    fn knows_the_names_that_a_look_up_asks_for() {
        let candidates = |text, host| resolv_conf(text).candidates(host);
        assert_eq!(candidates("", "a"), ["a"]);
        assert_eq!(candidates("search x y.z", "a"), ["a.x", "a.y.z", "a"]);
        assert_eq!(candidates("search x", "a.b"), ["a.b", "a.b.x"]);
        assert_eq!(candidates("search x\noptions ndots:5", "a.b"), ["a.b.x", "a.b"]);
        assert_eq!(candidates("search x\ndomain y", "a"), ["a.y", "a"]);
        assert_eq!(candidates("search x", "a."), ["a."]);
    }

    #[test]
    fn knows_which_names_need_no_name_server() {
        let settings =
            Settings::parse("", "127.0.0.1 localhost Alias # not.this\n#1.1.1.1 nor.this");
        for host in ["localhost", "ALIAS", "127.1", "2130706433", "0x7f.1", "fe80::1%a_b"] {
            assert!(settings.is_local(host), "{host}");
        }
        for host in ["not.this", "nor.this", "127.0.0.1.test", "1.2.3.4.5", "beef", "a", ""] {
            assert!(!settings.is_local(host), "{host}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn reads_the_files_of_the_system() {
        assert!(SettingsFiles::default().get().is_local("localhost"));
    }

    #[test]
    fn reads_the_files_again_where_they_have_changed() {
        let path = std::env::temp_dir().join(format!("callosum-hosts-{}", std::process::id()));
        let hosts = path.to_str().expect("text");
        let files = SettingsFiles::default();
        let later = |files: &SettingsFiles| {
            if let Some(known) = files.0.lock().expect("what is known").as_mut() {
                known.since -= FRESHNESS;
            }
            files.of(["", hosts])
        };
        assert!(!later(&files).is_local("a"));
        std::fs::write(&path, "127.0.0.1 a").expect("a file");
        let one = later(&files);
        assert!(one.is_local("a"));
        assert!(Arc::ptr_eq(&later(&files), &one));
        std::fs::write(&path, "127.0.0.1 a b").expect("a file");
        assert!(Arc::ptr_eq(&files.of(["", hosts]), &one));
        assert!(later(&files).is_local("b"));
        std::fs::remove_file(&path).expect("the file");
    }
}
