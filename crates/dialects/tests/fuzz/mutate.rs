//! Makes inputs up: kept ones, cut, spliced, flipped, and sprinkled with words that readers trip
//! over. Seeded; no clock.

/// Pieces of JSON and of event streams, most of them awkward.
const WORDS: &[&[u8]] = &[
    b"null",
    b"true",
    b"false",
    b"0",
    b"-1",
    b"1e999",
    b"-0.0",
    b"18446744073709551616",
    b"9007199254740993",
    b"65536",
    b"4294967296",
    b"{}",
    b"[]",
    b"[[]]",
    b"{\"\":null}",
    b"\"\"",
    b"\" \"",
    b"\"\\u0000\"",
    b"\"\\ud83d\"",
    b"\"\\ud83d\\ude00\"",
    b"\"\\\\\"",
    "\"ü\u{2028}\u{feff}\"".as_bytes(),
    b"\"type\":\"text\"",
    b"\"index\":65535",
    b"\"index\":4294967295",
    b"\"content\":null",
    b"\"content\":[]",
    b"\"id\":\"\"",
    b"\"arguments\":\"{\"",
    b"\"tool_calls\":[{}]",
    b"\"parts\":[{\"text\":\"\"}]",
    b"\"type\":\"tool_use\"",
    b"\"type\":\"function_call\"",
    b"\"type\":\"reasoning\"",
    b"\"error\":{}",
    b"\"stream\":true",
    b"\"usage\":{}",
    b"data: ",
    b"data:",
    b"event: error\n",
    b"event: ping\n",
    b": comment\n",
    b"id: 1\n",
    b"retry: 1\n",
    b"data: [DONE]\n\n",
    b"data: {}\n\n",
    b"\n\n",
    b"\r\n\r\n",
    b"\r\r",
    b"\r",
    b"\xEF\xBB\xBF",
    b"\xFF",
    b"\xC3",
    b",",
    b":",
    b"[",
    b"]",
    b"{",
    b"}",
    b"\"",
];

/// Seeded chance (SplitMix64).
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `bound`; 0 for 0.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % (bound.max(1) as u64)).unwrap()
    }

    /// From 1 to two to this power; short ones are as frequent as long ones.
    fn length(&mut self, power: usize) -> usize {
        let most = 1 << self.below(power);
        1 + self.below(most)
    }

    pub(super) fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// A name for bytes (FNV-1a).
pub(super) fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// A kept input with a few mutations.
pub(super) fn made_up(corpus: &[Vec<u8>], dice: &mut Dice, bytes_max: usize) -> Vec<u8> {
    // The first ones are this target's own; they are worth more than the rest.
    let near = if dice.below(4) > 0 { corpus.len().div_ceil(3) } else { corpus.len() };
    let mut input = corpus[dice.below(near)].clone();
    for _ in 0..=dice.below(6) {
        mutate(&mut input, corpus, dice);
    }
    // Once in a while something comes a thousand times: what is held must grow no faster.
    if dice.below(64) == 0 {
        let at = dice.below(input.len() + 1);
        let part = match value_after(&input, at) {
            Some(value) if dice.below(2) == 0 => [b",", &input[value]].concat(),
            _ => input[at..(at + dice.length(6)).min(input.len())].to_vec(),
        };
        let times = bytes_max / part.len().max(1);
        insert(&mut input, at, &part.repeat(times));
    }
    input.truncate(bytes_max);
    input
}

fn mutate(input: &mut Vec<u8>, corpus: &[Vec<u8>], dice: &mut Dice) {
    let at = dice.below(input.len() + 1);
    let reach = dice.length(8);
    let end = (at + reach).min(input.len());
    match dice.below(10) {
        0 if at < input.len() => input[at] ^= 1 << dice.below(8),
        1 => input.truncate(at),
        2 => drop(input.drain(at..end)),
        3 => {
            let part = input[at..end].to_vec();
            let times = dice.length(6);
            insert(input, at, &part.repeat(times));
        }
        4 => {
            let other = dice.pick(corpus);
            let from = dice.below(other.len() + 1);
            let part = &other[from..(from + dice.below(256)).min(other.len())];
            insert(input, at, part);
        }
        5 => {
            let other = dice.pick(corpus);
            input.truncate(at);
            input.extend_from_slice(&other[dice.below(other.len() + 1)..]);
        }
        6 => {
            let word = dice.pick(WORDS);
            let times = if dice.below(8) == 0 { 100 } else { 1 };
            insert(input, at, &word.repeat(times));
        }
        _ => change_value(input, at, corpus, dice),
    }
}

fn insert(input: &mut Vec<u8>, at: usize, part: &[u8]) {
    drop(input.splice(at..at, part.iter().copied()));
}

/// Puts a word, or a value of another input, in the place of the value behind the next colon, so
/// that the JSON mostly stays whole.
fn change_value(input: &mut Vec<u8>, at: usize, corpus: &[Vec<u8>], dice: &mut Dice) {
    let Some(old) = value_after(input, at) else { return };
    let other = dice.pick(corpus);
    let borrowed = value_after(other, dice.below(other.len() + 1));
    let new = match borrowed {
        Some(place) if dice.below(2) == 0 => other[place].to_vec(),
        _ => dice.pick(WORDS).to_vec(),
    };
    drop(input.splice(old, new));
}

fn value_after(text: &[u8], at: usize) -> Option<std::ops::Range<usize>> {
    let start = at + text.get(at..)?.iter().position(|byte| *byte == b':')? + 1;
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for (step, byte) in text[start..].iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth > 0 => depth -= 1,
            b'}' | b']' | b',' | b'\n' if depth == 0 => return Some(start..start + step),
            _ => {}
        }
    }
    None
}
