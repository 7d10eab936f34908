//! Seeded draws. They depend on the seed and on what is asked about, never on the order of calls, so that every
//! process that shares a world sees the same ids and delays.

/// A number drawn for these parts: FNV-1a, finished as splitmix64 does.
pub(super) fn draw(seed: u64, parts: &[&str]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for part in parts {
        for byte in part.bytes().chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// A fraction from 0 to 1 drawn for these parts.
pub(super) fn fraction(seed: u64, parts: &[&str]) -> f64 {
    let bits = u32::try_from(draw(seed, parts) >> 32).unwrap_or(u32::MAX);
    f64::from(bits) / f64::from(u32::MAX)
}

/// An id such as `i-0123456789abcdef0`: 17 hexadecimal digits, the first of them 0 as EC2's are.
pub(super) fn id(prefix: &str, seed: u64, parts: &[&str]) -> String {
    format!("{prefix}-0{:016x}", draw(seed, &[&[prefix], parts].concat()))
}

/// A spot request's id, such as `sir-8456a9jq`: eight letters and digits.
pub(super) fn request_id(seed: u64, parts: &[&str]) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bits = draw(seed, &[&["sir"], parts].concat());
    let mut text = String::from("sir-");
    for _ in 0..8 {
        let index = usize::try_from(bits % 32).unwrap_or(0);
        text.push(char::from(LETTERS.get(index).copied().unwrap_or(b'a')));
        bits /= 32;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{draw, fraction, id, request_id};

    #[test]
    fn draws_depend_on_the_seed_and_on_every_part() {
        assert_eq!(draw(1, &["a", "b"]), draw(1, &["a", "b"]));
        assert_ne!(draw(1, &["a", "b"]), draw(2, &["a", "b"]));
        assert_ne!(draw(1, &["a", "b"]), draw(1, &["ab"]));
        assert!((0.0..=1.0).contains(&fraction(7, &["x"])));
    }

    #[test]
    fn ids_have_ec2s_form() {
        assert_eq!(id("i", 1, &["1"]).len(), "i-0123456789abcdef0".len());
        assert_eq!(request_id(1, &["1"]).len(), "sir-8456a9jq".len());
    }
}
