//! Variable-length integers and delta coding for sorted lists of record numbers.

use std::fmt;

/// Why a buffer could not be decoded.
#[derive(Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The buffer ended inside of a number that began at this offset.
    Truncated(usize),
    /// The number at this offset does not fit into 64 bits.
    Overflow(usize),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DecodeError::Truncated(at) => write!(f, "number at byte {at} is cut off"),
            DecodeError::Overflow(at) => write!(f, "number at byte {at} exceeds 64 bits"),
        }
    }
}

impl std::error::Error for DecodeError {}

/// Appends `value`, seven bits per byte, the lowest first.
pub fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Reads a number at `*at` and moves `*at` behind it; on error `*at` stays.
pub fn get(bytes: &[u8], at: &mut usize) -> Result<u64, DecodeError> {
    let mut value = 0u64;
    for (index, &byte) in bytes[*at..].iter().enumerate() {
        let low = u64::from(byte & 0x7f);
        if index == 9 && byte > 1 {
            return Err(DecodeError::Overflow(*at));
        }
        value |= low << (7 * index);
        if byte < 0x80 {
            *at += index + 1;
            return Ok(value);
        }
    }
    Err(DecodeError::Truncated(*at))
}

/// Maps signed numbers to unsigned ones so that small magnitudes stay small: 0, -1, 1, -2, 2 ...
pub fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// The inverse of [`zigzag`].
pub fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// Encodes a non-decreasing list as its length and the gaps between neighbours.
///
/// # Panics
/// Where the list is not sorted: the caller would silently get another list back.
pub fn encode_sorted(numbers: &[u64]) -> Vec<u8> {
    let mut out = Vec::with_capacity(numbers.len() + 4);
    put(&mut out, numbers.len() as u64);
    let mut previous = 0;
    for &number in numbers {
        let gap = number.checked_sub(previous).expect("the list must be sorted");
        put(&mut out, gap);
        previous = number;
    }
    out
}

/// Decodes what [`encode_sorted`] wrote.
pub fn decode_sorted(bytes: &[u8]) -> Result<Vec<u64>, DecodeError> {
    let mut at = 0;
    let count = get(bytes, &mut at)? as usize;
    // A damaged count must not reserve more than the bytes could hold.
    let mut numbers = Vec::with_capacity(count.min(bytes.len()));
    let mut previous = 0u64;
    for _ in 0..count {
        let start = at;
        let gap = get(bytes, &mut at)?;
        previous = previous.checked_add(gap).ok_or(DecodeError::Overflow(start))?;
        numbers.push(previous);
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_survive() {
        let numbers = [0, 0, 3, 127, 128, 1 << 40, u64::MAX];
        assert_eq!(decode_sorted(&encode_sorted(&numbers)).unwrap(), numbers);
        assert_eq!(decode_sorted(&[2, 5]), Err(DecodeError::Truncated(2)));
        assert!([0, -1, 1, i64::MIN, i64::MAX].iter().all(|&n| unzigzag(zigzag(n)) == n));
    }
}
