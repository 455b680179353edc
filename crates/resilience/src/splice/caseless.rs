//! Signs in scripts that have neither capitals nor blanks, such as Chinese and Japanese, and in
//! Korean, whose letters have no case either: what a new text begins with, whether it takes up the
//! topic of a sentence that has one, and whether the clause that the two halves would make is longer
//! than any that the old text made. What the signs sum up to is decided in `fit`.
//!
//! The lists hold what is most frequent and nothing else: what is not in them proves nothing.

use super::fit::{FitWhy, Signs};
use super::told::Told;
use super::words::is_wordless;

/// Marks between clauses, and between sentences.
const CLAUSE_ENDS: [char; 21] = [
    '，', '、', '；', '：', ',', ';', ':', '「', '」', '“', '”', '（', '）', '(', ')', '《', '》',
    '—', '…', '·', '・',
];
const SENTENCE_ENDS: [char; 7] = ['。', '！', '？', '!', '?', '.', '\n'];
/// Letters of a clause, and of a sentence, that nobody wonders at, however short the old text's own
/// are: in Chinese, in Japanese and in Korean, which has fewer marks.
const USUAL: [(usize, usize); 3] = [(22, 60), (36, 75), (44, 80)];
/// A topic stands at the beginning: words of Korean, letters of Chinese.
const KOREAN_TOPIC_WORDS: usize = 2;
const CHINESE_TOPIC_LETTERS: usize = 6;
/// The last letters of frequent stems before 는 and 은 that are no nouns.
const KOREAN_CLAUSE_ENDS: [&str; 11] =
    ["지만", "고", "며", "면", "때", "서", "니", "데", "아", "어", "로"];
const KOREAN_VERBS: &str = "하되있없가오보쓰두나지주리치키시르너내드추기모싸뜨않같";
const KOREAN_ADJECTIVES: &str = "작높같많좋깊밝젖남낡늙넓짧얇받먹찾섞낮맑붉않굽담것";
/// Letters of the old text's end that are looked at for its own clauses and pairs of letters.
const NEAR_LETTERS_MAX: usize = 600;
/// Letters of old and new without which it proves nothing that they have no pair in common.
const NEAR_LETTERS_MIN: usize = 80;
const NEW_LETTERS_MIN: usize = 24;

/// A new text begins with these only within a sentence: particles, endings, measure words.
const CONTINUES: &str = "\
    的 了 着 过 们 們 得 地 吗 嗎 呢 吧 之 等 都 也 就 才 则 則 并 並 而 及 与 與 和 或 能 会 會 把 被 给 給 \
    很 更 最 还 還 又 再 个 個 里 裡 上 下 以后 之后 之前 时 時 后 後 来 來 到 成 \
    を が に は で と も の へ や か ら り る て た だ な い く し す せ そう ば べ ま み め む れ ろ わ ん っ ー ン ッ ャ ュ ョ ァ ィ ェ ォ け げ ご ざ じ ず \
    은 는 이 가 을 를 에 의 와 과 도 로 으로 에서 까지 부터 만 하여 하고 하는 한 할 된 되는 될 있는 없는 않고 않는 것 수 때 뒤 \
    있습니다 없습니다 합니다 됩니다 입니다 때문 위해 통해 대해 따라 함께 같은 같이";

/// With these a sentence begins; hardly anything goes on with them but behind a comma.
const BEGINS: &str = "\
    如果 首先 其次 最后 因此 所以 但是 不过 然而 另外 此外 同时 根据 关于 对于 为了 由于 随着 作为 除了 虽然 尽管 无论 只要 \
    简单 一般 通常 总之 其实 例如 比如 以下 下面 今天 现在 每天 有些 有人 许多 很多 所谓 是的 我们 你可以 您可以 你们 他们 她 \
    这座 那么 想要 要想 当我 在这 在家 请 先把 先将 \
    これ それ この その あの ここ そこ また しかし そして ただし では もちろん いいえ たとえば 例えば つまり なぜ 一般 最初 最後 毎日 私 あなた 以下 次に 実は 大きな 身近 ご質問 お問 \
    그래서 그러나 하지만 그리고 따라서 또한 먼저 우선 만약 물론 저는 제가 쉽게 이것은 여기 아래는 안녕 네, 예,";

/// Behind these a noun must follow, so that a sentence cannot begin.
pub(super) fn is_of(told: &Told<'_>, fresh: &str) -> bool {
    let letter = |c: &char| c.is_alphabetic();
    told.said.chars().rev().find(letter).is_some_and(is_wordless)
        && fresh.chars().find(letter).is_some_and(is_wordless)
}

/// The signs of a new text that begins within a sentence of the old one.
pub(super) fn within(told: &Told<'_>, fresh: &str, signs: &mut Signs) {
    let start = fresh.trim_start();
    let behind_a_mark = told.said.trim_end().ends_with(CLAUSE_ENDS);
    let near = near(told.said);
    if start.starts_with(|c: char| CLAUSE_ENDS.contains(&c) || SENTENCE_ENDS.contains(&c)) {
        // No answer begins with the end of something.
        return signs.add(4, FitWhy::GoesOn);
    }
    let continues = begins_any(CONTINUES, start);
    let begins = begins_any(BEGINS, start);
    if begins {
        signs.add(if behind_a_mark { -1 } else { -4 }, FitWhy::NewSentence);
    } else if continues {
        signs.add(4, FitWhy::GoesOn);
    }
    let pair = |text: &str| text.chars().take(2).collect::<String>();
    if let Some(last) = told.said.chars().next_back().filter(|c| is_wordless(*c)) {
        let joint: String = std::iter::once(last).chain(start.chars().take(1)).collect();
        signs.add(if near.contains(&joint) { 2 } else { 0 }, FitWhy::GoesOn);
    }
    let first = pair(start);
    let begins_so = |sentence: &str| pair(sentence.trim_start()) == first;
    // In Korean two letters are too little of a word.
    if !start.starts_with(is_hangul) && near.split(SENTENCE_ENDS).any(begins_so) {
        signs.add(if behind_a_mark { -1 } else { -3 }, FitWhy::Reopens);
    }
    let enough = letters(near) >= NEAR_LETTERS_MIN && letters(start) >= NEW_LETTERS_MIN;
    let matter = match tells_of_the_same(near, start) {
        true => 1,
        false if enough => -1,
        false => 0,
    };
    signs.add(matter, FitWhy::OtherMatter);
    length(near, start, signs);
    topic(near, start, signs);
}

/// Two letters that say something stand beside each other in both.
fn tells_of_the_same(near: &str, start: &str) -> bool {
    let mut before = ' ';
    let letters: Vec<char> = start.chars().collect();
    let mut shares = false;
    for pair in letters.windows(2) {
        let [first, second] = pair else { continue };
        // In Korean the beginning of a word says something, and its ending nothing.
        let tells = match (is_hangul(*first), is_hangul(*second)) {
            (true, true) => !is_hangul(before),
            (false, false) => is_sign(*first) && is_sign(*second),
            _ => false,
        };
        let pair: String = pair.iter().collect();
        shares |= tells && near.contains(&pair);
        before = *first;
    }
    shares
}

fn is_hangul(c: char) -> bool {
    matches!(c, '\u{AC00}'..='\u{D7AF}')
}

/// A letter that stands for more than a sound.
fn is_sign(c: char) -> bool {
    is_wordless(c) && !is_kana(c)
}

fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9FFF}')
}

fn is_katakana(c: char) -> bool {
    matches!(c, '\u{30A1}'..='\u{30FA}')
}

fn is_kana(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{309F}')
}

/// The clause and the sentence that the halves would make.
fn length(near: &str, start: &str, signs: &mut Signs) {
    let ends = |c: char| CLAUSE_ENDS.contains(&c) || SENTENCE_ENDS.contains(&c);
    let clause = made(near, start, ends);
    let sentence = made(near, start, |c| SENTENCE_ENDS.contains(&c));
    let place = if near.contains(is_hangul) { 2 } else { usize::from(near.contains(is_kana)) };
    let (clause_usual, sentence_usual) = USUAL.get(place).copied().unwrap_or_default();
    let usual = clause.longest.max(clause_usual);
    if clause.letters * 2 > usual * 3 {
        signs.add(-3, FitWhy::NewSentence);
    } else if clause.letters > usual {
        signs.add(-1, FitWhy::NewSentence);
    }
    let usual = sentence.longest.max(sentence_usual);
    if sentence.letters > usual {
        signs.add(-1, FitWhy::NewSentence);
    }
}

/// What two halves would make, and the longest that the old text made.
struct Made {
    letters: usize,
    longest: usize,
}

fn made(near: &str, start: &str, ends: impl Fn(char) -> bool + Copy) -> Made {
    let mut parts: Vec<usize> = near.split(ends).map(letters).collect();
    let open = parts.pop().unwrap_or(0);
    let rest = start.split(ends).next().map_or(0, letters);
    Made { letters: open + rest, longest: parts.into_iter().max().unwrap_or(0) }
}

/// Letters of such scripts: names and commands in others are long and say nothing of a clause.
fn letters(text: &str) -> usize {
    text.chars().filter(|c| is_wordless(*c)).count()
}

/// A sentence has one topic: where the old one has it, the new text's first clause brings another.
fn topic(near: &str, start: &str, signs: &mut Signs) {
    let ends = |c: char| CLAUSE_ENDS.contains(&c) || SENTENCE_ENDS.contains(&c);
    let open = near.rsplit(SENTENCE_ENDS).next().unwrap_or_default();
    let open_clause = open.rsplit(ends).next().unwrap_or_default();
    let lead = start.split(ends).next().unwrap_or_default();
    let points = if start.starts_with(is_hangul) {
        // A clause ends with a verb, and a mark need not follow it.
        let words = open_clause.split_whitespace();
        let has_subject = words.fold(false, |has, word| {
            let subject = is_korean_topic(word) || word.ends_with(['이', '가']);
            (has || subject) && !KOREAN_CLAUSE_ENDS.iter().any(|end| word.ends_with(end))
        });
        let topic = lead.split_whitespace().take(KOREAN_TOPIC_WORDS).any(is_korean_topic);
        if topic && has_subject { -3 } else { 0 }
    } else if near.contains(is_kana) {
        let twice = has_topic(open) && lead.chars().skip(1).any(|c| c == 'は');
        // A verb is broken off within its stem, and a word of another kind begins.
        let last = near.chars().next_back().unwrap_or(' ');
        let torn = is_han(last) && start.starts_with(is_katakana);
        (if twice { -3 } else { 0 }) - i32::from(torn) * 2
    } else {
        let twice = open_clause.contains('是') && lead.contains('是');
        let defines = lead.chars().take(CHINESE_TOPIC_LETTERS).skip(1).any(|c| c == '是');
        if twice { -2 } else { -i32::from(defines) }
    };
    signs.add(points, FitWhy::NewSentence);
}

/// The mark of a Japanese topic stands behind a word; behind another particle it marks a place or a
/// time, beside which there may be a topic.
fn has_topic(text: &str) -> bool {
    let mut before = 'は';
    text.chars().any(|c| {
        let topic = c == 'は' && !"はでにとて、".contains(before);
        before = c;
        topic
    })
}

/// It ends as a noun that a sentence is about, and as few verbs and adjectives before a noun do.
fn is_korean_topic(word: &str) -> bool {
    let mut letters = word.chars().rev();
    let (mark, before) = (letters.next(), letters.next().unwrap_or(' '));
    match mark {
        Some('는') => is_hangul(before) && !KOREAN_VERBS.contains(before),
        Some('은') => is_hangul(before) && !KOREAN_ADJECTIVES.contains(before),
        _ => false,
    }
}

fn near(said: &str) -> &str {
    let from = said.char_indices().rev().nth(NEAR_LETTERS_MAX).map_or(0, |(at, _)| at);
    said.get(from..).unwrap_or_default()
}

fn begins_any(list: &str, start: &str) -> bool {
    list.split_whitespace().any(|opener| start.starts_with(opener))
}
