//! Ids of tool calls in the form that a provider bears. The same id always becomes the same, so
//! that a call and its result still belong together.

use super::order::Whom;

/// OpenAI refuses longer ones.
const ID_CHARS_MAX: usize = 40;
/// Mistral takes nothing but so many letters and digits.
const MISTRAL_ID_CHARS: usize = 9;

/// The id itself if it is borne, else one that stands for it.
pub(super) fn fit_id(whom: Whom<'_>, id: &str) -> String {
    if whom.is_of_mistral() {
        let fits =
            id.len() == MISTRAL_ID_CHARS && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        return if fits { id.to_owned() } else { letters(id, MISTRAL_ID_CHARS) };
    }
    if id.chars().count() > ID_CHARS_MAX {
        return format!("call_{}", letters(id, 20));
    }
    id.to_owned()
}

/// So many letters and digits that stand for the text.
fn letters(text: &str, count: usize) -> String {
    const ALPHABET: &[u8; 62] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    // FNV-1a with 128 bits: nobody gains by a collision, and by chance there is none.
    let mut hash = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128;
    for byte in text.bytes() {
        hash = (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
    }
    let mut written = String::with_capacity(count);
    for _ in 0..count {
        let place = usize::try_from(hash % 62).unwrap_or_default();
        written.push(char::from(ALPHABET.get(place).copied().unwrap_or(b'0')));
        hash /= 62;
    }
    written
}
