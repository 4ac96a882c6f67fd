//! Whether a service answers, and what it is: as much of each protocol as that takes.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpStream, ToSocketAddrs},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};

use super::Service;

/// What the service at this URL says that it is, such as `PostgreSQL 17.6`.
pub(super) fn version(service: Service, url: &str) -> Result<String> {
    let place = Place::parse(url)?;
    match service {
        Service::Postgres => postgres(&place),
        Service::MariaDb => mysql(&mut place.connect(3306)?),
        Service::Redis => redis(&mut place.connect(6379)?),
        Service::RedisCluster => Ok(format!("{} Cluster", redis(&mut place.connect(6379)?)?)),
    }
}

/// Whether anything listens there.
pub(super) fn is_open(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[derive(Debug, PartialEq, Eq)]
struct Place<'a> {
    user: &'a str,
    host: &'a str,
    port: Option<u16>,
    database: &'a str,
}

impl<'a> Place<'a> {
    fn parse(url: &'a str) -> Result<Self> {
        let (_, rest) = url.split_once("://").context("a URL without a scheme")?;
        let rest = rest.split(['?', '#']).next().unwrap_or(rest);
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, address) = authority.rsplit_once('@').unwrap_or(("", authority));
        let user = user.split(':').next().unwrap_or(user);
        let (host, port) = match address.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                (host, Some(port.parse().context("a URL with a bad port")?))
            }
            _ => (address, None),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Ok(Self {
            user,
            host,
            port,
            database,
        })
    }

    fn connect(&self, default_port: u16) -> Result<TcpStream> {
        let limit = Some(Duration::from_secs(2));
        let mut addresses = (self.host, self.port.unwrap_or(default_port)).to_socket_addrs()?;
        let address = addresses.next().context("a host without an address")?;
        let stream = TcpStream::connect_timeout(&address, Duration::from_secs(2))?;
        stream.set_read_timeout(limit)?;
        stream.set_write_timeout(limit)?;
        Ok(stream)
    }
}

/// Signs in, and reads the parameters that the server then reports.
fn postgres(place: &Place<'_>) -> Result<String> {
    let user = if place.user.is_empty() {
        "postgres"
    } else {
        place.user
    };
    let database = if place.database.is_empty() {
        user
    } else {
        place.database
    };
    let mut stream = place.connect(5432)?;
    let mut startup = 196_608_u32.to_be_bytes().to_vec();
    startup.extend(format!("user\0{user}\0database\0{database}\0\0").bytes());
    let size = u32::try_from(startup.len() + 4)?;
    stream.write_all(&[size.to_be_bytes().as_slice(), &startup].concat())?;
    loop {
        let [kind] = read(&mut stream)?;
        let size = usize::try_from(u32::from_be_bytes(read(&mut stream)?))?;
        ensure!((4..100_000).contains(&size), "this is not PostgreSQL");
        let mut body = vec![0; size - 4];
        stream.read_exact(&mut body)?;
        let mut texts = body.split(|byte| *byte == 0).map(String::from_utf8_lossy);
        match kind {
            b'S' if texts.next().as_deref() == Some("server_version") => {
                let version = texts.next().context("a parameter without a value")?;
                return Ok(format!(
                    "PostgreSQL {}",
                    version.split(' ').next().unwrap_or(&version)
                ));
            }
            b'R' if body != [0; 4] => bail!("PostgreSQL asks for a password"),
            b'E' => bail!("PostgreSQL refuses a connection"),
            _ => {}
        }
    }
}

/// Reads the greeting.
fn mysql(stream: &mut TcpStream) -> Result<String> {
    let [a, b, c, _sequence] = read(stream)?;
    let size = usize::try_from(u32::from_le_bytes([a, b, c, 0]))?;
    ensure!(
        (2..10_000).contains(&size),
        "this is neither MariaDB nor MySQL"
    );
    let mut body = vec![0; size];
    stream.read_exact(&mut body)?;
    ensure!(body[0] == 10, "MariaDB or MySQL refuses a connection");
    let version = body[1..]
        .split(|byte| *byte == 0)
        .next()
        .unwrap_or_default();
    Ok(mysql_product(&String::from_utf8_lossy(version)))
}

/// MariaDB's versions look like `5.5.5-10.11.14-MariaDB-0+deb12u2`, and the first of the two is a lie.
fn mysql_product(version: &str) -> String {
    let own = version.strip_prefix("5.5.5-").unwrap_or(version);
    let number = own.split('-').next().unwrap_or(own);
    let product = if version.contains("MariaDB") {
        "MariaDB"
    } else {
        "MySQL"
    };
    format!("{product} {number}")
}

fn redis(stream: &mut TcpStream) -> Result<String> {
    let info = redis_command(stream, "INFO server")?;
    for (field, product) in [("valkey_version:", "Valkey"), ("redis_version:", "Redis")] {
        if let Some(version) = info.lines().find_map(|line| line.strip_prefix(field)) {
            return Ok(format!("{product} {version}"));
        }
    }
    bail!("this is not Redis")
}

/// Gives each node its part of the slots and makes them known to each other.
pub(super) fn join_cluster(ports: &[u16]) -> Result<()> {
    const SLOTS: usize = 16_384;
    for (index, port) in ports.iter().enumerate() {
        let part = index * SLOTS / ports.len()..(index + 1) * SLOTS / ports.len();
        let slots: Vec<_> = part.map(|slot| slot.to_string()).collect();
        let mut stream = node(*port)?;
        redis_command(
            &mut stream,
            &format!("CLUSTER ADDSLOTS {}", slots.join(" ")),
        )?;
        redis_command(
            &mut stream,
            &format!("CLUSTER SET-CONFIG-EPOCH {}", index + 1),
        )?;
    }
    let mut first = node(ports[0])?;
    for port in &ports[1..] {
        redis_command(&mut first, &format!("CLUSTER MEET 127.0.0.1 {port}"))?;
    }
    Ok(())
}

/// Fails until every node knows all others and serves.
pub(super) fn check_cluster(ports: &[u16]) -> Result<()> {
    let nodes = format!("cluster_known_nodes:{}", ports.len());
    for port in ports {
        let info = redis_command(&mut node(*port)?, "CLUSTER INFO")?;
        for expected in ["cluster_state:ok", "cluster_slots_ok:16384", &nodes] {
            ensure!(
                info.lines().any(|line| line == expected),
                "a node does not say {expected} yet"
            );
        }
    }
    Ok(())
}

fn node(port: u16) -> Result<TcpStream> {
    Place {
        user: "",
        host: "127.0.0.1",
        port: Some(port),
        database: "",
    }
    .connect(port)
}

fn redis_command(stream: &mut TcpStream, command: &str) -> Result<String> {
    stream.write_all(format!("{command}\r\n").as_bytes())?;
    let line = redis_line(stream)?;
    match line.split_at_checked(1) {
        Some(("+", text)) => Ok(text.to_owned()),
        Some(("$", size)) => {
            let mut body = vec![0; size.parse()?];
            stream.read_exact(&mut body)?;
            let _line_end: [u8; 2] = read(stream)?;
            Ok(String::from_utf8_lossy(&body).into_owned())
        }
        _ => bail!("Redis answered {line}"),
    }
}

fn redis_line(stream: &mut TcpStream) -> Result<String> {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        ensure!(line.len() < 1000, "this is not Redis");
        line.extend(read::<1>(stream)?);
    }
    Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
}

fn read<const N: usize>(stream: &mut TcpStream) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let place = |user, host, port, database| Place {
            user,
            host,
            port,
            database,
        };
        for (url, expected) in [
            ("redis://127.0.0.1:7", place("", "127.0.0.1", Some(7), "")),
            (
                "postgres://me:p@ss@db.example:5432/faroe?a=b/c",
                place("me", "db.example", Some(5432), "faroe"),
            ),
            (
                "mysql://root@[::1]/faroe",
                place("root", "::1", None, "faroe"),
            ),
        ] {
            assert_eq!(Place::parse(url).unwrap(), expected);
        }
        assert!(Place::parse("127.0.0.1:7").is_err());
        assert!(Place::parse("redis://host:seven").is_err());
    }

    #[test]
    fn mariadb_and_mysql_are_told_apart() {
        assert_eq!(
            mysql_product("5.5.5-10.11.14-MariaDB-0+deb12u2"),
            "MariaDB 10.11.14"
        );
        assert_eq!(mysql_product("11.8.3-MariaDB-ubu2404"), "MariaDB 11.8.3");
        assert_eq!(mysql_product("8.4.6"), "MySQL 8.4.6");
    }
}
