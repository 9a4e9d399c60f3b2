//! Shell-like patterns over keys: `*` within a segment, `**` across segments, `?`, `[a-z]`, `{x,y}`.

/// One element of a compiled pattern.
#[derive(Debug, Clone, PartialEq)]
enum Part {
    Literal(char),
    AnyChar,
    Star,
    DoubleStar,
    Set { ranges: Vec<(char, char)>, negated: bool },
}

/// A compiled pattern: alternatives that came from braces, each a list of parts.
#[derive(Debug, Clone)]
pub struct Glob(Vec<Vec<Part>>);

impl Glob {
    /// Compiles a pattern; the error names what is wrong and at which character.
    pub fn new(pattern: &str) -> Result<Self, String> {
        expand(pattern)?.iter().map(|plain| compile(plain)).collect::<Result<_, _>>().map(Glob)
    }

    /// Tells whether the whole key fits the pattern.
    pub fn matches(&self, key: &str) -> bool {
        let chars: Vec<char> = key.chars().collect();
        self.0.iter().any(|parts| fits(parts, &chars))
    }
}

/// Writes braces out, innermost last: `a{b,c}d` becomes `abd` and `acd`.
fn expand(pattern: &str) -> Result<Vec<String>, String> {
    let Some(open) = pattern.find('{') else {
        return Ok(vec![pattern.to_owned()]);
    };
    let (mut depth, mut start, mut choices) = (0, open + 1, Vec::new());
    for (index, char) in pattern[open..].char_indices().map(|(i, c)| (i + open, c)) {
        match char {
            '{' => depth += 1,
            ',' if depth == 1 => {
                choices.push(&pattern[start..index]);
                start = index + 1;
            }
            '}' if depth == 1 => {
                choices.push(&pattern[start..index]);
                let (head, tail) = (&pattern[..open], &pattern[index + 1..]);
                let mut all = Vec::new();
                for choice in choices {
                    all.extend(expand(&format!("{head}{choice}{tail}"))?);
                }
                return Ok(all);
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    Err(format!("the brace at byte {open} of {pattern:?} is never closed"))
}

fn compile(pattern: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut chars = pattern.chars().peekable();
    while let Some(char) = chars.next() {
        parts.push(match char {
            '?' => Part::AnyChar,
            '*' if chars.next_if_eq(&'*').is_some() => Part::DoubleStar,
            '*' => Part::Star,
            '\\' => Part::Literal(chars.next().ok_or("the pattern ends in a backslash")?),
            '[' => {
                let negated = chars.next_if_eq(&'!').is_some();
                let mut ranges = Vec::new();
                loop {
                    match chars.next().ok_or_else(|| format!("no ] in {pattern:?}"))? {
                        ']' if !ranges.is_empty() => break,
                        low => {
                            let range = chars.next_if_eq(&'-').is_some();
                            let high = if range { chars.next().unwrap_or(low) } else { low };
                            ranges.push((low, high));
                        }
                    }
                }
                Part::Set { ranges, negated }
            }
            other => Part::Literal(other),
        });
    }
    Ok(parts)
}

/// Runs all positions of the pattern at once, so no input can make it exponential.
fn fits(parts: &[Part], key: &[char]) -> bool {
    let close = |mut states: Vec<bool>| {
        for i in 0..parts.len() {
            states[i + 1] |= states[i] && matches!(parts[i], Part::Star | Part::DoubleStar);
        }
        states
    };
    let mut states = vec![false; parts.len() + 1];
    states[0] = true;
    states = close(states);
    for &char in key {
        let mut next = vec![false; parts.len() + 1];
        for (i, part) in parts.iter().enumerate().filter(|(i, _)| states[*i]) {
            match part {
                Part::Literal(wanted) => next[i + 1] |= *wanted == char,
                Part::AnyChar => next[i + 1] |= char != '/',
                Part::Star => next[i] |= char != '/',
                Part::DoubleStar => next[i] = true,
                Part::Set { ranges, negated } => {
                    let inside = ranges.iter().any(|&(low, high)| (low..=high).contains(&char));
                    next[i + 1] |= inside != *negated && char != '/';
                }
            }
        }
        states = close(next);
    }
    states[parts.len()]
}
