//! Consistent hashing with bounded load: which node keeps which key.
//!
//! 每个节点在环上有若干个虚拟点；节点加入或离开时，只有相邻区间的键需要搬动。
//! 负载上限防止某个热点节点被压垮：超出上限的键顺延到环上的下一个节点。

use std::collections::{BTreeMap, HashMap};

/// A ring of named nodes.
pub struct Ring {
    points: BTreeMap<u64, usize>,
    names: Vec<String>,
    replicas: u32,
}

impl Ring {
    /// Makes an empty ring; more `replicas` spread the keys more evenly (100 give about 10 %).
    pub fn new(replicas: u32) -> Self {
        assert!(replicas > 0, "a node without points would get no keys");
        Ring { points: BTreeMap::new(), names: Vec::new(), replicas }
    }

    /// Adds a node; does nothing where it is already there.
    pub fn add(&mut self, name: &str) {
        let node = match self.names.iter().position(|known| known == name) {
            Some(index) if self.points.values().any(|&owner| owner == index) => return,
            Some(index) => index,
            None => {
                self.names.push(name.to_owned());
                self.names.len() - 1
            }
        };
        for replica in 0..self.replicas {
            self.points.insert(mix(name.as_bytes(), u64::from(replica) + 1), node);
        }
    }

    /// Removes a node and tells whether it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.points.len();
        if let Some(node) = self.names.iter().position(|known| known == name) {
            self.points.retain(|_, owner| *owner != node);
        }
        self.points.len() < before
    }

    /// The nodes in the order in which they are responsible for `key`, each once.
    pub fn preference(&self, key: &[u8]) -> impl Iterator<Item = &str> {
        let start = mix(key, 0);
        let mut seen = vec![false; self.names.len()];
        self.points
            .range(start..)
            .chain(self.points.range(..start))
            .map(|(_, &node)| node)
            .filter(move |&node| !std::mem::replace(&mut seen[node], true))
            .map(|node| self.names[node].as_str())
    }

    /// Assigns all keys such that no node gets more than `slack` times the mean.
    pub fn assign<'a>(&'a self, keys: &[&'a [u8]], slack: f64) -> HashMap<&'a str, Vec<&'a [u8]>> {
        let mut shares: HashMap<&str, Vec<&[u8]>> = HashMap::new();
        let nodes = self.preference(b"").count();
        if nodes == 0 {
            return shares;
        }
        let bound = ((keys.len() as f64 / nodes as f64) * slack.max(1.0)).ceil() as usize;
        for &key in keys {
            let home = self
                .preference(key)
                .find(|name| shares.get(name).map_or(0, Vec::len) < bound)
                .expect("the bounds add up to at least the number of keys");
            shares.entry(home).or_default().push(key);
        }
        shares
    }
}

/// A seeded 64-bit hash in the manner of splitmix: enough for placement, useless for secrets.
fn mix(bytes: &[u8], seed: u64) -> u64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ bytes.len() as u64;
    for chunk in bytes.chunks(8) {
        let mut word = [0u8; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        state = (state ^ u64::from_le_bytes(word)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        state ^= state >> 29;
    }
    state = (state ^ (state >> 30)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}
