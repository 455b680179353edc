//! One sentence in the caller's own script: that the reserve knows English only. It tells scripts
//! apart, not languages; whoever writes Cyrillic gets Russian.

use std::ops::RangeInclusive;

/// Letters of a script, and the sentence. Kana stand before Han, which Japanese uses too.
const SENTENCES: [(RangeInclusive<char>, &str); 9] = [
    ('\u{3040}'..='\u{30ff}', "予備モデルは英語しか理解できません"),
    ('\u{ac00}'..='\u{d7a3}', "예비 모델은 영어만 이해합니다"),
    ('\u{3400}'..='\u{9fff}', "备用模型只懂英文"),
    ('\u{0400}'..='\u{052f}', "резервная модель понимает только английский"),
    ('\u{0600}'..='\u{06ff}', "النموذج الاحتياطي يفهم الإنجليزية فقط"),
    ('\u{0590}'..='\u{05ff}', "מודל הגיבוי מבין אנגלית בלבד"),
    ('\u{0900}'..='\u{097f}', "आरक्षित मॉडल केवल अंग्रेज़ी समझता है"),
    ('\u{0e00}'..='\u{0e7f}', "โมเดลสำรองเข้าใจเฉพาะภาษาอังกฤษ"),
    ('\u{0370}'..='\u{03ff}', "το εφεδρικό μοντέλο καταλαβαίνει μόνο αγγλικά"),
];

/// The refusal in English, followed by the caller's script where it is known.
pub(crate) fn english_only(asked: &str) -> String {
    let written = |(letters, _): &&(RangeInclusive<char>, &str)| {
        asked.chars().any(|letter| letters.contains(&letter))
    };
    match SENTENCES.iter().find(written) {
        Some((_, sentence)) => format!("the reserve knows English only ({sentence})"),
        None => "the reserve knows English only".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_are_refused_in_their_own_script() {
        assert!(english_only("请介绍一下北京").contains("只懂英文"));
        assert!(english_only("東京はどこですか").contains("英語"));
        assert!(english_only("Где мой заказ?").contains("английский"));
        assert_eq!(english_only("ᚠᚢᚦ"), "the reserve knows English only");
    }
}
