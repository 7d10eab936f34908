//! Addresses that a security group lets in.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A block of addresses in its normal form: no bit is set behind the prefix, as EC2 stores it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cidr {
    /// The first address.
    pub address: IpAddr,
    /// How many leading bits are fixed: 0 to 32, or 0 to 128.
    pub prefix: u8,
}

/// Why a text is no block of addresses, or one that is not allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// The part before the slash is no IP address.
    #[error("{0:?} is not an IPv4 or IPv6 address; write it like 203.0.113.7/32 or 2001:db8::/64")]
    NotAnAddress(String),
    /// The part after the slash is no prefix length for that address.
    #[error("the prefix length of {0:?} must be a number from 0 to {1}")]
    BadPrefix(String, u8),
    /// The block is the whole internet.
    #[error("{0} would open the machine to the whole internet; give a smaller block, such as your own address")]
    Everyone(Cidr),
    /// A service that tells this machine's address answered with something else.
    #[error("expected this machine's public IP address, got {0:?}")]
    NotOurAddress(String),
}

impl Cidr {
    /// Whether the block holds every address of its family.
    #[must_use]
    pub fn is_everyone(&self) -> bool {
        self.prefix == 0
    }
}

impl From<IpAddr> for Cidr {
    /// The block of this address alone; an IPv4 address in IPv6 clothes is taken as IPv4.
    fn from(address: IpAddr) -> Self {
        let address = address.to_canonical();
        Self { address, prefix: width(address) }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// Reads a block of addresses, or one address, and clears the bits behind the prefix.
///
/// # Errors
/// When the text is neither, and [`AddressError::Everyone`] for a prefix of 0 unless `allow_everyone`.
pub fn parse_cidr(text: &str, allow_everyone: bool) -> Result<Cidr, AddressError> {
    let text = text.trim();
    let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
    let address: IpAddr = address.parse().map_err(|_| AddressError::NotAnAddress(text.to_owned()))?;
    let Some(prefix) = prefix else { return Ok(Cidr::from(address)) };
    let bits =
        parse_prefix(prefix, width(address)).ok_or_else(|| AddressError::BadPrefix(text.to_owned(), width(address)))?;
    let cidr = Cidr { address: masked(address, bits), prefix: bits };
    if cidr.is_everyone() && !allow_everyone {
        return Err(AddressError::Everyone(cidr));
    }
    Ok(cidr)
}

/// Reads the answer of a service that tells the asker's address: the address alone, in one line.
///
/// # Errors
/// [`AddressError::NotOurAddress`] for anything else (a login page of a hotel's network, say), and for an address that
/// can be nobody's on the internet: loopback, unspecified, multicast.
pub fn parse_check_ip(body: &str) -> Result<IpAddr, AddressError> {
    let not_ours = || AddressError::NotOurAddress(body.trim().chars().take(80).collect());
    let address: IpAddr = body.trim().parse().map_err(|_| not_ours())?;
    let address = address.to_canonical();
    if address.is_loopback() || address.is_unspecified() || address.is_multicast() {
        return Err(not_ours());
    }
    Ok(address)
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// `u8::from_str` takes "+8" and "08" too; EC2 takes neither.
fn parse_prefix(text: &str, width: u8) -> Option<u8> {
    let bits: u8 = text.parse().ok()?;
    (bits <= width && bits.to_string() == text).then_some(bits)
}

fn masked(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask))
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask))
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_brought_to_its_normal_form() {
        for (text, normal) in [
            ("203.0.113.7", "203.0.113.7/32"),
            (" 100.68.0.18/18\n", "100.68.0.0/18"),
            ("203.0.113.7/32", "203.0.113.7/32"),
            ("2001:DB8::1", "2001:db8::1/128"),
            ("2001:db8:ffff::1/33", "2001:db8:8000::/33"),
            ("::ffff:203.0.113.7", "203.0.113.7/32"),
            ("128.0.0.1/1", "128.0.0.0/1"),
        ] {
            assert_eq!(parse_cidr(text, false).unwrap().to_string(), normal, "{text}");
        }
    }

    #[test]
    fn the_whole_internet_needs_leave() {
        for text in ["0.0.0.0/0", "::/0", "203.0.113.7/0"] {
            assert!(matches!(parse_cidr(text, false), Err(AddressError::Everyone(_))), "{text}");
            assert!(parse_cidr(text, true).unwrap().is_everyone());
        }
    }

    #[test]
    fn what_is_no_block_is_refused() {
        for text in
            ["", "/", "dev", "203.0.113/24", "203.0.113.7/33", "203.0.113.7/", "::/129", "10.0.0.0/+8", "10.0.0.0/08"]
        {
            assert!(parse_cidr(text, true).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_login_page_is_not_taken_for_an_address() {
        assert_eq!(parse_check_ip("203.0.113.7\n").unwrap().to_string(), "203.0.113.7");
        for body in ["", "<html>", "203.0.113.7 x", "0.0.0.0", "127.0.0.1", "::1", "224.0.0.1"] {
            assert!(parse_check_ip(body).is_err(), "{body:?}");
        }
    }
}
