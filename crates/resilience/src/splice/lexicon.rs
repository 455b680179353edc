//! Words that tell something by themselves: those that sentences begin with, those after which a
//! sentence is not over, and those with which a model turns to its reader. A few languages, and in
//! each only the most frequent; what is not listed proves nothing.

/// Capitalised, they begin a sentence and are hardly ever part of a name: small words and what
/// answers like to begin with, in English, German, French, Spanish, Italian, Portuguese, Dutch and
/// Russian. `I` and the German `Sie`
/// are left out: they are written so everywhere.
const STARTERS: &str = "\
    a after all also although an and another any as at because before both but by can could do \
    does during each every first for from given has have he her here his how however if in \
    instead is it its let many most my no not now of on once one or our she since so some such \
    that the their then there these they this those to under until use we what when where \
    whether which while who why with without yes yet you your above according add additionally \
    based below consider create finally following furthermore generally good great imagine keep \
    let's looking make moreover next note overall remember start take therefore think today \
    typically understanding unfortunately using aber als auch auf aus bei da damit danach das \
    dazu dein der die dies diese dieser dieses ein eine einen er es für ich im ist jede jeder \
    jedes man mit nach nein nur ob oder sind um und von wann was wenn wie wir zu zuerst zum \
    après avec ce ces cette ceci dans elle en et il ils je les mais nous ou par pour que si sur \
    un une vous como con cuando de desde el ella ellos este esta esto las lo nos para pero por \
    se sin una uno y yo che del gli ma nel non per questo questa sono ao com mas não os uma het \
    een dit dat deze voor wij zij ik niet в вы для если и как когда мы на но он она они по с это \
    эти этот я";

/// After these a clause is not over: an article, a preposition, a conjunction, a small verb.
const DANGLING: &str = "\
    a about after against an and are around as at be because before between but by called can \
    during for from had has have her his if in including into is its like my named near not of \
    on or our over since so than that the their through to toward towards under until via was \
    were when where which while who will with within without your m re ve ll als am auf aus bei \
    das dass dem den der deren des dessen die durch ein eine einem einen einer für gegen ihr \
    ihre im ins ist kein keine mit nach oder sind um und unter vom von vor wenn wie wird zu zum \
    zur zwischen über au aux avec con da dal dans de del della di do du e el en est et il la las \
    le les lo los no nel o os ou par para per por pour que su sur uma un una une van y и в на о \
    от по с из к для";

/// These join a clause to another.
const CONJUNCTIONS: &str = "\
    after although and as because before but if or since so than that though unless until what \
    when where whether which while";

/// Words of four letters and more that say nothing of what a text is about.
const SMALL: &str = "\
    about after aber again also although another auch avec because been before being between \
    both cada como could cette dans dass dazu dein dies diese dieser does doing during each eine \
    einem einen einer elle every from have having here however including into just kann like \
    mais make many more most much nach nicht nous oder often only other over para pero pour same \
    seine should sich sind some such sulla than that their them then there these they this those \
    through under until very vous wenn werden were what when where which while will wird with \
    within without would your zwischen 的 了 在 是 和 有 不 一 个 這 这 我 他";

/// Words that show a German text, in which every noun has a capital.
const GERMAN: &str = "\
    auch auf aus bei das dem den der des die ein eine einem einen einer er für ich im ist mit \
    nach nicht oder sich sind und von werden wie wird zu zum zur über";

/// With these a text sums up what it said before, and so may say it again.
const SUMMARIES: &str = "\
    altogether|finally|hence|in all|in brief|in conclusion|in short|in summary|overall|so|\
    therefore|thus|to conclude|to recap|to sum up|to summarize|insgesamt|kurz|zusammenfassend|\
    en conclusion|en résumé|enfin|en resumen|en conclusión|in sintesi|em resumo|总之|综上|要するに|\
    まとめ|итак|таким образом";

/// With these a model turns to its reader, whatever came before.
const ADDRESSES: &str = "\
    <think|Absolutely!|Apologies|As an AI|Certainly!|Great question|Hello|Hey|Hi|I apologi|\
    I am sorry|I can't help|I cannot help|I'm sorry|I’m sorry|My apologies|Of course!|Sorry|\
    Sure!|Sure thing|Thank you for|Thanks for|You're right|You’re right|Entschuldigung|\
    Es tut mir leid|Gerne!|Natürlich!|Bien sûr|Bonjour|Désolé|Je suis désolé|Je m'excuse|\
    Claro!|¡Claro|Hola|¡Hola|Lo siento|Por supuesto|Ciao|Mi dispiace|Olá|Desculpe|好的|当然可以|\
    當然可以|抱歉|很抱歉|对不起|您好|你好|もちろん|承知|申し訳|かしこまり|죄송|안녕하세요|물론|Конечно|Извините|Здравствуйте";

/// With these it does so if the sentence before was not over.
const TURNS: &str = "\
    Absolutely|Certainly|Continuing|Got it|Here are|Here is|Here's|Here’s|I'd be|I’d be|\
    It looks like|It seems|Let me|No problem|Of course|Okay|OK|Please|Sure|Understood|Gerne|\
    Hier ist|Hier sind|Klar|Natürlich|Voici|Claro|Aquí|Ecco|Certo|Aqui está|以下|当然|以下は|はい、|はい。|はい！|네,|네.|\
    Вот";

fn holds(list: &str, word: &str) -> bool {
    list.split(' ').any(|known| known == word)
}

fn begins_any(list: &str, start: &str) -> bool {
    list.split('|').any(|opener| begins(start, opener))
}

/// Such a word with a capital begins a sentence. `word` is without case.
pub(super) fn is_starter(word: &str) -> bool {
    holds(STARTERS, word)
}

/// After such a word something must follow.
pub(super) fn is_dangling(word: &str) -> bool {
    holds(DANGLING, word)
}

/// After such a word a clause with a subject of its own may follow.
pub(super) fn joins_clauses(word: &str) -> bool {
    holds(CONJUNCTIONS, word)
}

/// A word that says nothing of what a text is about.
pub(super) fn is_small(word: &str) -> bool {
    holds(SMALL, word)
}

/// A small word of German.
pub(super) fn is_german(word: &str) -> bool {
    holds(GERMAN, word)
}

/// True if a text begins by summing up; `start` is in lower case.
pub(super) fn sums_up(start: &str) -> bool {
    begins_any(SUMMARIES, start)
}

/// A model turns to its reader.
pub(super) fn addresses(start: &str) -> bool {
    begins_any(ADDRESSES, start)
}

/// It does, if what came before was not over.
pub(super) fn turns(start: &str) -> bool {
    begins_any(TURNS, start)
}

/// Whole words only, where the script has such.
fn begins(start: &str, opener: &str) -> bool {
    let Some(rest) = start.strip_prefix(opener) else { return false };
    let open = opener.ends_with(|c: char| c.is_alphabetic() && !super::words::is_wordless(c));
    !open || opener == "I apologi" || !rest.starts_with(char::is_alphanumeric)
}
