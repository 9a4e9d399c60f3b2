//! A byte-oriented LZ77 codec for blocks up to 64 KiB, in the spirit of the fast ones.
//!
//! A block is a sequence of (literal count, literals, match length, distance). Lengths are written
//! as one byte plus 255-continuations; a match length of zero ends the block.

const MIN_MATCH: usize = 4;
const TABLE_BITS: u32 = 13;
/// Distances are 16 bits, so nothing larger can be addressed.
pub const MAX_BLOCK: usize = 1 << 16;

fn slot(bytes: &[u8]) -> usize {
    let word = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    (word.wrapping_mul(2_654_435_761) >> (32 - TABLE_BITS)) as usize
}

fn put_length(out: &mut Vec<u8>, mut length: usize) {
    while length >= 255 {
        out.push(255);
        length -= 255;
    }
    out.push(length as u8);
}

/// Compresses one block.
///
/// # Panics
/// Where the block is longer than [`MAX_BLOCK`].
pub fn compress(input: &[u8]) -> Vec<u8> {
    assert!(input.len() <= MAX_BLOCK, "split the input into blocks first");
    let mut out = Vec::with_capacity(input.len() / 2 + 16);
    let mut table = vec![usize::MAX; 1 << TABLE_BITS];
    let (mut at, mut emitted) = (0, 0);
    while at + MIN_MATCH <= input.len() {
        let hash = slot(&input[at..]);
        let candidate = std::mem::replace(&mut table[hash], at);
        let usable = candidate != usize::MAX
            && input[candidate..candidate + MIN_MATCH] == input[at..at + MIN_MATCH];
        if !usable {
            // The longer nothing was found, the bigger the steps: noise is passed over quickly.
            at += 1 + ((at - emitted) >> 6);
            continue;
        }
        let limit = input.len() - at;
        let length = (MIN_MATCH..limit)
            .find(|&k| input[candidate + k] != input[at + k])
            .unwrap_or(limit);
        put_length(&mut out, at - emitted);
        out.extend_from_slice(&input[emitted..at]);
        put_length(&mut out, length);
        out.extend_from_slice(&((at - candidate) as u16).to_le_bytes());
        at += length;
        emitted = at;
    }
    put_length(&mut out, input.len() - emitted);
    out.extend_from_slice(&input[emitted..]);
    put_length(&mut out, 0);
    out
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    if rest.len() < count {
        return None;
    }
    let (head, tail) = rest.split_at(count);
    *rest = tail;
    Some(head)
}

fn take_length(rest: &mut &[u8]) -> Option<usize> {
    let mut length = 0;
    loop {
        let byte = take(rest, 1)?[0];
        length += usize::from(byte);
        if byte < 255 {
            return Some(length);
        }
    }
}

/// Restores a block; `None` where the data are damaged or would exceed [`MAX_BLOCK`].
pub fn decompress(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    loop {
        let literals = take_length(&mut rest)?;
        out.extend_from_slice(take(&mut rest, literals)?);
        let length = take_length(&mut rest)?;
        if length == 0 {
            return rest.is_empty().then_some(out);
        }
        let low_high = take(&mut rest, 2)?;
        let distance = usize::from(u16::from_le_bytes([low_high[0], low_high[1]]));
        if distance == 0 || distance > out.len() || out.len() + length > MAX_BLOCK {
            return None;
        }
        // Source and target may overlap (that is how runs are stored), hence byte by byte.
        for _ in 0..length {
            out.push(out[out.len() - distance]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_survive() {
        for text in ["", "abc", "abababababababababab", "to be or not to be, that is to be"] {
            assert_eq!(decompress(&compress(text.as_bytes())).as_deref(), Some(text.as_bytes()));
        }
        let zeros = vec![0u8; MAX_BLOCK];
        assert!(compress(&zeros).len() < 300);
        assert_eq!(decompress(&compress(&zeros)).unwrap(), zeros);
    }
}
